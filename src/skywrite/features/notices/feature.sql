-- name: insert_channel
-- Add a channel for notices. It gets no notices of earlier events.
INSERT INTO notice_channel (kind, config, last_event, created_at)
VALUES (:kind, :config, (SELECT coalesce(max(id), 0) FROM event), :now) RETURNING *

-- name: list_channels
-- All channels.
SELECT * FROM notice_channel ORDER BY id

-- name: delete_channel
-- Delete a channel.
DELETE FROM notice_channel WHERE id = :id

-- name: advance_channel
-- Record how far the events were read, unless somebody else has read further meanwhile.
UPDATE notice_channel SET last_event = :now_at WHERE id = :id AND last_event = :was

-- name: open_trouble
-- Add a problem that is not known yet.
INSERT INTO trouble (channel_id, name, kind, account_did, subject_id, said, opened_at)
VALUES (:channel_id, :name, :kind, :account_did, :subject_id, :said, :now)
ON CONFLICT (channel_id, name) DO NOTHING RETURNING name

-- name: open_troubles
-- The problems that are not solved, oldest first.
SELECT * FROM trouble WHERE channel_id = :channel_id ORDER BY opened_at, name LIMIT :limit

-- name: close_trouble
-- Record that a problem is solved.
DELETE FROM trouble WHERE channel_id = :channel_id AND name = :name

-- name: insert_notice
-- Add a notice to send.
INSERT INTO notice (channel_id, trouble, said, is_over, created_at)
VALUES (:channel_id, :trouble, :said, :is_over, :now)

-- name: take_back_notice
-- Delete the unsent notices of a problem that is solved.
DELETE FROM notice WHERE channel_id = :channel_id AND trouble = :trouble AND sent_at IS NULL

-- name: waiting_notices
-- The notices to send, oldest first.
SELECT * FROM notice WHERE channel_id = :channel_id AND sent_at IS NULL ORDER BY id LIMIT :limit

-- name: channel_with_notices
-- A channel with waiting notices that nobody else is sending to.
SELECT * FROM notice_channel
WHERE (lease_until IS NULL OR lease_until <= :now) AND (next_try_at IS NULL OR next_try_at <= :now)
  AND EXISTS (SELECT 1 FROM notice WHERE notice.channel_id = notice_channel.id AND notice.sent_at IS NULL)
ORDER BY id

-- name: lease_channel
-- Take the right to send to a channel.
UPDATE notice_channel SET lease_token = lease_token + 1, lease_owner = :worker, lease_until = :until
WHERE id = :id AND (lease_until IS NULL OR lease_until <= :now) RETURNING *

-- name: settle_channel
-- Release a channel, with the outcome of sending.
UPDATE notice_channel SET
  lease_owner = NULL, lease_until = NULL, failures = :failures, next_try_at = :next_try_at, error = :error
WHERE id = :id AND lease_token = :token

-- name: notices_sent
-- Record that notices were sent.
UPDATE notice SET sent_at = :now WHERE channel_id = :channel_id AND id <= :last AND sent_at IS NULL

-- name: forget_notices
-- Delete notices that were sent, or that could not be sent, long ago.
DELETE FROM notice WHERE sent_at < :before OR created_at < :unsent_before

-- name: forget_troubles
-- Delete problems that began long ago.
DELETE FROM trouble WHERE opened_at < :before
