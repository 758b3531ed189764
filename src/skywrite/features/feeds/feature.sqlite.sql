-- name: lock_feed
-- Lock one feed in this transaction (BEGIN IMMEDIATE already keeps other writers away).
SELECT * FROM feed WHERE id = :id

-- name: lock_feeds
-- Let nobody else add a feed before this transaction ends (BEGIN IMMEDIATE already keeps other writers away).
SELECT 1 AS locked

-- name: lock_due_feed
-- Lock one feed in this transaction, if it may be claimed.
SELECT * FROM feed WHERE id = :id AND ready_at <= :now

-- name: known_fingerprints
-- The items of a feed that have any of these fingerprints (a JSON array).
SELECT
  fingerprint, item.id, item.state, item.has_guid, item.published_at, item.title_hash, item.fingerprints, weak
FROM feed_fingerprint
JOIN feed_item AS item ON item.id = feed_fingerprint.item_id
WHERE feed_fingerprint.feed_id = :feed_id AND fingerprint IN (SELECT value FROM json_each(:fingerprints))
