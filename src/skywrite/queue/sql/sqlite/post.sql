-- name: new_post_ids
-- Numbers for new posts (nobody else can write meanwhile).
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'post'), 0) + 1 AS first, :count AS count

-- name: insert_posts
-- Store posts; the groups of values follow.
INSERT INTO post (
  id, account_did, state, due_at, created_at, updated_at, key, draft, text_hash, prepared,
  late_policy, late_seconds, source, recurrence_id, occurrence, root_rkey, key_hash
) VALUES

-- name: posts_with_keys
-- The posts that an account has stored under any of these keys (a JSON array).
SELECT id, key, key_hash, due_at, state FROM post WHERE account_did = :did AND key IN (SELECT value FROM json_each(:keys))

-- name: posts_with_texts
-- Posts of an account with any of these text hashes (a JSON array) that are waiting, or were published recently.
SELECT * FROM post INDEXED BY post_text
WHERE account_did = :did AND text_hash IN (SELECT value FROM json_each(:hashes))
  AND (state IN ('scheduled', 'publishing', 'held') OR (state = 'published' AND published_at >= :since))
ORDER BY id

-- name: lock_media
-- Protect stored bytes from pruning in this transaction (BEGIN IMMEDIATE already keeps other writers away).
SELECT cid FROM media WHERE cid = :cid
