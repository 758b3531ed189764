-- name: put_secret
-- Store a sealed text.
INSERT INTO secret (scope, name, sealed, expires_at) VALUES (:scope, :name, :sealed, :expires_at)
ON CONFLICT (scope, name) DO UPDATE SET sealed = excluded.sealed, expires_at = excluded.expires_at

-- name: put_new_secret
-- Store a sealed text, unless there is one that has not expired.
INSERT INTO secret (scope, name, sealed, expires_at) VALUES (:scope, :name, :sealed, :expires_at)
ON CONFLICT (scope, name) DO UPDATE SET sealed = excluded.sealed, expires_at = excluded.expires_at
WHERE secret.expires_at < :now

-- name: get_secret
-- One sealed text, unless it has expired.
SELECT sealed FROM secret WHERE scope = :scope AND name = :name AND (expires_at IS NULL OR expires_at >= :now)

-- name: take_secret
-- Delete a sealed text, and return it, unless it has expired.
DELETE FROM secret WHERE scope = :scope AND name = :name AND (expires_at IS NULL OR expires_at >= :now) RETURNING sealed

-- name: delete_secret
-- Delete a sealed text.
DELETE FROM secret WHERE scope = :scope AND name = :name

-- name: forget_secrets
-- Delete sealed texts that have expired.
DELETE FROM secret WHERE expires_at < :now
