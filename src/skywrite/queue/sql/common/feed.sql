-- name: insert_feed
-- Store a feed, held by the one who adds it; nothing when its address is there already.
INSERT INTO feed (
  url, title, settings, next_check_at, ready_at, lease_token, lease_owner, lease_until, created_at
) VALUES (:url, :title, :settings, :now, :until, 1, :worker, :until, :now)
ON CONFLICT (url) DO NOTHING RETURNING *

-- name: insert_feed_account
-- Note that an account gets the posts of a feed.
INSERT INTO feed_account (feed_id, position, account_did) VALUES (:feed_id, :position, :did) ON CONFLICT DO NOTHING

-- name: get_feed
-- One feed.
SELECT * FROM feed WHERE id = :id

-- name: feed_with_url
-- The feed at an address.
SELECT * FROM feed WHERE url = :url

-- name: list_feeds
-- All feeds.
SELECT * FROM feed ORDER BY id

-- name: list_feed_accounts
-- The accounts of all feeds, in the order in which they were given.
SELECT feed_id, account_did FROM feed_account ORDER BY feed_id, position

-- name: feed_accounts
-- The accounts of a feed, in the order in which they were given.
SELECT account_did FROM feed_account WHERE feed_id = :id ORDER BY position

-- name: delete_feed
-- Forget a feed and its ledger.
DELETE FROM feed WHERE id = :id

-- name: set_feed_settings
-- Change what a user has set for a feed.
UPDATE feed SET settings = :settings WHERE id = :id

-- name: forget_feed_accounts
-- Let nobody get the posts of a feed.
DELETE FROM feed_account WHERE feed_id = :id

-- name: take_feed
-- Give a feed's lease to a worker.
UPDATE feed SET lease_token = lease_token + 1, lease_owner = :worker, lease_until = :until, ready_at = :until
WHERE id = :id

-- name: renew_feed
-- Hold a feed for longer, while the lease is still ours.
UPDATE feed SET lease_until = :until, ready_at = :until WHERE id = :id AND lease_token = :token

-- name: release_feed
-- Give a feed back: it may be taken when its next check is due.
UPDATE feed SET lease_owner = NULL, lease_until = NULL, ready_at = next_check_at
WHERE id = :id AND lease_token = :token

-- name: expire_feed_leases
-- End the leases of a worker that is gone.
UPDATE feed SET lease_owner = NULL, lease_until = NULL, ready_at = :now, lease_token = lease_token + 1
WHERE lease_owner = :owner

-- name: feed_lease_owners
-- The workers that hold feeds.
SELECT DISTINCT lease_owner FROM feed WHERE lease_owner IS NOT NULL

-- name: next_feed
-- The earliest time at which any feed may be taken.
SELECT min(ready_at) AS ready_at FROM feed WHERE ready_at IS NOT NULL

-- name: note_check
-- Note what a check of a feed has shown.
UPDATE feed SET
  url = :url, title = :title, state = :state, memory = :memory, next_check_at = :next_check_at, checked_at = :now,
  first_polled_at = :first_polled_at, failures = :failures,
  error_name = :error_name, error_message = :error_message, error_hint = :error_hint
WHERE id = :id

-- name: insert_feed_item
-- Enter an item into the ledger.
INSERT INTO feed_item (
  feed_id, state, hash, title, content, has_guid, published_at, title_hash, fingerprints, seen_at, updated_at,
  error_name, error_message, error_hint
) VALUES (
  :feed_id, :state, :hash, :title, :content, :has_guid, :published_at, :title_hash, :fingerprints, :now, :now,
  :error_name, :error_message, :error_hint
) RETURNING id

-- name: insert_fingerprint
-- Note one more thing that an item is known by; the first item that had it keeps it.
INSERT INTO feed_fingerprint (feed_id, fingerprint, item_id, weak) VALUES (:feed_id, :fingerprint, :item_id, :weak)
ON CONFLICT DO NOTHING

-- name: delete_weak_fingerprints
-- Forget what an item was known by before it was edited.
DELETE FROM feed_fingerprint WHERE item_id = :item_id AND weak

-- name: edit_feed_item
-- Bring an item of the ledger up to date; what it says is kept only while it waits.
UPDATE feed_item SET
  title = :title, published_at = :published_at, title_hash = :title_hash, has_guid = :has_guid,
  fingerprints = fingerprints + :fingerprints, content = CASE WHEN state = 'pending' THEN :content ELSE content END, updated_at = :now
WHERE id = :id

-- name: pending_items
-- Items of a feed that wait, the oldest first; those that made trouble come last.
SELECT * FROM feed_item WHERE feed_id = :feed_id AND state = 'pending' ORDER BY tries, id LIMIT :limit

-- name: list_feed_items
-- Items of a feed, the latest first.
SELECT * FROM feed_item WHERE feed_id = :feed_id ORDER BY id DESC LIMIT :limit

-- name: retry_failed_items
-- Items that could not be posted wait again, if it is still known what they say.
UPDATE feed_item SET
  state = 'pending', tries = 0, updated_at = :now, error_name = NULL, error_message = NULL, error_hint = NULL
WHERE feed_id = :feed_id AND state = 'failed' AND content IS NOT NULL

-- name: poll_feed_now
-- Let a feed be checked at once, or as soon as its checker gives it back.
UPDATE feed SET next_check_at = :now, ready_at = CASE WHEN lease_until IS NULL THEN :now ELSE ready_at END
WHERE id = :id AND state = 'active'

-- name: fail_feed_item
-- An item cannot be posted as things are; what it says is kept for another try.
UPDATE feed_item SET
  state = 'failed', tries = tries + 1, updated_at = :now,
  error_name = :error_name, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND state = 'pending'

-- name: finish_feed_item
-- An item is done with.
UPDATE feed_item SET
  state = :state, content = NULL, tries = tries + :tries, updated_at = :now,
  error_name = :error_name, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND state = 'pending'

-- name: postpone_feed_item
-- An item could not be used for now.
UPDATE feed_item SET
  tries = tries + 1, updated_at = :now,
  error_name = :error_name, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND state = 'pending'

-- name: count_items_of_feed
-- How many items of each state a feed has.
SELECT feed_id, state, count(*) AS count FROM feed_item WHERE feed_id = :feed_id GROUP BY feed_id, state

-- name: count_feed_items
-- How many items of each state each feed has.
SELECT feed_id, state, count(*) AS count FROM feed_item GROUP BY feed_id, state

-- name: count_pending_items
-- How many items of a feed wait to be posted.
SELECT count(*) AS count FROM feed_item WHERE feed_id = :feed_id AND state = 'pending'
