-- name: insert_change
-- Record a change, with what it replaced.
INSERT INTO change (made_at, verb, batch, content) VALUES (:now, :verb, :batch, :content) RETURNING id

-- name: forget_changes
-- Delete changes that are too old to undo.
DELETE FROM change WHERE id <= :last

-- name: latest_changes
-- The latest changes.
SELECT * FROM change ORDER BY id DESC LIMIT :most

-- name: amend_change
-- Let a change be undone after a later one was.
UPDATE change SET content = :content WHERE id = :id

-- name: delete_change
-- Delete a change that was undone.
DELETE FROM change WHERE id = :id

-- name: restore_post
-- Restore a post to its version before a change, unless somebody has changed it since.
UPDATE post SET
  version = version + 1, state = :state, due_at = :due_at, attempt_at = :attempt_at, updated_at = :now,
  draft = :draft, text_hash = :text_hash, prepared = :prepared, late_policy = :late_policy, late_seconds = :late_seconds,
  error_code = :error_code, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND version = :version AND state IN ('draft', 'scheduled', 'held', 'failed', 'cancelled')

-- name: accounts_of_posts
-- The accounts of a run of posts.
SELECT DISTINCT account_did FROM post WHERE id BETWEEN :first AND :last ORDER BY account_did

-- name: count_untouched
-- The number of posts of a run that have not changed since they were accepted, or are as they were then.
SELECT count(*) AS count FROM post
WHERE id BETWEEN :first AND :last AND version = :version AND frozen IS NULL AND state IN ('draft', 'scheduled')

-- name: delete_posts
-- Delete a run of posts that were never tried.
DELETE FROM post WHERE id BETWEEN :first AND :last
