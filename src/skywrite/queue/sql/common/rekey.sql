-- name: sealed_sessions
-- The accounts with a sealed session.
SELECT did, session FROM account WHERE session IS NOT NULL ORDER BY did

-- name: reseal_session
-- Store a session sealed with another key.
UPDATE account SET session = :session WHERE did = :did

-- name: sealed_secrets
-- The sealed texts.
SELECT scope, name, sealed FROM secret ORDER BY scope, name

-- name: reseal_secret
-- Store a text sealed with another key.
UPDATE secret SET sealed = :sealed WHERE scope = :scope AND name = :name

-- name: sealed_webhooks
-- The webhooks with their sealed secrets.
SELECT id, secret, previous_secret FROM webhook ORDER BY id

-- name: reseal_webhook
-- Store the secrets of a webhook sealed with another key.
UPDATE webhook SET secret = :secret, previous_secret = :previous_secret WHERE id = :id

-- name: reseal_timer
-- Store the settings of a command sealed with another key.
UPDATE timer SET settings = :settings WHERE id = :id
