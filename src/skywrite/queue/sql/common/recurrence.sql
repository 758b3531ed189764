-- name: insert_recurrence
-- Add a recurrence.
INSERT INTO recurrence (
  account_did, rule, zone, draft, pool, prepared, starts_at, until, exceptions, jitter_seconds, late_policy,
  late_seconds, source, created_at, updated_at
) VALUES (
  :account_did, :rule, :zone, :draft, :pool, :prepared, :starts_at, :until, :exceptions, :jitter_seconds, :late_policy,
  :late_seconds, :source, :now, :now
) RETURNING id

-- name: insert_recurrence_media
-- Record that the posts of a recurrence need stored bytes.
INSERT INTO recurrence_media (recurrence_id, cid) VALUES (:recurrence_id, :cid) ON CONFLICT DO NOTHING

-- name: get_recurrence
-- One recurrence.
SELECT * FROM recurrence WHERE id = :id

-- name: list_recurrences
-- All recurrences.
SELECT * FROM recurrence ORDER BY id

-- name: list_account_recurrences
-- The recurrences of an account.
SELECT * FROM recurrence WHERE account_did = :did ORDER BY id

-- name: idle_recurrences
-- Recurrences whose posts are all finished, or moved past their occurrence, with the last occurrence that a post was
-- made for, when that post was due and when it went out; more conditions and the order follow.
SELECT recurrence.*, last.occurrence AS last_occurrence, last.due_at AS last_due_at, last.published_at AS last_published_at
FROM recurrence LEFT JOIN post AS last ON last.recurrence_id = recurrence.id AND last.occurrence = (
  SELECT max(occurrence) FROM post WHERE post.recurrence_id = recurrence.id
)
WHERE recurrence.state = 'active' AND NOT EXISTS (
  SELECT 1 FROM post INDEXED BY post_rule_waiting
  WHERE post.recurrence_id = recurrence.id AND post.state IN ('draft', 'scheduled', 'publishing')
    AND (post.occurrence IS NULL OR post.occurrence > :now OR post.due_at <= :now)
)

-- name: update_recurrence
-- Change the settings of a recurrence, unless somebody else has changed it meanwhile.
UPDATE recurrence SET
  state = :state, rule = :rule, zone = :zone, draft = :draft, pool = :pool, prepared = :prepared, until = :until,
  exceptions = :exceptions, jitter_seconds = :jitter_seconds, late_policy = :late_policy,
  late_seconds = :late_seconds, updated_at = :now
WHERE id = :id AND updated_at = :seen

-- name: forget_recurrence_media
-- Detach the stored bytes of a recurrence.
DELETE FROM recurrence_media WHERE recurrence_id = :id

-- name: withdraw_occurrences
-- Cancel the untried posts of a changed recurrence, which frees their occurrences for the new posts.
UPDATE post SET version = version + 1, state = 'cancelled', occurrence = NULL, attempt_at = NULL, updated_at = :now
WHERE recurrence_id = :id AND state IN ('draft', 'scheduled', 'held') AND frozen IS NULL AND occurrence > :now

-- name: count_occurrence
-- Count one more post of a recurrence.
UPDATE recurrence SET position = position + 1 WHERE id = :id

-- name: give_turn_back
-- Let the next post of a recurrence take the text of a skipped one.
UPDATE recurrence SET position = position - 1 WHERE id = :id AND position > 0

-- name: delete_recurrence
-- Delete a recurrence. The posts that it made stay.
DELETE FROM recurrence WHERE id = :id

-- name: cancel_occurrences
-- Cancel the scheduled posts of a recurrence.
UPDATE post SET version = version + 1, state = 'cancelled', attempt_at = NULL, updated_at = :now
WHERE recurrence_id = :id AND state IN ('draft', 'scheduled', 'held') AND frozen IS NULL

-- name: list_slots
-- The weekly slots of an account.
SELECT weekday, minute, zone FROM slot WHERE account_did = :did ORDER BY weekday, minute

-- name: delete_slots
-- Delete the weekly slots of an account.
DELETE FROM slot WHERE account_did = :did

-- name: insert_slot
-- Add a weekly slot.
INSERT INTO slot (account_did, weekday, minute, zone) VALUES (:did, :weekday, :minute, :zone)
