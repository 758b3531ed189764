-- name: posts_to_mark
-- Published posts of an age that have not been counted at that age yet.
SELECT id, uri, account_did, prepared, updated_at FROM post INDEXED BY post_history
WHERE state IN ('published', 'failed', 'cancelled') AND state = 'published' AND updated_at > :since AND updated_at <= :until
  AND NOT EXISTS (SELECT 1 FROM mark WHERE mark.post_id = post.id AND mark.age_hours = :age_hours)
ORDER BY updated_at LIMIT :limit

-- name: insert_mark
-- Store counts. The first counts at an age stay.
INSERT INTO mark (post_id, age_hours, taken_at, kind, likes, reposts, replies, quotes, bookmarks, labels)
VALUES (:post_id, :age_hours, :now, :kind, :likes, :reposts, :replies, :quotes, :bookmarks, :labels)
ON CONFLICT (post_id, age_hours) DO NOTHING

-- name: marks_at
-- The counts at one age, with data about the posts.
SELECT mark.*, post.account_did, post.source, post.published_at, post.uri, post.draft ->> 'campaign' AS campaign,
  coalesce(post.error_code, '') = 'post.deleted' AS deleted
FROM mark JOIN post ON post.id = mark.post_id
WHERE mark.age_hours = :age_hours AND post.published_at >= :since
ORDER BY post.published_at, post.id

-- name: marks_of_post
-- The counts of one post, by age.
SELECT mark.*, post.account_did, post.source, post.published_at, post.uri, post.draft ->> 'campaign' AS campaign,
  coalesce(post.error_code, '') = 'post.deleted' AS deleted
FROM mark JOIN post ON post.id = mark.post_id WHERE mark.post_id = :post_id ORDER BY mark.age_hours
