-- name: new_post_ids
-- The numbers for so many new posts.
SELECT nextval('post_id_seq') AS id FROM generate_series(1, :count)

-- name: lock_media
-- Stored bytes, kept from being pruned in this transaction.
SELECT cid FROM media WHERE cid = :cid FOR KEY SHARE
