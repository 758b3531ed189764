-- name: insert_follow_up
-- Add a follow-up of a post.
INSERT INTO follow_up (post_id, metric, threshold, kind, text, undo_seconds, who, agent, created_at)
VALUES (:post_id, :metric, :threshold, :kind, :text, :undo_seconds, :who, :agent, :now) RETURNING *

-- name: same_follow_up
-- An equal follow-up that is open or done.
SELECT * FROM follow_up
WHERE post_id = :post_id AND metric = :metric AND threshold = :threshold AND kind = :kind AND text = :text
  AND state IN ('waiting', 'reached', 'done') LIMIT 1

-- name: get_follow_up
-- One follow-up.
SELECT * FROM follow_up WHERE id = :id

-- name: follow_ups_of_post
-- All follow-ups of a post.
SELECT * FROM follow_up WHERE post_id = :post_id ORDER BY id

-- name: list_follow_ups
-- The follow-ups that are waiting, under way, failed or expired, or of these in one state, latest first.
SELECT * FROM follow_up WHERE state IN ('waiting', 'reached', 'failed', 'expired') AND :state IN ('', state)
ORDER BY id DESC LIMIT :limit

-- name: list_account_follow_ups
-- The follow-ups of an account's posts that are waiting, under way, failed or expired, or of these in one state, latest
-- first.
SELECT follow_up.* FROM follow_up JOIN post ON post.id = follow_up.post_id
WHERE post.account_did = :did AND follow_up.state IN ('waiting', 'reached', 'failed', 'expired')
  AND :state IN ('', follow_up.state)
ORDER BY follow_up.id DESC LIMIT :limit

-- name: open_follow_ups
-- The follow-ups that are waiting or under way, of posts that are published or never will be, with their counts so far.
SELECT follow_up.*, post.state AS post_state, post.error_code AS post_error, post.published_at AS post_published_at,
  (SELECT max(CASE follow_up.metric
    WHEN 'likes' THEN mark.likes WHEN 'reposts' THEN mark.reposts WHEN 'replies' THEN mark.replies
    WHEN 'quotes' THEN mark.quotes ELSE mark.bookmarks END)
   FROM mark WHERE mark.post_id = follow_up.post_id) AS best,
  (SELECT max(mark.age_hours) FROM mark WHERE mark.post_id = follow_up.post_id) AS last_age
FROM follow_up JOIN post ON post.id = follow_up.post_id
WHERE follow_up.state IN ('waiting', 'reached') AND post.state IN ('published', 'cancelled')
  AND follow_up.id > :after
ORDER BY follow_up.id LIMIT :limit

-- name: reach_follow_up
-- Record that a follow-up's number is reached. From now on, it cannot be cancelled.
UPDATE follow_up SET state = 'reached', note = :note WHERE id = :id AND state IN ('waiting', 'reached')

-- name: settle_follow_up
-- Store the outcome of a follow-up.
UPDATE follow_up SET state = :state, note = :note, made_id = :made_id, done_at = :now
WHERE id = :id AND state IN ('waiting', 'reached')

-- name: cancel_follow_up
-- Cancel a follow-up that waits, or that failed or expired.
UPDATE follow_up SET state = 'cancelled', done_at = :now
WHERE id = :id AND state IN ('waiting', 'failed', 'expired')
