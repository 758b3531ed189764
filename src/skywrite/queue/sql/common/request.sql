-- name: post_request_digest
-- The digest of the request that a post with this key came from.
SELECT post_request.digest FROM post JOIN post_request ON post_request.post_id = post.id
WHERE post.account_did = :account_did AND post.key = :key

-- name: insert_post_request
-- Store what came with the request for a new post.
INSERT INTO post_request (post_id, digest, wanted_at) VALUES (:post_id, :digest, :wanted_at)

-- name: wanted_at
-- When a draft is to go out.
SELECT wanted_at FROM post_request WHERE post_id = :post_id

-- name: forget_post_requests
-- Delete what came with requests for posts that were finished long ago.
DELETE FROM post_request WHERE post_id IN (
  SELECT post_request.post_id FROM post_request JOIN post ON post.id = post_request.post_id
  WHERE post.state IN ('published', 'cancelled') AND post.updated_at < :before LIMIT :most
)

-- name: put_action_request_digest
-- Store the digest of the request that a repost or pin came from.
UPDATE action SET request_digest = :digest WHERE id = :id
