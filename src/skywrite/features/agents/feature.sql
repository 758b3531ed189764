-- name: insert_oauth_client
-- Add a program that registered itself.
INSERT INTO oauth_client (id, name, redirect_uris, created_at) VALUES (:id, :name, :redirect_uris, :now)

-- name: get_oauth_client
-- One program.
SELECT * FROM oauth_client WHERE id = :id

-- name: use_oauth_client
-- Record that a person has allowed a program.
UPDATE oauth_client SET used_at = :now WHERE id = :id

-- name: forget_unused_oauth_clients
-- Delete programs that nobody has allowed: those registered before a time, and the oldest beyond a number.
DELETE FROM oauth_client
WHERE used_at IS NULL
  AND (
    created_at < :before
    OR id NOT IN (SELECT id FROM oauth_client WHERE used_at IS NULL ORDER BY created_at DESC LIMIT :keep)
  )

-- name: insert_oauth_code
-- Store a code, with what a person has allowed.
INSERT INTO oauth_code
  (digest, person_id, client_id, name, redirect_uri, challenge, resource, scopes, accounts, expires_at)
VALUES (:digest, :person_id, :client_id, :name, :redirect_uri, :challenge, :resource, :scopes, :accounts, :expires_at)

-- name: forget_old_oauth_codes
-- Delete codes that expired before a time.
DELETE FROM oauth_code WHERE expires_at < :before

-- name: use_oauth_code
-- Use a code, which works once.
UPDATE oauth_code SET used_at = :now WHERE digest = :digest AND used_at IS NULL AND expires_at > :now RETURNING *

-- name: note_key_of_oauth_code
-- Record which access a code gave.
UPDATE oauth_code SET key_id = :key_id WHERE digest = :digest

-- name: revoke_key_of_oauth_code
-- Revoke the access that a code gave, because somebody used the code twice.
UPDATE api_key SET revoked_at = :now
WHERE revoked_at IS NULL AND id = (SELECT key_id FROM oauth_code WHERE digest = :digest)

-- name: insert_agent_key
-- Add the access token of an agent that a person has allowed.
INSERT INTO api_key (name, prefix, digest, scopes, accounts, created_at, expires_at, person_id, client_id, resource)
VALUES (:name, :prefix, :digest, :scopes, :accounts, :now, :expires_at, :person_id, :client_id, :resource)
RETURNING *

-- name: renew_agent_key
-- Replace the access token of an agent.
UPDATE api_key SET prefix = :prefix, digest = :digest, expires_at = :expires_at
WHERE id = :id AND revoked_at IS NULL AND person_id IS NOT NULL
RETURNING *

-- name: insert_oauth_refresh
-- Store a refresh token.
INSERT INTO oauth_refresh (digest, key_id, expires_at) VALUES (:digest, :key_id, :expires_at)

-- name: forget_old_oauth_refreshes
-- Delete refresh tokens that expired before a time.
DELETE FROM oauth_refresh WHERE expires_at < :before

-- name: use_oauth_refresh
-- Use a refresh token of this client, which works once.
UPDATE oauth_refresh SET used_at = :now
WHERE digest = :digest AND used_at IS NULL AND expires_at > :now
  AND key_id IN (SELECT id FROM api_key WHERE client_id = :client_id)
RETURNING *

-- name: revoke_key_of_oauth_refresh
-- Revoke the access that a refresh token belongs to.
UPDATE api_key SET revoked_at = :now
WHERE revoked_at IS NULL AND id = (SELECT key_id FROM oauth_refresh WHERE digest = :digest)

-- name: forget_oauth_clients
-- Delete programs that somebody let in long ago, and whose access is deleted.
DELETE FROM oauth_client
WHERE used_at < :before AND id NOT IN (SELECT client_id FROM api_key WHERE client_id IS NOT NULL)
