-- name: insert_timer
-- Add a command or a function.
INSERT INTO timer (kind, name, account_did, rule, zone, late_seconds, settings, next_at, created_at)
VALUES (:kind, :name, :account_did, :rule, :zone, :late_seconds, :settings, :next_at, :now)
ON CONFLICT (name) WHERE kind = 'function' DO NOTHING
RETURNING *

-- name: get_timer
-- One timer.
SELECT * FROM timer WHERE id = :id

-- name: get_function_timer
-- The timer of a function.
SELECT * FROM timer WHERE kind = 'function' AND name = :name

-- name: list_timers
-- All timers, in the order in which they were added.
SELECT * FROM timer ORDER BY id

-- name: change_timer
-- Change the rule, account or lateness of a function's timer. Its past runs stay.
UPDATE timer SET
  rule = :rule, zone = :zone, account_did = :account_did, late_seconds = :late_seconds, next_at = :next_at
WHERE id = :id

-- name: delete_timer
-- Delete a timer.
DELETE FROM timer WHERE id = :id

-- name: move_timer
-- Move a timer that nobody runs to another occurrence, unless somebody has already moved it. A previous holder loses
-- its lease.
UPDATE timer SET next_at = :next_at, lease_owner = NULL, lease_until = NULL
WHERE id = :id AND next_at = :seen AND (lease_until IS NULL OR lease_until <= :now OR lease_owner = :dead)

-- name: take_timer
-- Claim one occurrence of a timer, unless somebody is running it or has run it.
UPDATE timer SET
  lease_token = lease_token + 1, lease_owner = :worker, lease_until = :until, next_at = :occurrence
WHERE id = :id AND next_at = :seen AND (lease_until IS NULL OR lease_until <= :now OR lease_owner = :dead)
RETURNING *

-- name: renew_timer
-- Extend the lease of a timer, unless somebody has taken it over or its run is finished.
UPDATE timer SET lease_until = :until WHERE id = :id AND lease_token = :token AND lease_until IS NOT NULL

-- name: finish_timer
-- Store the outcome of a run, if the lease is still ours.
UPDATE timer SET
  lease_owner = NULL, lease_until = NULL, occurrence = :occurrence, next_at = :next_at, ran_at = :now,
  outcome = :outcome, error_code = :error_code, error_message = :error_message, error_hint = :error_hint,
  printed_hash = coalesce(:printed_hash, printed_hash),
  printed_at = CASE WHEN coalesce(:printed_hash, '') = '' THEN printed_at ELSE :now END
WHERE id = :id AND lease_token = :token AND lease_until IS NOT NULL

-- name: note_timer
-- Store the outcome of an extra run.
UPDATE timer SET
  ran_at = :now, outcome = :outcome, error_code = :error_code, error_message = :error_message,
  error_hint = :error_hint, printed_hash = coalesce(:printed_hash, printed_hash),
  printed_at = CASE WHEN coalesce(:printed_hash, '') = '' THEN printed_at ELSE :now END
WHERE id = :id
