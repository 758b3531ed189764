-- name: note_migration
-- Record that a migration has been applied.
INSERT INTO schema_version (version, name, applied_at) VALUES (:version, :name, :now)

-- name: schema_version
-- The last migration that was applied.
SELECT max(version) AS version FROM schema_version
