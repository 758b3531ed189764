-- name: insert_inbox
-- Add an item: a reply, mention or quote of our posts. Each is added only once.
INSERT INTO inbox (account_did, uri, cid, reason, author_did, author_handle, text, subject, indexed_at)
VALUES (:account_did, :uri, :cid, :reason, :author_did, :author_handle, :text, :subject, :indexed_at)
ON CONFLICT (account_did, uri) DO NOTHING

-- name: known_inbox
-- An item that was added before.
SELECT id FROM inbox WHERE account_did = :account_did AND uri = :uri

-- name: list_inbox
-- The items that wait for a reply, oldest first.
SELECT * FROM inbox WHERE state = 'new' AND (snoozed_until IS NULL OR snoozed_until <= :now)
  AND (:account_did = '' OR account_did = :account_did)
ORDER BY indexed_at, id LIMIT :limit

-- name: count_inbox
-- The number of items that wait for a reply, up to a limit.
SELECT count(*) AS waiting FROM (
  SELECT 1 FROM inbox WHERE state = 'new' AND (snoozed_until IS NULL OR snoozed_until <= :now)
    AND (:account_did = '' OR account_did = :account_did)
  LIMIT :limit
) AS found

-- name: list_whole_inbox
-- All items, latest first.
SELECT * FROM inbox WHERE :account_did = '' OR account_did = :account_did
ORDER BY indexed_at DESC, id DESC LIMIT :limit

-- name: answered_by
-- The item that one of our posts replies to.
SELECT * FROM inbox WHERE answer_id = :post_id

-- name: get_inbox
-- One item.
SELECT * FROM inbox WHERE id = :id

-- name: settle_inbox
-- Record that we replied to an item, or that it needs no reply, or that it is snoozed.
UPDATE inbox SET state = :state, snoozed_until = :snoozed_until, answer_id = coalesce(:answer_id, answer_id)
WHERE id = :id

-- name: next_unhandled
-- The next item for a function.
SELECT * FROM inbox
WHERE handled_at IS NULL AND tries < :tries AND (lease_until IS NULL OR lease_until <= :now) ORDER BY id LIMIT 1

-- name: lease_unhandled
-- Claim an item for a function.
UPDATE inbox SET lease_until = :until, tries = tries + 1
WHERE id = :id AND handled_at IS NULL AND tries = :was RETURNING *

-- name: handled_inbox
-- Record that a function has handled an item.
UPDATE inbox SET handled_at = :now, lease_until = NULL WHERE id = :id AND tries = :was
