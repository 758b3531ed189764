-- name: insert_action
-- Add a repost or pin, or the undoing of one, unless there is one with its key.
INSERT INTO action (
  account_did, kind, uri, cid, rkey, due_at, undo_seconds, attempt_at, created_at, rule, zone, until, replaces, key
) VALUES (
  :account_did, :kind, :uri, :cid, :rkey, :due_at, :undo_seconds, :due_at, :now, :rule, :zone, :until, :replaces, :key
) ON CONFLICT (account_did, key) DO NOTHING RETURNING *

-- name: action_with_key
-- The action that was added with a key.
SELECT * FROM action WHERE account_did = :account_did AND key = :key

-- name: list_actions
-- The actions that are waiting or have failed, or of these in one state, in due order.
SELECT * FROM action WHERE state IN ('waiting', 'failed') AND :state IN ('', state) ORDER BY due_at, id LIMIT :limit

-- name: list_account_actions
-- The actions of an account that are waiting or have failed, or of these in one state, in due order.
SELECT * FROM action WHERE account_did = :did AND state IN ('waiting', 'failed') AND :state IN ('', state)
ORDER BY due_at, id LIMIT :limit

-- name: actions_since
-- The actions that were done since a time, are waiting or have failed, in due order.
SELECT * FROM action WHERE state IN ('waiting', 'failed') OR (state = 'done' AND done_at >= :since) ORDER BY due_at, id

-- name: next_action_at
-- When the next action is due.
SELECT min(attempt_at) AS attempt_at FROM action WHERE state = 'waiting'

-- name: get_action
-- One action.
SELECT * FROM action WHERE id = :id

-- name: accounts_with_actions
-- The accounts that have actions which are due, with their servers, whoever has waited the longest first.
SELECT account.did, account.pds_url, min(action.attempt_at) AS since
FROM action JOIN account ON account.did = action.account_did
WHERE action.state = 'waiting' AND action.attempt_at <= :now
GROUP BY account.did, account.pds_url ORDER BY since, account.did

-- name: next_action
-- The next action that is due, of one account or ('') of any.
SELECT * FROM action
WHERE state = 'waiting' AND attempt_at <= :now AND (:account_did = '' OR account_did = :account_did)
ORDER BY attempt_at, id LIMIT 1

-- name: take_action
-- Claim an action until a time, when it may be tried again.
UPDATE action SET tries = tries + 1, attempt_at = :until, lease_owner = :worker
WHERE id = :id AND state = 'waiting' AND tries = :tries RETURNING *

-- name: set_aside_action
-- Leave an action alone until a time, because its row cannot be read.
UPDATE action SET attempt_at = :until, error = :error WHERE id = :id

-- name: settle_action
-- Store the outcome of a try, unless somebody else has claimed the action since.
UPDATE action SET state = :state, attempt_at = :attempt_at, lease_owner = NULL, error = :error, done_at = :done_at
WHERE id = :id AND state = 'waiting' AND tries = :tries

-- name: try_actions_again
-- Try an account's actions at once that wait after an attempt that failed.
UPDATE action SET attempt_at = :now
WHERE account_did = :did AND state = 'waiting' AND attempt_at > :now AND due_at <= :now AND error IS NOT NULL

-- name: cancel_action
-- Cancel an action.
UPDATE action SET state = 'cancelled' WHERE id = :id AND state IN ('waiting', 'failed')

-- name: forget_actions
-- Delete reposts and pins that were over long ago, but for those with a key, with which a request may be repeated.
DELETE FROM action WHERE state IN ('done', 'cancelled') AND key IS NULL AND attempt_at < :before
