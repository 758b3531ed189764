-- name: new_post_ids
-- Numbers for new posts, as runs without gaps.
SELECT min(id) AS first, count(*) AS count
FROM (
  SELECT id, id - row_number() OVER (ORDER BY id) AS run
  FROM (SELECT nextval('post_id_seq') AS id FROM generate_series(1, :count)) AS new
) AS numbered
GROUP BY run ORDER BY first

-- name: insert_posts
-- Store posts; their values follow.
COPY post (
  id, account_did, state, due_at, created_at, updated_at, key, draft, text_hash, prepared,
  late_policy, late_seconds, source, recurrence_id, occurrence, root_rkey, key_hash
) FROM STDIN

-- name: posts_with_keys
-- The posts that an account has stored under any of these keys (a JSON array).
SELECT id, key, key_hash, due_at, state FROM post
WHERE account_did = :did AND key = ANY (ARRAY(SELECT value FROM json_array_elements_text(CAST(:keys AS json)) AS value))

-- name: posts_with_texts
-- Posts of an account with any of these text hashes (a JSON array) that are waiting, or were published recently. The
-- state is written in a way that leads to no index (see take_posts).
SELECT * FROM post
WHERE account_did = :did
  AND text_hash = ANY (ARRAY(SELECT CAST(value AS bigint) FROM json_array_elements_text(CAST(:hashes AS json)) AS value))
  AND (state || '' IN ('scheduled', 'publishing', 'held') OR (state || '' = 'published' AND published_at >= :since))
ORDER BY id

-- name: lock_media
-- Protect stored bytes from pruning in this transaction.
SELECT cid FROM media WHERE cid = :cid FOR KEY SHARE
