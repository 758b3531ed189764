-- name: insert_review_link
-- Add a link at which somebody decides about a post.
INSERT INTO review_link (digest, post_id, post_digest, due_at, person_id, reviewer, created_at, ends_at)
VALUES (:digest, :post_id, :post_digest, :due_at, :person_id, :reviewer, :now, :ends_at)

-- name: get_review_link
-- The link with this digest.
SELECT * FROM review_link WHERE digest = :digest

-- name: use_review_link
-- Use a link, if nobody has used it and it has not ended.
UPDATE review_link SET used_at = :now WHERE digest = :digest AND used_at IS NULL AND ends_at > :now

-- name: free_review_link
-- Let a link be used again: what it was used for did not happen.
UPDATE review_link SET used_at = NULL WHERE digest = :digest

-- name: drop_review_links
-- Forget links that ended before a time.
DELETE FROM review_link WHERE ends_at < :before
