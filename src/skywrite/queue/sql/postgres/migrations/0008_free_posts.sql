-- A post that was sent, then looked for, and not there: from then on nothing of it can be under way any more.
ALTER TABLE post ADD COLUMN free_at timestamptz;
CREATE INDEX post_yielding ON post (account_did, attempt_at)
  WHERE state = 'scheduled' AND free_at IS NOT NULL AND attempt_at IS NOT NULL;
