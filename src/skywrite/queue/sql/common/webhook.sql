-- name: insert_webhook
-- Add a webhook.
INSERT INTO webhook (url, name, kinds, account_did, secret, created_at)
VALUES (:url, :name, :kinds, :account_did, :secret, :now) RETURNING *

-- name: list_webhooks
-- All webhooks, in the order in which they were added.
SELECT * FROM webhook ORDER BY id

-- name: get_webhook
-- One webhook.
SELECT * FROM webhook WHERE id = :id

-- name: webhooks_that_listen
-- The webhooks that get events, even while they are paused.
SELECT id, kinds, account_did FROM webhook WHERE state <> 'disabled'

-- name: update_webhook
-- Change a webhook.
UPDATE webhook SET url = :url, name = :name, state = :state, kinds = :kinds, reason = :reason WHERE id = :id

-- name: replace_webhook_secret
-- Give a webhook a new secret. For a while, messages are also signed with the old one.
UPDATE webhook SET previous_secret = secret, secret = :secret, previous_until = :until WHERE id = :id

-- name: delete_webhook
-- Delete a webhook and its messages.
DELETE FROM webhook WHERE id = :id

-- name: disable_webhook
-- Disable a webhook, with the reason.
UPDATE webhook SET state = 'disabled', reason = :reason WHERE id = :id

-- name: insert_delivery
-- Add a message for a webhook.
INSERT INTO delivery (webhook_id, event_id, kind, body, attempt_at, created_at)
VALUES (:webhook_id, :event_id, :kind, :body, :now, :now) RETURNING *

-- name: webhooks_with_deliveries
-- The webhooks for which messages wait, and that nobody else is sending to; whoever has waited the longest first.
SELECT webhook.id, webhook.url, min(delivery.attempt_at) AS since
FROM delivery JOIN webhook ON webhook.id = delivery.webhook_id
WHERE delivery.state = 'waiting' AND delivery.attempt_at <= :now AND webhook.state = 'active'
  AND (webhook.lease_until IS NULL OR webhook.lease_until <= :now)
GROUP BY webhook.id, webhook.url ORDER BY since, webhook.id

-- name: next_delivery
-- The next message to send, for one webhook or (0) any that nobody else is sending to.
SELECT delivery.* FROM delivery JOIN webhook ON webhook.id = delivery.webhook_id
WHERE delivery.state = 'waiting' AND delivery.attempt_at <= :now AND webhook.state = 'active'
  AND (webhook.lease_until IS NULL OR webhook.lease_until <= :now) AND (:webhook_id = 0 OR webhook.id = :webhook_id)
ORDER BY delivery.attempt_at, delivery.id LIMIT 1

-- name: next_delivery_at
-- When the next message may be sent.
SELECT min(
  CASE WHEN webhook.lease_until > delivery.attempt_at THEN webhook.lease_until ELSE delivery.attempt_at END
) AS next_at
FROM delivery JOIN webhook ON webhook.id = delivery.webhook_id
WHERE delivery.state = 'waiting' AND webhook.state = 'active'

-- name: set_aside_delivery
-- Leave a message alone until a time, because its row cannot be read.
UPDATE delivery SET attempt_at = :until WHERE id = :id

-- name: set_aside_webhook
-- Leave a webhook alone until a time, because its row cannot be read.
UPDATE webhook SET lease_owner = NULL, lease_until = :until WHERE id = :id

-- name: lease_webhook
-- Take the right to send to a webhook.
UPDATE webhook SET lease_token = lease_token + 1, lease_owner = :worker, lease_until = :until
WHERE id = :id AND (lease_until IS NULL OR lease_until <= :now) RETURNING *

-- name: release_webhook
-- Give back the right to send.
UPDATE webhook SET lease_owner = NULL, lease_until = NULL WHERE id = :id AND lease_token = :token

-- name: settle_delivery
-- Store the outcome of sending, if the lease is still ours.
UPDATE delivery SET
  state = :state, tries = tries + 1, attempt_at = :attempt_at, ended_at = :ended_at, status = :status, error = :error
WHERE id = :id AND state = 'waiting'
  AND EXISTS (SELECT 1 FROM webhook WHERE webhook.id = delivery.webhook_id AND webhook.lease_token = :token)

-- name: replay_delivery
-- Send a message again.
UPDATE delivery SET state = 'waiting', tries = 0, attempt_at = :now, ended_at = NULL WHERE id = :id

-- name: get_delivery
-- One message.
SELECT * FROM delivery WHERE id = :id

-- name: list_deliveries
-- The messages of a webhook, latest first.
SELECT * FROM delivery WHERE webhook_id = :webhook_id AND id < :before ORDER BY id DESC LIMIT :limit

-- name: forget_deliveries
-- Delete messages that were finished long ago, or that wait for a webhook which is paused or disabled.
DELETE FROM delivery WHERE (state <> 'waiting' AND ended_at < :before) OR created_at < :waiting_before
