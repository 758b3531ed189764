-- name: put_worker
-- Record that a worker is running.
INSERT INTO worker (name, seen_at, hanging) VALUES (:name, :now, :hanging)
ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, hanging = excluded.hanging

-- name: list_workers
-- The workers that have not ended.
SELECT * FROM worker ORDER BY name

-- name: delete_worker
-- Record that a worker has ended.
DELETE FROM worker WHERE name = :name

-- name: forget_workers
-- Delete workers that were not seen for long, or that a wrong clock saw.
DELETE FROM worker WHERE seen_at < :before OR seen_at > :after

-- name: get_chore
-- When something was last done.
SELECT done_at FROM chore WHERE name = :name

-- name: put_chore
-- Record that something was done.
INSERT INTO chore (name, done_at) VALUES (:name, :now) ON CONFLICT (name) DO UPDATE SET done_at = excluded.done_at

-- name: delete_chore
-- Record that something is to be done anew.
DELETE FROM chore WHERE name = :name
