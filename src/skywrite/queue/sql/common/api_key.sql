-- name: insert_api_key
-- Add a key; only its digest is stored.
INSERT INTO api_key (name, prefix, digest, scopes, accounts, created_at, expires_at)
VALUES (:name, :prefix, :digest, :scopes, :accounts, :now, :expires_at)
ON CONFLICT (prefix) DO NOTHING
RETURNING *

-- name: api_key_with_prefix
-- The key with this prefix.
SELECT * FROM api_key WHERE prefix = :prefix

-- name: valid_api_keys
-- Those of some keys that are valid now.
SELECT api_key.* FROM json_each(:items) AS item
JOIN api_key ON api_key.id = CAST(item.value ->> 'id' AS bigint)
WHERE api_key.revoked_at IS NULL AND (api_key.expires_at IS NULL OR api_key.expires_at > :now)

-- name: list_api_keys
-- All keys, in the order in which they were added.
SELECT * FROM api_key ORDER BY id

-- name: get_api_key
-- One key.
SELECT * FROM api_key WHERE id = :id

-- name: revoke_api_key
-- Revoke a key.
UPDATE api_key SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL

-- name: revoke_keys_of_person
-- Revoke the keys that a person has allowed or made.
UPDATE api_key SET revoked_at = :now WHERE person_id = :id AND revoked_at IS NULL

-- name: note_api_key_use
-- Record when a key was last used.
UPDATE api_key SET last_used_at = :now WHERE id = :id AND (last_used_at IS NULL OR last_used_at < :before)

-- name: insert_feed_token
-- Add a secret address for a calendar or a news reader.
INSERT INTO feed_token (digest, name, account_did, created_at) VALUES (:digest, :name, :account_did, :now) RETURNING *

-- name: feed_token_with_digest
-- The address with this digest, unless it is revoked.
SELECT * FROM feed_token WHERE digest = :digest AND revoked_at IS NULL

-- name: list_feed_tokens
-- All addresses that are not revoked.
SELECT * FROM feed_token WHERE revoked_at IS NULL ORDER BY id

-- name: revoke_feed_token
-- Revoke an address.
UPDATE feed_token SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL
