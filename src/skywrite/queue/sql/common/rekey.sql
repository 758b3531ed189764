-- name: sealed_sessions
-- The accounts with a sealed session.
SELECT did, session FROM account WHERE session IS NOT NULL ORDER BY did

-- name: reseal_session
-- Put a session under another key.
UPDATE account SET session = :session WHERE did = :did

-- name: text_settings
-- All settings, among which secrets are sealed texts.
SELECT scope, name, value FROM setting ORDER BY scope, name

-- name: sealed_webhooks
-- The webhooks with their sealed secrets.
SELECT id, secret, previous_secret FROM webhook ORDER BY id

-- name: reseal_webhook
-- Put the secrets of a webhook under another key.
UPDATE webhook SET secret = :secret, previous_secret = :previous_secret WHERE id = :id

-- name: reseal_timer
-- Store the settings of a command with the seal of another key.
UPDATE timer SET settings = :settings WHERE id = :id
