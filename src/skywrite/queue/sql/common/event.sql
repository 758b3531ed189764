-- name: insert_event
-- Record an event.
INSERT INTO event (kind, account_did, account_dids, subject_id, data, created_at)
VALUES (:kind, :account_did, :account_dids, :subject_id, :data, :now) RETURNING id

-- name: insert_events
-- Record events about posts.
INSERT INTO event (kind, account_did, account_dids, subject_id, data, created_at)
SELECT
  item.value ->> 'kind', item.value ->> 'account_did', item.value ->> 'account_dids', CAST(item.value ->> 'subject_id' AS bigint),
  item.value -> 'data', :now
FROM json_each(:items) AS item WHERE true

-- name: events_after
-- The events after an event.
SELECT * FROM event WHERE id > :after ORDER BY id LIMIT :limit

-- name: last_event
-- The number of the last event.
SELECT coalesce(max(id), 0) AS id FROM event

-- name: forget_events
-- Delete events that nobody needs any more.
DELETE FROM event WHERE created_at < :before
