-- name: insert_event
-- Note that something happened.
INSERT INTO event (kind, account_did, subject_id, data, created_at)
VALUES (:kind, :account_did, :subject_id, :data, :now) RETURNING id

-- name: insert_events
-- Note that things happened.
INSERT INTO event (kind, account_did, subject_id, data, created_at)
VALUES (:kind, :account_did, :subject_id, :data, :now)

-- name: events_after
-- What happened after an event.
SELECT * FROM event WHERE id > :after ORDER BY id LIMIT :limit

-- name: last_event
-- The number of the last event.
SELECT coalesce(max(id), 0) AS id FROM event

-- name: forget_events
-- Drop events that nobody asks for any more.
DELETE FROM event WHERE created_at < :before
