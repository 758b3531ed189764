-- name: insert_inbox
-- Note something that others wrote about our posts; once.
INSERT INTO inbox (account_did, uri, cid, reason, author_did, author_handle, text, subject, indexed_at)
VALUES (:account_did, :uri, :cid, :reason, :author_did, :author_handle, :text, :subject, :indexed_at)
ON CONFLICT (account_did, uri) DO NOTHING

-- name: known_inbox
-- Something that was noted before.
SELECT id FROM inbox WHERE account_did = :account_did AND uri = :uri

-- name: list_inbox
-- What waits for an answer, the oldest first.
SELECT * FROM inbox WHERE state = 'new' AND (snoozed_until IS NULL OR snoozed_until <= :now)
  AND (:account_did = '' OR account_did = :account_did)
ORDER BY indexed_at, id LIMIT :limit

-- name: count_inbox
-- How much waits for an answer, up to a limit.
SELECT count(*) AS waiting FROM (
  SELECT 1 FROM inbox WHERE state = 'new' AND (snoozed_until IS NULL OR snoozed_until <= :now)
    AND (:account_did = '' OR account_did = :account_did)
  LIMIT :limit
) AS found

-- name: list_whole_inbox
-- Everything, the latest first.
SELECT * FROM inbox WHERE :account_did = '' OR account_did = :account_did
ORDER BY indexed_at DESC, id DESC LIMIT :limit

-- name: answered_by
-- What a post of ours answers.
SELECT * FROM inbox WHERE answer_id = :post_id

-- name: get_inbox
-- One of them.
SELECT * FROM inbox WHERE id = :id

-- name: settle_inbox
-- Note that it was answered, or needs no answer, or is to come again later.
UPDATE inbox SET state = :state, snoozed_until = :snoozed_until, answer_id = coalesce(:answer_id, answer_id)
WHERE id = :id

-- name: next_unhandled
-- What no function has had yet.
SELECT * FROM inbox
WHERE handled_at IS NULL AND tries < :tries AND (lease_until IS NULL OR lease_until <= :now) ORDER BY id LIMIT 1

-- name: lease_unhandled
-- Take the right to give it to a function.
UPDATE inbox SET lease_until = :until, tries = tries + 1
WHERE id = :id AND handled_at IS NULL AND tries = :was RETURNING *

-- name: handled_inbox
-- A function has had it.
UPDATE inbox SET handled_at = :now, lease_until = NULL WHERE id = :id AND tries = :was
