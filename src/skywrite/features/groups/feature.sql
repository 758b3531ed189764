-- name: insert_post_group
-- Note that a post was made with others.
INSERT INTO post_group (post_id, name) VALUES (:post_id, :name)

-- name: group_of_post
-- What the group of a post is called, if it has one.
SELECT name FROM post_group WHERE post_id = :post_id

-- name: posts_of_group
-- The posts of a group, in the order in which they were made.
SELECT post.* FROM post_group JOIN post ON post.id = post_group.post_id WHERE post_group.name = :name ORDER BY post.id
