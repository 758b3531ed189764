-- name: insert_inbox
-- Add an item: a reply, mention or quote of our posts. Each is added only once.
INSERT INTO inbox (
  account_did, uri, cid, reason, author_did, author_handle, text, subject, indexed_at, parent, root, labels, more
) VALUES (
  :account_did, :uri, :cid, :reason, :author_did, :author_handle, :text, :subject, :indexed_at, :parent, :root, :labels, :more
)
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
-- Record that an item needs no reply (then no function looks at it any more), or that it is snoozed.
UPDATE inbox SET state = :state, snoozed_until = :snoozed_until,
  handled_at = CASE WHEN :state = 'done' THEN coalesce(handled_at, :now) ELSE handled_at END
WHERE id = :id

-- name: answer_inbox
-- Record the post with which a person replies to an item.
UPDATE inbox SET state = :state, snoozed_until = NULL, answer_id = :answer_id, answers = :answers,
  handled_at = coalesce(handled_at, :now)
WHERE id = :id

-- name: answer_inbox_by_function
-- Record the post with which a function replies to an item, unless somebody has dealt with it meanwhile.
UPDATE inbox SET
  state = 'done', answer_id = :answer_id, answers = answers + 1, answered_at = :now, handled_at = :now, lease_owner = NULL, lease_until = NULL,
  look_at = :look_at
WHERE id = :id AND tries = :was AND handled_at IS NULL AND state = 'new' AND answer_id IS NULL
  AND (snoozed_until IS NULL OR snoozed_until <= :now)

-- name: next_unhandled
-- The next items of an account for a function, after one of them: those that nobody has answered, marked as done or snoozed.
SELECT * FROM inbox
WHERE account_did = :account_did AND id > :after AND handled_at IS NULL AND tries < :tries
  AND (lease_until IS NULL OR lease_until <= :now)
  AND state = 'new' AND answer_id IS NULL AND (snoozed_until IS NULL OR snoozed_until <= :now)
ORDER BY id LIMIT :limit

-- name: pass_inbox
-- Record that no function gets an item, and why.
UPDATE inbox SET passed = :why, handled_at = :now, lease_owner = NULL, lease_until = NULL WHERE id = :id AND handled_at IS NULL

-- name: pass_whole_inbox
-- Record that no function gets the items that an account has so far, and why.
UPDATE inbox SET passed = :why, handled_at = :now, lease_owner = NULL, lease_until = NULL
WHERE account_did = :account_did AND handled_at IS NULL

-- name: answers_since
-- To whom, and in which conversations, functions of an account answer now or have answered since a time.
SELECT author_did, root FROM inbox WHERE account_did = :account_did AND answered_at >= :since
UNION ALL
SELECT author_did, root FROM inbox WHERE account_did = :account_did AND handled_at IS NULL AND lease_until > :now AND lease_owner IS NOT NULL

-- name: count_answers
-- How many items of an account were ever answered by a function, up to a limit.
SELECT count(*) AS answers FROM (
  SELECT 1 FROM inbox WHERE account_did = :account_did AND answered_at IS NOT NULL LIMIT :limit
) AS found

-- name: inbox_to_look_at
-- The answered items of an account of which it is time to see whether they are still there.
SELECT * FROM inbox WHERE account_did = :account_did AND look_at IS NOT NULL AND look_at <= :now ORDER BY look_at LIMIT :limit

-- name: look_at_inbox
-- Record when to look again whether an item is still there; NULL is never.
UPDATE inbox SET look_at = :look_at WHERE id = :id

-- name: same_words_answered
-- An item with the same words by the same author that a function answered since a time.
SELECT id FROM inbox
WHERE account_did = :account_did AND answered_at >= :since AND author_did = :author_did AND text = :text LIMIT 1

-- name: lease_unhandled
-- Claim an item for a function.
UPDATE inbox SET lease_owner = :worker, lease_until = :until, tries = tries + 1
WHERE id = :id AND handled_at IS NULL AND tries = :was RETURNING *

-- name: set_aside_inbox
-- Leave an item alone until a time, because its row cannot be read.
UPDATE inbox SET lease_owner = NULL, lease_until = :until WHERE id = :id

-- name: handled_inbox
-- Record that a function has handled an item.
UPDATE inbox SET handled_at = :now, lease_owner = NULL, lease_until = NULL WHERE id = :id AND tries = :was

-- name: get_inbox_place
-- How far the notifications of an account were read.
SELECT gaps, until FROM inbox_place WHERE account_did = :account_did

-- name: put_inbox_place
-- Record how far the notifications of an account were read.
INSERT INTO inbox_place (account_did, gaps, until) VALUES (:account_did, :gaps, :until)
ON CONFLICT (account_did) DO UPDATE SET gaps = excluded.gaps, until = excluded.until

-- name: list_inbox_functions
-- Since when what answers an account does so: after which items.
SELECT name, after_id FROM inbox_function WHERE account_did = :account_did

-- name: last_inbox
-- The last item of an account.
SELECT coalesce(max(id), 0) AS id FROM inbox WHERE account_did = :account_did

-- name: put_inbox_function
-- Record since when something answers what comes to an account.
INSERT INTO inbox_function (account_did, name, since, after_id) VALUES (:account_did, :name, :now, :after_id)
ON CONFLICT (account_did, name) DO NOTHING

-- name: postpone_inbox
-- Leave an item alone until a time, because a function wants it again then. It does not count as a try.
UPDATE inbox SET lease_owner = NULL, lease_until = :until, again_at = :until, tries = tries - 1
WHERE id = :id AND tries = :was AND handled_at IS NULL

-- name: forget_inbox
-- Delete items that are old.
DELETE FROM inbox WHERE indexed_at < :before
