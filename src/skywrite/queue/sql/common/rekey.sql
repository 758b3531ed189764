-- name: sealed_sessions
-- The accounts with a sealed session.
SELECT did, session FROM account WHERE session IS NOT NULL ORDER BY did

-- name: reseal_session
-- Store a session sealed with another key.
UPDATE account SET session = :session WHERE did = :did

-- name: text_settings
-- All settings. Secrets among them are sealed texts.
SELECT scope, name, value FROM setting ORDER BY scope, name

-- name: sealed_webhooks
-- The webhooks with their sealed secrets.
SELECT id, secret, previous_secret FROM webhook ORDER BY id

-- name: reseal_webhook
-- Store the secrets of a webhook sealed with another key.
UPDATE webhook SET secret = :secret, previous_secret = :previous_secret WHERE id = :id

-- name: reseal_timer
-- Store the settings of a command sealed with another key.
UPDATE timer SET settings = :settings WHERE id = :id
