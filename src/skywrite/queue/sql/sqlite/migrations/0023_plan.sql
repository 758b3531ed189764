-- For the plan of an account, with `post_scheduled`: what is out, held, failed or cancelled, by time.
CREATE INDEX post_unscheduled ON post (account_did, due_at) WHERE state <> 'scheduled';
