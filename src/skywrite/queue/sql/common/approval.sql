-- name: insert_approval
-- Record that somebody approved or rejected a post in its current version.
INSERT INTO approval (post_id, digest, verdict, by_name, note, texts, content, created_at)
VALUES (:post_id, :digest, :verdict, :by_name, :note, :texts, :content, :now)
RETURNING id

-- name: withdraw_approvals
-- Withdraw all earlier approvals of a post.
UPDATE approval SET verdict = 'withdrawn' WHERE post_id = :post_id AND verdict = 'approved'

-- name: withdraw_approval
-- Withdraw one approval; others of the same stay.
UPDATE approval SET verdict = 'withdrawn' WHERE id = :id AND verdict = 'approved'

-- name: approvals_of_post
-- Every approval and rejection of a post, latest first.
SELECT * FROM approval WHERE post_id = :post_id ORDER BY id DESC

-- name: approval_with
-- An approval of exactly this digest.
SELECT id FROM approval WHERE post_id = :post_id AND digest = :digest AND verdict = 'approved' LIMIT 1

-- name: approvals_of_posts
-- The approvals of many posts that nobody has withdrawn, latest first.
SELECT post_id, digest, by_name FROM approval
WHERE verdict = 'approved'
  AND post_id IN (SELECT CAST(item.value ->> 'id' AS bigint) FROM json_each(:items) AS item)
ORDER BY id DESC

-- name: written_by_agents
-- Those of many posts that an agent has written or changed, or whose recurrence it has.
WITH asked AS (SELECT CAST(item.value ->> 'id' AS bigint) AS id FROM json_each(:items) AS item)
SELECT author.post_id FROM post_author AS author JOIN asked ON asked.id = author.post_id WHERE author.agent
UNION
SELECT post.id FROM asked
JOIN post ON post.id = asked.id
JOIN recurrence_author AS author ON author.recurrence_id = post.recurrence_id
WHERE author.agent

-- name: insert_author
-- Record who wrote or changed a post.
INSERT INTO post_author (post_id, who, agent) VALUES (:post_id, :who, :agent)
ON CONFLICT (post_id, who) DO NOTHING

-- name: authors_of_post
-- Who wrote or changed a post, or the recurrence that it is of.
SELECT who, agent FROM post_author WHERE post_id = :post_id
UNION
SELECT author.who, author.agent FROM post
JOIN recurrence_author AS author ON author.recurrence_id = post.recurrence_id
WHERE post.id = :post_id

-- name: insert_recurrence_approval
-- Record that somebody approved or rejected a recurrence's template in its current version.
INSERT INTO recurrence_approval (recurrence_id, digest, verdict, by_name, note, content, created_at)
VALUES (:recurrence_id, :digest, :verdict, :by_name, :note, :content, :now)
RETURNING id

-- name: withdraw_recurrence_approvals
-- Withdraw all earlier approvals of a template.
UPDATE recurrence_approval SET verdict = 'withdrawn' WHERE recurrence_id = :recurrence_id AND verdict = 'approved'

-- name: approvals_of_recurrence
-- Every approval and rejection of a template, latest first.
SELECT * FROM recurrence_approval WHERE recurrence_id = :recurrence_id ORDER BY id DESC

-- name: recurrence_approval_with
-- An approval of exactly this template.
SELECT id FROM recurrence_approval
WHERE recurrence_id = :recurrence_id AND digest = :digest AND verdict = 'approved' LIMIT 1

-- name: template_covers
-- An approval of the template that an occurrence was made from, unless the occurrence itself was rejected.
SELECT covering.by_name FROM recurrence_approval AS covering
JOIN occurrence_template AS made ON made.digest = covering.digest
WHERE covering.recurrence_id = :recurrence_id AND made.post_id = :post_id
  AND covering.digest = :template AND covering.verdict = 'approved'
  AND NOT EXISTS (SELECT 1 FROM approval WHERE approval.post_id = :post_id AND approval.verdict = 'rejected')
LIMIT 1

-- name: insert_occurrence_template
-- Record which template an occurrence was made from.
INSERT INTO occurrence_template (post_id, digest) VALUES (:post_id, :digest)

-- name: posts_of_recurrence
-- The scheduled posts of a recurrence.
SELECT * FROM post WHERE recurrence_id = :recurrence_id AND state = 'scheduled' ORDER BY id

-- name: insert_recurrence_author
-- Record who made or changed a recurrence.
INSERT INTO recurrence_author (recurrence_id, who, agent) VALUES (:recurrence_id, :who, :agent)
ON CONFLICT (recurrence_id, who) DO NOTHING

-- name: authors_of_recurrence
-- Who made or changed a recurrence.
SELECT who, agent FROM recurrence_author WHERE recurrence_id = :recurrence_id
