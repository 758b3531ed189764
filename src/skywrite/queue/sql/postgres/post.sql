-- name: new_post_ids
-- The numbers for so many new posts.
SELECT nextval('post_id_seq') AS first, 1 AS count FROM generate_series(1, :count)

-- name: insert_posts
-- Store posts; their values follow.
COPY post (
  id, account_did, state, due_at, created_at, updated_at, key, draft, text_hash, prepared,
  late_policy, late_seconds, source, recurrence_id, occurrence
) FROM STDIN

-- name: posts_with_keys
-- The posts that an account has stored under any of these keys (a JSON array).
SELECT id, key FROM post
WHERE account_did = :did AND key = ANY (ARRAY(SELECT value FROM json_array_elements_text(CAST(:keys AS json)) AS value))

-- name: lock_media
-- Stored bytes, kept from being pruned in this transaction.
SELECT cid FROM media WHERE cid = :cid FOR KEY SHARE
