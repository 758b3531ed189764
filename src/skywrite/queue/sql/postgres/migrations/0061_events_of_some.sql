-- The accounts of an event that concerns several (a JSON array): a feed's, those whose posts no worker takes.
-- An event without any concerns all accounts.

ALTER TABLE event ADD COLUMN account_dids text;

UPDATE event SET account_dids = (
  SELECT coalesce(json_agg(account_did), '[]')::text FROM feed_account WHERE feed_id = event.subject_id
) WHERE kind = 'feed.failing';
