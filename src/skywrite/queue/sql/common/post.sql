-- name: insert_post_media
-- Note that a post needs stored bytes.
INSERT INTO post_media (post_id, cid) VALUES (:post_id, :cid) ON CONFLICT DO NOTHING

-- name: post_of_occurrence
-- The post made for one occurrence of a recurrence.
SELECT id FROM post WHERE recurrence_id = :recurrence_id AND occurrence = :occurrence

-- name: get_post
-- One post.
SELECT * FROM post WHERE id = :id

-- name: post_accepted_as
-- A post by its number and the record key that it was accepted with.
SELECT id FROM post WHERE id = :id AND account_did = :account_did AND root_rkey = :root_rkey

-- name: insert_media
-- Note bytes that are about to be stored; nothing happens when they are there.
INSERT INTO media (cid, mime, size, used_at) VALUES (:cid, :mime, :size, :now) ON CONFLICT (cid) DO NOTHING

-- name: insert_media_chunk
-- Store one piece of some bytes.
INSERT INTO media_chunk (cid, number, data) VALUES (:cid, :number, :data)

-- name: touch_media
-- Keep bytes from being pruned for another while.
UPDATE media SET used_at = :now WHERE cid = :cid

-- name: list_attempts
-- All attempts at publishing a post, the first one first.
SELECT * FROM attempt WHERE post_id = :id ORDER BY number

-- name: list_posts
-- Posts in one state; more conditions and the order follow.
SELECT * FROM post WHERE state = :state

-- name: count_in_state
-- How many posts are in one state; more conditions follow.
SELECT count(*) AS count FROM post WHERE state = :state

-- name: count_posts
-- How many posts are in each state.
SELECT state, count(*) AS count FROM post GROUP BY state

-- name: count_account_posts
-- How many posts of one account are in each state.
SELECT state, count(*) AS count FROM post WHERE account_did = :did GROUP BY state

-- name: posts_with_text
-- Posts of an account with the same text that are waiting, or were published lately.
SELECT * FROM post INDEXED BY post_text
WHERE text_hash = :text_hash AND account_did = :did
  AND (state IN ('scheduled', 'publishing', 'held') OR (state = 'published' AND published_at >= :since))
ORDER BY id

-- name: waiting_posts_of_source
-- Posts of an account from one source with the same text that are waiting.
SELECT * FROM post INDEXED BY post_text
WHERE text_hash = :text_hash AND account_did = :did AND source = :source AND state IN ('scheduled', 'publishing')
ORDER BY id

-- name: posts_due_between
-- The scheduled posts of an account in a stretch of time.
SELECT * FROM post INDEXED BY post_scheduled
WHERE account_did = :did AND state = 'scheduled' AND due_at >= :start AND due_at < :stop
ORDER BY due_at, id

-- name: due_times_between
-- When an account's scheduled posts are due, in a stretch of time.
SELECT due_at FROM post INDEXED BY post_scheduled
WHERE account_did = :did AND state = 'scheduled' AND due_at >= :start AND due_at < :stop
ORDER BY due_at, id

-- name: update_post
-- Edit a post that is in the state in which it was read, and drop frozen records that were rejected.
UPDATE post SET
  version = version + 1, state = :state, due_at = :due_at, attempt_at = NULL, updated_at = :now,
  draft = :draft, text_hash = :text_hash, prepared = :prepared, frozen = NULL, free_at = NULL,
  late_policy = :late_policy, late_seconds = :late_seconds,
  error_name = :error_name, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND state = :was AND (frozen IS NULL OR free_at <= :now OR state = 'failed')

-- name: cancel_post
-- Cancel a post that is certainly not on the network.
UPDATE post SET
  version = version + 1, state = 'cancelled', attempt_at = NULL, frozen = NULL, free_at = NULL, updated_at = :now
WHERE id = :id
  AND (state = 'failed' OR (state IN ('draft', 'scheduled', 'held') AND (frozen IS NULL OR free_at <= :now)))

-- name: schedule_post
-- Schedule a held or failed post again: to be tried from now on where its time has come, else at its time. One whose
-- time has passed goes out however late: its user wants it out.
UPDATE post SET
  version = version + 1, state = 'scheduled', due_at = coalesce(due_at, :now), updated_at = :now,
  attempt_at = CASE WHEN due_at > :now THEN NULL ELSE :now END,
  late_policy = CASE WHEN due_at > :now THEN late_policy ELSE 'publish' END,
  late_seconds = CASE WHEN due_at > :now THEN late_seconds END,
  error_name = NULL, error_message = NULL, error_hint = NULL
WHERE id = :id AND state = :was

-- name: make_post_due_now
-- Let a scheduled post whose time has come be tried now, not when its next attempt would be, and however late it is.
UPDATE post SET
  version = version + 1, attempt_at = :now, updated_at = :now, late_policy = 'publish', late_seconds = NULL,
  error_name = NULL, error_message = NULL, error_hint = NULL
WHERE id = :id AND state = 'scheduled' AND due_at <= :now

-- name: hold_post
-- Hold a scheduled post that is certainly not on the network.
UPDATE post SET
  version = version + 1, state = 'held', attempt_at = NULL, frozen = NULL, free_at = NULL, updated_at = :now,
  error_name = :error_name, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND state = 'scheduled' AND (frozen IS NULL OR free_at <= :now)

-- name: forget_post_media
-- Let a post need no stored bytes.
DELETE FROM post_media WHERE post_id = :post_id

-- name: published_with_uri
-- The post of an account that is published under an address, which ends with its record key.
SELECT * FROM post INDEXED BY post_rkey
WHERE root_rkey = :rkey AND state = 'published' AND account_did = :did AND uri = :uri

-- name: note_deleted
-- Note that a published post was deleted from the network; it stays where it is in the history.
UPDATE post SET
  version = version + 1, error_name = :error_name, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND state = 'published'

-- name: size_of_queue
-- How many posts there are, up to a limit, and a number that grows with each change of one.
SELECT count(*) AS posts, coalesce(sum(version), 0) AS version FROM (SELECT version FROM post LIMIT :limit) AS found

-- name: count_due_until
-- How many posts are due until a time, up to a limit.
SELECT count(*) AS due FROM (
  SELECT 1 FROM post WHERE state = 'scheduled' AND due_at <= :until LIMIT :limit
) AS found
