-- name: insert_way
-- Add a way of answering.
INSERT INTO way (account_did, created_at) VALUES (:account_did, :now) RETURNING *

-- name: list_ways
-- All ways of answering, in the order in which they are asked.
SELECT * FROM way ORDER BY id

-- name: get_way
-- One way of answering.
SELECT * FROM way WHERE id = :id

-- name: set_way_state
-- Pause a way of answering, or let it go on.
UPDATE way SET state = :state WHERE id = :id

-- name: delete_way
-- Forget a way of answering; what it answered stays.
DELETE FROM way WHERE id = :id

-- name: note_way
-- Note what became of the last item that a way got.
UPDATE way SET asked_at = :now, outcome = :outcome, error_code = :error_code, error_message = :error_message,
  error_hint = :error_hint
WHERE id = :id

-- name: list_answered
-- What was answered by itself for an account (or for all), the latest first, with the post that answers it.
SELECT inbox.id, inbox.account_did, inbox.uri, inbox.author_handle, inbox.text, inbox.answered_at, inbox.answer_id,
  post.state, post.draft
FROM inbox LEFT JOIN post ON post.id = inbox.answer_id
WHERE inbox.answered_at IS NOT NULL AND (:account_did = '' OR inbox.account_did = :account_did)
ORDER BY inbox.answered_at DESC, inbox.id DESC LIMIT :limit
