-- name: lock_feed
-- Lock one feed until the transaction ends.
SELECT * FROM feed WHERE id = :id FOR UPDATE

-- name: lock_feeds
-- Let nobody else add a feed before this transaction ends.
LOCK TABLE feed IN SHARE ROW EXCLUSIVE MODE

-- name: lock_due_feed
-- Lock one feed until the transaction ends, if it may be claimed.
SELECT * FROM feed WHERE id = :id AND ready_at <= :now FOR UPDATE

-- name: known_fingerprints
-- The items of a feed that have any of these fingerprints (a JSON array).
SELECT
  fingerprint, item.id, item.state, item.has_guid, item.published_at, item.title_hash, item.fingerprints, weak
FROM json_array_elements_text(CAST(:fingerprints AS json)) AS asked (number)
JOIN feed_fingerprint ON feed_fingerprint.feed_id = :feed_id AND fingerprint = CAST(asked.number AS bigint)
JOIN feed_item AS item ON item.id = feed_fingerprint.item_id
