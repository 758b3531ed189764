-- name: new_post_ids
-- The numbers for so many new posts (nobody else can write meanwhile).
WITH RECURSIVE
  last AS (SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'post'), 0) AS id),
  fresh AS (SELECT id + 1 AS id, 1 AS n FROM last UNION ALL SELECT id + 1, n + 1 FROM fresh WHERE n < :count)
SELECT id FROM fresh

-- name: lock_media
-- Stored bytes, kept from being pruned in this transaction (BEGIN IMMEDIATE keeps other writers away).
SELECT cid FROM media WHERE cid = :cid
