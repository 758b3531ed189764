-- name: insert_post
-- Store a post.
INSERT INTO post (
  id, account_did, state, due_at, created_at, updated_at, key, draft, text_hash, prepared,
  late_policy, late_seconds, source, recurrence_id, occurrence
) VALUES (
  :id, :account_did, :state, :due_at, :now, :now, :key, :draft, :text_hash, :prepared,
  :late_policy, :late_seconds, :source, :recurrence_id, :occurrence
)

-- name: insert_post_media
-- Note that a post needs stored bytes.
INSERT INTO post_media (post_id, cid) VALUES (:post_id, :cid) ON CONFLICT DO NOTHING

-- name: post_with_key
-- The post that an account has stored under a key.
SELECT id FROM post WHERE account_did = :did AND key = :key

-- name: post_of_occurrence
-- The post made for one occurrence of a recurrence.
SELECT id FROM post WHERE recurrence_id = :recurrence_id AND occurrence = :occurrence

-- name: get_post
-- One post.
SELECT * FROM post WHERE id = :id

-- name: insert_media
-- Note bytes that are about to be stored; nothing happens when they are there.
INSERT INTO media (cid, mime, size, used_at) VALUES (:cid, :mime, :size, :now) ON CONFLICT (cid) DO NOTHING

-- name: insert_media_chunk
-- Store one piece of some bytes.
INSERT INTO media_chunk (cid, number, data) VALUES (:cid, :number, :data)

-- name: touch_media
-- Keep bytes from being pruned for another while.
UPDATE media SET used_at = :now WHERE cid = :cid
