-- name: unneeded_media
-- Some bytes that nothing needs and that were not stored recently.
SELECT cid FROM media WHERE used_at < :before
  AND NOT EXISTS (SELECT 1 FROM post_media WHERE post_media.cid = media.cid)
  AND NOT EXISTS (SELECT 1 FROM recurrence_media WHERE recurrence_media.cid = media.cid)
LIMIT :most
