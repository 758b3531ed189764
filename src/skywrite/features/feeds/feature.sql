-- name: insert_feed
-- Add a feed, leased by the process that adds it.
INSERT INTO feed (
  url, title, settings, next_check_at, ready_at, lease_token, lease_owner, lease_until, created_at
) VALUES (:url, :title, :settings, :now, :until, 1, :worker, :until, :now)
RETURNING *

-- name: insert_feed_account
-- Add an account that gets the posts of a feed.
INSERT INTO feed_account (feed_id, position, account_did) VALUES (:feed_id, :position, :did) ON CONFLICT DO NOTHING

-- name: get_feed
-- One feed.
SELECT * FROM feed WHERE id = :id

-- name: feeds_with_url
-- The feeds at an address.
SELECT * FROM feed WHERE url = :url ORDER BY id

-- name: list_feeds
-- All feeds.
SELECT * FROM feed ORDER BY id

-- name: failing_feeds
-- The feeds that could not be read for some time, or are gone.
SELECT * FROM feed WHERE failures >= :failures OR state = 'gone' ORDER BY id

-- name: list_feed_accounts
-- The accounts of all feeds, in the order in which the user gave them.
SELECT feed_id, account_did FROM feed_account ORDER BY feed_id, position

-- name: feed_accounts
-- The accounts of a feed, in the order in which the user gave them.
SELECT account_did FROM feed_account WHERE feed_id = :id ORDER BY position

-- name: delete_feed
-- Delete a feed and its ledger.
DELETE FROM feed WHERE id = :id

-- name: set_feed_settings
-- Change the settings of a feed.
UPDATE feed SET settings = :settings WHERE id = :id

-- name: set_feed_agent
-- Record the agent that added or changed a feed.
UPDATE feed SET agent = :who WHERE id = :id

-- name: get_feed_agent
-- The agent that added or changed a feed.
SELECT agent FROM feed WHERE id = :id

-- name: forget_feed_accounts
-- Remove all accounts from a feed.
DELETE FROM feed_account WHERE feed_id = :id

-- name: take_feed
-- Give a feed's lease to a worker.
UPDATE feed SET lease_token = lease_token + 1, lease_owner = :worker, lease_until = :until, ready_at = :until
WHERE id = :id

-- name: set_aside_feed
-- Leave a feed alone until a time, because its row cannot be read.
UPDATE feed SET ready_at = :until WHERE id = :id

-- name: renew_feed
-- Extend the lease of a feed, if it is still ours.
UPDATE feed SET lease_until = :until, ready_at = :until WHERE id = :id AND lease_token = :token

-- name: release_feed
-- Release a feed: it may be claimed when its next check is due.
UPDATE feed SET lease_owner = NULL, lease_until = NULL, ready_at = next_check_at
WHERE id = :id AND lease_token = :token

-- name: due_feeds
-- The feeds that may be claimed, whichever has waited the longest first.
SELECT id, url FROM feed WHERE ready_at <= :now ORDER BY ready_at, id

-- name: next_feed
-- The earliest time at which any feed may be claimed.
SELECT min(ready_at) AS ready_at FROM feed WHERE ready_at IS NOT NULL

-- name: note_check
-- Store the result of polling a feed.
UPDATE feed SET
  url = :url, title = :title, state = :state, memory = :memory, next_check_at = :next_check_at, checked_at = :now,
  first_polled_at = :first_polled_at, failures = :failures,
  error_code = :error_code, error_message = :error_message, error_hint = :error_hint
WHERE id = :id

-- name: insert_feed_item
-- Add an item to the ledger.
INSERT INTO feed_item (
  feed_id, state, hash, title, content, has_guid, published_at, title_hash, fingerprints, seen_at, updated_at,
  error_code, error_message, error_hint
) VALUES (
  :feed_id, :state, :hash, :title, :content, :has_guid, :published_at, :title_hash, :fingerprints, :now, :now,
  :error_code, :error_message, :error_hint
) RETURNING id

-- name: insert_fingerprint
-- Add a fingerprint of an item. If another item already has it, that one keeps it.
INSERT INTO feed_fingerprint (feed_id, fingerprint, item_id, weak) VALUES (:feed_id, :fingerprint, :item_id, :weak)
ON CONFLICT DO NOTHING

-- name: delete_weak_fingerprints
-- Delete the fingerprints that an item had before it was edited.
DELETE FROM feed_fingerprint WHERE item_id = :item_id AND weak

-- name: edit_feed_item
-- Update an item in the ledger. Its content is stored only while it waits.
UPDATE feed_item SET
  title = :title, published_at = :published_at, title_hash = :title_hash, has_guid = :has_guid,
  fingerprints = fingerprints + :fingerprints, content = CASE WHEN state = 'pending' THEN :content ELSE content END, updated_at = :now
WHERE id = :id

-- name: pending_items
-- Waiting items of a feed, oldest first, with items that had problems last.
SELECT * FROM feed_item WHERE feed_id = :feed_id AND state = 'pending' ORDER BY tries, id LIMIT :limit

-- name: list_feed_items
-- Items of a feed, latest first.
SELECT * FROM feed_item WHERE feed_id = :feed_id ORDER BY id DESC LIMIT :limit

-- name: retry_failed_items
-- Let items wait again that could not be posted, if their content is still stored.
UPDATE feed_item SET
  state = 'pending', tries = 0, updated_at = :now, error_code = NULL, error_message = NULL, error_hint = NULL
WHERE feed_id = :feed_id AND state = 'failed' AND content IS NOT NULL

-- name: poll_feed_now
-- Poll a feed now, or as soon as the worker that polls it releases it.
UPDATE feed SET next_check_at = :now, ready_at = CASE WHEN lease_until IS NULL THEN :now ELSE ready_at END
WHERE id = :id AND state = 'active'

-- name: fail_feed_item
-- Record that an item cannot be posted at present. Its content is kept for another try.
UPDATE feed_item SET
  state = 'failed', tries = tries + 1, updated_at = :now,
  error_code = :error_code, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND state = 'pending'

-- name: finish_feed_item
-- Record that an item is finished.
UPDATE feed_item SET
  state = :state, content = NULL, tries = tries + :tries, updated_at = :now,
  error_code = :error_code, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND state = 'pending'

-- name: postpone_feed_item
-- Record that an item could not be used for now.
UPDATE feed_item SET
  tries = tries + 1, updated_at = :now,
  error_code = :error_code, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND state = 'pending'

-- name: count_items_of_feed
-- The number of items of a feed, by state.
SELECT feed_id, state, count(*) AS count FROM feed_item WHERE feed_id = :feed_id GROUP BY feed_id, state

-- name: count_feed_items
-- The number of items of each feed, by state.
SELECT feed_id, state, count(*) AS count FROM feed_item GROUP BY feed_id, state

-- name: count_pending_items
-- The number of items of a feed that wait to be posted.
SELECT count(*) AS count FROM feed_item WHERE feed_id = :feed_id AND state = 'pending'

-- name: end_skewed_feed_waits
-- Poll feeds that a clock which ran ahead has postponed, or that are leased for longer than possible.
UPDATE feed SET
  lease_owner = NULL, lease_until = NULL, lease_token = lease_token + 1, next_check_at = :now, ready_at = :now
WHERE ready_at > :soon AND (lease_until > :lease_end OR (lease_until IS NULL AND checked_at > :soon))
