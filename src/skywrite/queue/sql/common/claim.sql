-- name: unfinished_post
-- The post that a worker left in the state publishing.
SELECT * FROM post INDEXED BY post_publishing WHERE account_did = :did AND state = 'publishing'

-- name: next_posts
-- For each account: the post that a worker left in the state publishing, and the first scheduled post in due order. A
-- post that was tried often and is known not to be on the network yields to others until its next attempt.
SELECT * FROM post WHERE id IN (
  SELECT (
    SELECT id FROM post INDEXED BY post_publishing
    WHERE account_did = item.value ->> 'did' AND state = 'publishing' LIMIT 1
  )
  FROM json_each(:items) AS item
  UNION ALL
  SELECT (
    SELECT id FROM post INDEXED BY post_scheduled
    WHERE account_did = item.value ->> 'did' AND state = 'scheduled'
      AND (free_at IS NULL OR attempts < 5 OR attempt_at IS NULL OR attempt_at <= :now)
    ORDER BY due_at, id LIMIT 1
  )
  FROM json_each(:items) AS item
)

-- name: take_accounts
-- Give the leases of accounts to a worker, unless another worker has taken them meanwhile.
UPDATE account INDEXED BY sqlite_autoindex_account_1 SET
  lease_token = lease_token + 1, lease_owner = :worker, lease_until = :until, ready_at = :until,
  state = 'ok', paused_until = NULL, pause_reason = NULL
WHERE (lease_until IS NULL OR lease_until <= :now)
  AND (did, lease_token) IN (
    SELECT item.value ->> 'did', CAST(item.value ->> 'before' AS bigint) FROM json_each(:items) AS item
  )
RETURNING did

-- name: take_posts
-- Start publishing posts under their accounts' leases. Existing frozen records are never replaced here. If an approval
-- is required, there must be one of exactly this version, or of the template that this version comes from. The state is
-- written in a way that leads to no index: PostgreSQL would read all scheduled posts, instead of these by their numbers.
UPDATE post NOT INDEXED SET
  version = version + 1, state = 'publishing', lease_token = CAST(item.value ->> 'token' AS bigint),
  attempts = attempts + 1, frozen = coalesce(frozen, item.value ->> 'frozen'),
  free_at = NULL, attempt_at = NULL, updated_at = :now
FROM json_each(:items) AS item
WHERE post.id = CAST(item.value ->> 'id' AS bigint)
  AND version = CAST(item.value ->> 'version' AS bigint) AND state || '' IN ('scheduled', 'publishing')
  AND (state = 'scheduled' OR lease_token < CAST(item.value ->> 'token' AS bigint))
  AND (item.value ->> 'approval' = '' OR EXISTS (
    SELECT 1 FROM approval
    WHERE approval.post_id = post.id AND approval.digest = item.value ->> 'approval' AND approval.verdict = 'approved'
  ) OR EXISTS (
    SELECT 1 FROM recurrence_approval AS covering JOIN occurrence_template AS made ON made.digest = covering.digest
    WHERE covering.recurrence_id = post.recurrence_id AND made.post_id = post.id
      AND covering.digest = item.value ->> 'template' AND covering.verdict = 'approved'
      AND NOT EXISTS (SELECT 1 FROM approval WHERE approval.post_id = post.id AND approval.verdict = 'rejected')
  ))
RETURNING post.id

-- name: open_attempts
-- Record the start of attempts.
INSERT INTO attempt (post_id, number, worker, started_at)
SELECT CAST(item.value ->> 'id' AS bigint), CAST(item.value ->> 'number' AS integer), :worker, :now
FROM json_each(:items) AS item WHERE true

-- name: close_attempts
-- Record how open attempts ended.
UPDATE attempt SET
  ended_at = :now, outcome = item.value ->> 'outcome', error_code = item.value ->> 'error_code',
  error_message = item.value ->> 'error_message', error_hint = item.value ->> 'error_hint'
FROM json_each(:items) AS item
WHERE post_id = CAST(item.value ->> 'id' AS bigint) AND outcome IS NULL

-- name: lost_attempt
-- An attempt whose worker never came back. The worker may only be suspended, and may still send its write.
SELECT number FROM attempt WHERE post_id = :id AND outcome = 'lost' LIMIT 1

-- name: add_spend
-- Add write points and published posts to the ledger.
INSERT INTO spend (account_did, minute, points, posts)
SELECT
  item.value ->> 'did', :minute, CAST(item.value ->> 'points' AS integer), CAST(item.value ->> 'posts' AS integer)
FROM json_each(:items) AS item WHERE true
ON CONFLICT (account_did, minute)
DO UPDATE SET points = spend.points + excluded.points, posts = spend.posts + excluded.posts

-- name: read_spend
-- What accounts spent and published recently. Entries from a clock that ran ahead count once their time has come. The
-- times are written in a way that leads to no index: PostgreSQL would read those of all accounts.
SELECT
  account_did,
  coalesce(sum(CASE WHEN minute >= :hour THEN points END), 0) AS points_last_hour,
  coalesce(sum(CASE WHEN minute >= :day THEN points END), 0) AS points_last_day,
  coalesce(sum(CASE WHEN minute >= :midnight THEN posts END), 0) AS published_today,
  coalesce(sum(CASE WHEN minute >= :yesterday AND minute < :midnight THEN posts END), 0) AS published_yesterday,
  coalesce(sum(CASE WHEN minute >= :day THEN posts END), 0) AS published_last_day
FROM spend
WHERE account_did IN (SELECT item.value ->> 'did' FROM json_each(:items) AS item)
  AND coalesce(minute, :now) >= :since AND coalesce(minute, :now) <= :now
GROUP BY account_did

-- name: forget_spend
-- Delete ledger entries from before a time, of the accounts behind one and up to another.
DELETE FROM spend
WHERE account_did > :after AND account_did <= coalesce(:until, (SELECT max(did) FROM account)) AND minute < :before

-- name: freeze_post
-- Store the records of a post that is being published.
UPDATE post SET version = version + 1, frozen = :frozen, updated_at = :now
WHERE id = :id AND state = 'publishing' AND lease_token = :token

-- name: renew_lease
-- Extend the lease of an account, unless somebody has taken it over or its post is settled.
UPDATE account SET lease_until = :until
WHERE did = :did AND lease_token = :token AND lease_until IS NOT NULL

-- name: expire_lease
-- End the lease of a worker that is known to be dead.
UPDATE account SET lease_until = :now WHERE did = :did AND lease_owner = :owner AND lease_until > :now

-- name: settle_published
-- Record that posts are on the network. Here, too, the state leads to no index, but the number to one.
UPDATE post NOT INDEXED SET
  version = version + 1, state = 'published',
  uri = item.value ->> 'uri', cid = item.value ->> 'cid', root_rkey = item.value ->> 'root_rkey',
  published_at = :now, updated_at = :now, free_at = NULL,
  error_code = NULL, error_message = NULL, error_hint = NULL
FROM json_each(:items) AS item
WHERE post.id = CAST(item.value ->> 'id' AS bigint)
  AND state || '' = 'publishing' AND lease_token = CAST(item.value ->> 'token' AS bigint)
RETURNING post.id, lease_token

-- name: settle_waiting
-- Schedule a post to be tried again later, with the reason.
UPDATE post SET
  version = version + 1, state = 'scheduled', attempt_at = :attempt_at, updated_at = :now, free_at = :free_at,
  error_code = :error_code, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND state = 'publishing' AND lease_token = :token

-- name: settle_stopped
-- Record that a post failed, or is held.
UPDATE post SET
  version = version + 1, state = :state, attempt_at = NULL, updated_at = :now, free_at = :free_at,
  error_code = :error_code, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND state = 'publishing' AND lease_token = :token

-- name: miss_post
-- Record that a post's time was missed. A post that a worker left before freezing it was never sent either. Also for a
-- post whose version is no number that was counted.
UPDATE post SET
  version = CASE WHEN version < 2147483647 THEN version + 1 ELSE 1 END, state = :state, attempt_at = NULL, updated_at = :now, frozen = NULL, free_at = NULL,
  error_code = :error_code, error_message = :error_message, error_hint = :error_hint
WHERE id = :id AND state IN ('scheduled', 'publishing') AND (frozen IS NULL OR free_at <= :now)

-- name: discard_frozen_records
-- Delete the frozen records of a post, none of which was ever sent.
UPDATE post SET version = version + 1, frozen = NULL, free_at = NULL WHERE id = :id

-- name: end_leases
-- Release accounts, and record when they last published.
UPDATE account INDEXED BY sqlite_autoindex_account_1 SET
  lease_owner = NULL, lease_until = NULL, last_published_at = coalesce(:published_at, last_published_at)
WHERE (did, lease_token) IN (
  SELECT item.value ->> 'did', CAST(item.value ->> 'token' AS bigint) FROM json_each(:items) AS item
)
