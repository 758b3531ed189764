-- name: insert_change
-- Note a change with what it replaced.
INSERT INTO change (made_at, verb, batch, content) VALUES (:now, :verb, :batch, :content) RETURNING id

-- name: forget_changes
-- Drop the changes that nobody will take back any more.
DELETE FROM change WHERE id <= :last

-- name: last_change
-- The latest change.
SELECT * FROM change ORDER BY id DESC LIMIT 1

-- name: changes_of_batch
-- All changes of one command, the latest first.
SELECT * FROM change WHERE batch = :batch ORDER BY id DESC

-- name: delete_change
-- Forget a change that was taken back.
DELETE FROM change WHERE id = :id

-- name: restore_post
-- Make a post what it was before a change, if nobody has changed it since.
UPDATE post SET
  version = version + 1, state = :state, due_at = :due_at, attempt_at = :attempt_at, updated_at = :now,
  draft = :draft, text_hash = :text_hash, prepared = :prepared, late_policy = :late_policy, late_seconds = :late_seconds,
  error_name = :error_name, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND version = :version AND state IN ('draft', 'scheduled', 'held', 'failed', 'cancelled')

-- name: accounts_of_posts
-- The accounts of a run of posts.
SELECT DISTINCT account_did FROM post WHERE id BETWEEN :first AND :last ORDER BY account_did

-- name: count_untouched
-- How many posts of a run are as they were accepted.
SELECT count(*) AS count FROM post
WHERE id BETWEEN :first AND :last AND version = 1 AND frozen IS NULL AND state IN ('draft', 'scheduled')

-- name: delete_posts
-- Forget a run of posts that were never tried.
DELETE FROM post WHERE id BETWEEN :first AND :last
