-- name: insert_api_key
-- Add a key; only its digest is stored.
INSERT INTO api_key (name, prefix, digest, scopes, accounts, created_at, expires_at, parent_id, person_id)
VALUES (:name, :prefix, :digest, :scopes, :accounts, :now, :expires_at, :parent_id, :person_id)
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

-- name: first_key_of
-- The key from which a key came: nobody's key made that one.
WITH RECURSIVE line AS (
  SELECT id, parent_id FROM api_key WHERE id = :id
  UNION
  SELECT older.id, older.parent_id FROM api_key AS older JOIN line ON older.id = line.parent_id
)
SELECT id FROM line WHERE parent_id IS NULL

-- name: revoke_api_key
-- Revoke a key, and those that it has made, and those that they have made.
WITH RECURSIVE family AS (
  SELECT id FROM api_key WHERE id = :id
  UNION
  SELECT child.id FROM api_key AS child JOIN family ON child.parent_id = family.id
)
UPDATE api_key SET revoked_at = :now WHERE id IN (SELECT id FROM family) AND revoked_at IS NULL

-- name: revoke_keys_of_person
-- Revoke the keys that a person has allowed or made.
UPDATE api_key SET revoked_at = :now WHERE person_id = :id AND revoked_at IS NULL

-- name: note_api_key_use
-- Record when a key was last used.
UPDATE api_key SET last_used_at = :now WHERE id = :id AND (last_used_at IS NULL OR last_used_at < :before)

-- name: insert_feed_token
-- Add a secret address for a calendar or a news reader.
INSERT INTO feed_token (digest, name, account_did, created_at, key_id, person_id)
VALUES (:digest, :name, :account_did, :now, :key_id, :person_id) RETURNING *

-- name: feed_token_with_digest
-- The address with this digest, unless it is revoked, or the key that made it has ended.
SELECT feed_token.* FROM feed_token LEFT JOIN api_key ON api_key.id = feed_token.key_id
WHERE feed_token.digest = :digest AND feed_token.revoked_at IS NULL AND api_key.revoked_at IS NULL
  AND (api_key.expires_at IS NULL OR api_key.expires_at > :now)

-- name: list_feed_tokens
-- All addresses that are not revoked, and whose key has not ended.
SELECT feed_token.* FROM feed_token LEFT JOIN api_key ON api_key.id = feed_token.key_id
WHERE feed_token.revoked_at IS NULL AND api_key.revoked_at IS NULL
  AND (api_key.expires_at IS NULL OR api_key.expires_at > :now)
ORDER BY feed_token.id

-- name: revoke_feed_token
-- Revoke an address.
UPDATE feed_token SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL

-- name: forget_api_keys
-- Delete keys, and access tokens of agents, that ended long ago.
DELETE FROM api_key WHERE revoked_at < :before OR expires_at < :before

-- name: forget_feed_tokens
-- Delete addresses that were revoked long ago.
DELETE FROM feed_token WHERE revoked_at < :before
