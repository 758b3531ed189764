-- The accounts of an event that concerns several (a JSON array): a feed's, those whose posts no worker takes.
-- An event without any concerns all accounts.

ALTER TABLE event ADD COLUMN account_dids TEXT CHECK (json_valid(account_dids));

UPDATE event SET account_dids = (
  SELECT json_group_array(account_did) FROM feed_account WHERE feed_id = event.subject_id
) WHERE kind = 'feed.failing';
