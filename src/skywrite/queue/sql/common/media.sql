-- name: get_media
-- The description of some stored bytes.
SELECT cid, mime, size FROM media WHERE cid = :cid

-- name: get_media_chunk
-- One piece of some stored bytes.
SELECT data FROM media_chunk WHERE cid = :cid AND number = :number

-- name: media_of_post
-- The bytes that a post needs.
SELECT media.cid, media.mime, media.size FROM post_media JOIN media ON media.cid = post_media.cid
WHERE post_media.post_id = :post_id ORDER BY media.cid

-- name: put_upload
-- Record who has uploaded some bytes, and what they are.
INSERT INTO upload (who, share, cid, about) VALUES (:who, :share, :cid, :about)
ON CONFLICT (who, cid) DO UPDATE SET about = excluded.about

-- name: uploads_of_cid
-- Everybody's uploads of some bytes.
SELECT who, cid, about FROM upload WHERE cid = :cid ORDER BY who

-- name: uploads_by
-- The uploads of one caller.
SELECT who, cid, about FROM upload WHERE who = :who ORDER BY cid

-- name: unneeded_bytes
-- How many bytes the uploads of one share take that nothing needs yet.
SELECT COALESCE(SUM(size), 0) AS bytes FROM media
WHERE cid IN (SELECT upload.cid FROM upload WHERE upload.share = :share)
  AND NOT EXISTS (SELECT 1 FROM post_media WHERE post_media.cid = media.cid)
  AND NOT EXISTS (SELECT 1 FROM recurrence_media WHERE recurrence_media.cid = media.cid)

-- name: delete_upload
-- Forget the upload of one caller; the bytes stay while anything needs them.
DELETE FROM upload WHERE who = :who AND cid = :cid

-- name: forget_finished_media
-- Detach the stored bytes of some posts that were published or cancelled long ago.
DELETE FROM post_media WHERE (post_id, cid) IN (
  SELECT post_media.post_id, post_media.cid FROM post_media JOIN post ON post.id = post_media.post_id
  WHERE post.state IN ('published', 'cancelled') AND post.updated_at < :before LIMIT :most
)

-- name: delete_media
-- Delete bytes that nothing needs.
DELETE FROM media WHERE cid = :cid
  AND NOT EXISTS (SELECT 1 FROM post_media WHERE post_media.cid = media.cid)
  AND NOT EXISTS (SELECT 1 FROM recurrence_media WHERE recurrence_media.cid = media.cid)
