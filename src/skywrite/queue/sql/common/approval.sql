-- name: insert_approval
-- Note that a post, as it is, was approved or rejected.
INSERT INTO approval (post_id, digest, verdict, by_name, note, texts, created_at)
VALUES (:post_id, :digest, :verdict, :by_name, :note, :texts, :now)

-- name: withdraw_approvals
-- Let no earlier approval of a post count any more.
UPDATE approval SET verdict = 'withdrawn' WHERE post_id = :post_id AND verdict = 'approved'

-- name: approvals_of_post
-- Every approval and rejection of a post, the latest first.
SELECT * FROM approval WHERE post_id = :post_id ORDER BY id DESC

-- name: approval_with
-- An approval of exactly this.
SELECT id FROM approval WHERE post_id = :post_id AND digest = :digest AND verdict = 'approved' LIMIT 1

-- name: insert_author
-- Note who has written a post, or changed it.
INSERT INTO post_author (post_id, who, agent) VALUES (:post_id, :who, :agent)
ON CONFLICT (post_id, who) DO NOTHING

-- name: authors_of_post
-- Who has written a post, or changed it.
SELECT who, agent FROM post_author WHERE post_id = :post_id
