-- name: insert_post_media
-- Record that a post needs stored bytes.
INSERT INTO post_media (post_id, cid) VALUES (:post_id, :cid) ON CONFLICT DO NOTHING

-- name: post_of_occurrence
-- The post made for one occurrence of a recurrence.
SELECT id FROM post WHERE recurrence_id = :recurrence_id AND occurrence = :occurrence

-- name: made_occurrences
-- The occurrences of a recurrence, in a period of time, that have a post.
SELECT occurrence FROM post
WHERE recurrence_id = :recurrence_id AND occurrence >= :start AND occurrence < :stop

-- name: get_post
-- One post.
SELECT * FROM post WHERE id = :id

-- name: post_accepted_as
-- A post by its number and the record key from when it was accepted.
SELECT id FROM post WHERE id = :id AND account_did = :account_did AND root_rkey = :root_rkey

-- name: insert_media
-- Announce bytes that are about to be stored; nothing if they are already there.
INSERT INTO media (cid, mime, size, used_at) VALUES (:cid, :mime, :size, :now) ON CONFLICT (cid) DO NOTHING

-- name: insert_media_chunk
-- Store one piece of some bytes.
INSERT INTO media_chunk (cid, number, data) VALUES (:cid, :number, :data)

-- name: touch_media
-- Protect bytes from pruning for a while longer.
UPDATE media SET used_at = :now WHERE cid = :cid

-- name: list_attempts
-- All attempts to publish a post, oldest first.
SELECT * FROM attempt WHERE post_id = :id ORDER BY number

-- name: list_posts
-- Posts in one state; more conditions and the order follow.
SELECT * FROM post WHERE state = :state

-- name: count_posts
-- The number of posts, by state.
SELECT state, count(*) AS count FROM post GROUP BY state

-- name: count_account_posts
-- The number of posts of one account, by state.
SELECT state, count(*) AS count FROM post WHERE account_did = :did GROUP BY state

-- name: posts_with_text
-- Posts of an account with the same text that are waiting, or were published recently. The state is written in a way
-- that leads to no index (see take_posts).
SELECT * FROM post INDEXED BY post_text
WHERE text_hash = :text_hash AND account_did = :did
  AND (state || '' IN ('scheduled', 'publishing', 'held') OR (state || '' = 'published' AND published_at >= :since))
ORDER BY id

-- name: waiting_posts_of_source
-- Posts of an account from one source with the same text that are waiting.
SELECT * FROM post INDEXED BY post_text
WHERE text_hash = :text_hash AND account_did = :did AND source = :source AND state IN ('scheduled', 'publishing')
ORDER BY id

-- name: posts_due_between
-- The first scheduled posts of an account in a period of time.
SELECT id FROM post INDEXED BY post_scheduled
WHERE account_did = :did AND state = 'scheduled' AND due_at >= :start AND due_at < :stop
ORDER BY due_at, id
LIMIT 2

-- name: planned_posts
-- What a plan shows of an account's posts in a period of time, whatever their state.
SELECT id, version, state, due_at, recurrence_id,
  substr(coalesce(prepared -> 'records' -> 0 ->> 'text', draft ->> 'text'), 1, :length) AS text,
  draft ->> 'images' AS images, draft ->> 'video' AS video, draft ->> 'campaign' AS campaign
FROM post INDEXED BY post_scheduled
WHERE account_did = :did AND state = 'scheduled' AND due_at >= :start AND due_at < :stop
UNION ALL
SELECT id, version, state, due_at, recurrence_id,
  substr(coalesce(prepared -> 'records' -> 0 ->> 'text', draft ->> 'text'), 1, :length) AS text,
  draft ->> 'images' AS images, draft ->> 'video' AS video, draft ->> 'campaign' AS campaign
FROM post INDEXED BY post_unscheduled
WHERE account_did = :did AND state <> 'scheduled' AND due_at >= :start AND due_at < :stop
ORDER BY due_at, id LIMIT :limit

-- name: due_times_between
-- When an account's scheduled posts are due, in a period of time.
SELECT due_at FROM post INDEXED BY post_scheduled
WHERE account_did = :did AND state = 'scheduled' AND due_at >= :start AND due_at < :stop
ORDER BY due_at, id

-- name: due_times_before
-- When the scheduled posts of an account are due that go out before one of them, from a time on.
SELECT due_at FROM post INDEXED BY post_scheduled
WHERE account_did = :did AND state = 'scheduled' AND (due_at, id) < (:due_at, :id) AND due_at >= :start
ORDER BY due_at, id

-- name: count_due_before
-- How many of them there are from the beginning, as far as we count.
SELECT count(*) AS posts FROM (
  SELECT 1 FROM post INDEXED BY post_scheduled
  WHERE account_did = :did AND state = 'scheduled' AND (due_at, id) < (:due_at, :id)
  LIMIT :limit
) AS before

-- name: update_post
-- Edit a post that is still in the state in which it was read, and discard frozen records that were rejected.
UPDATE post SET
  version = version + 1, state = :state, due_at = :due_at, attempt_at = NULL, updated_at = :now,
  draft = :draft, text_hash = :text_hash, prepared = :prepared, frozen = NULL, free_at = NULL,
  late_policy = :late_policy, late_seconds = :late_seconds,
  error_code = :error_code, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND state = :was AND (frozen IS NULL OR free_at <= :now OR state = 'failed')

-- name: cancel_post
-- Cancel a post that is certainly not on the network.
UPDATE post SET
  version = version + 1, state = 'cancelled', attempt_at = NULL, frozen = NULL, free_at = NULL, updated_at = :now
WHERE id = :id
  AND (state = 'failed' OR (state IN ('draft', 'scheduled', 'held') AND (frozen IS NULL OR free_at <= :now)))

-- name: schedule_post
-- Schedule a held or failed post again: from now on if it is due, else at its time. If its time has passed, it goes out
-- however late it is, because the user wants it.
UPDATE post SET
  version = version + 1, state = 'scheduled', due_at = coalesce(due_at, :now), updated_at = :now,
  attempt_at = CASE WHEN due_at > :now THEN NULL ELSE :now END,
  late_policy = CASE WHEN due_at > :now THEN late_policy ELSE 'publish' END,
  late_seconds = CASE WHEN due_at > :now THEN late_seconds END,
  error_code = NULL, error_message = NULL, error_hint = NULL
WHERE id = :id AND state = :was

-- name: make_post_due_now
-- Try a scheduled post that is due now, instead of at its next attempt, however late it is.
UPDATE post SET
  version = version + 1, attempt_at = :now, updated_at = :now, late_policy = 'publish', late_seconds = NULL,
  error_code = NULL, error_message = NULL, error_hint = NULL
WHERE id = :id AND state = 'scheduled' AND due_at <= :now

-- name: hold_post
-- Hold a scheduled post that is certainly not on the network.
UPDATE post SET
  version = version + 1, state = 'held', attempt_at = NULL, frozen = NULL, free_at = NULL, updated_at = :now,
  error_code = :error_code, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND state = 'scheduled' AND (frozen IS NULL OR free_at <= :now)

-- name: forget_post_media
-- Detach the stored bytes of a post.
DELETE FROM post_media WHERE post_id = :post_id

-- name: published_with_uri
-- The published post of an account with an address, which ends with its record key.
SELECT * FROM post INDEXED BY post_rkey
WHERE root_rkey = :rkey AND state = 'published' AND account_did = :did AND uri = :uri

-- name: note_deleted
-- Record that a published post was deleted from the network. It stays in its place in the history.
UPDATE post SET
  version = version + 1, error_code = :error_code, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND state = 'published'

-- name: size_of_queue
-- The number of posts, up to a limit, and a number that grows with each change of a post.
SELECT count(*) AS posts, coalesce(sum(version), 0) AS version FROM (SELECT version FROM post LIMIT :limit) AS found

-- name: count_due_until
-- The number of posts that are due by a time, up to a limit.
SELECT count(*) AS due FROM (
  SELECT 1 FROM post WHERE state = 'scheduled' AND due_at <= :until LIMIT :limit
) AS found
