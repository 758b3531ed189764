-- name: get_setting
-- One setting.
SELECT value FROM setting WHERE scope = :scope AND name = :name

-- name: list_settings
-- All settings of a scope.
SELECT name, value FROM setting WHERE scope = :scope ORDER BY name

-- name: put_setting
-- Store a setting.
INSERT INTO setting (scope, name, value) VALUES (:scope, :name, :value)
ON CONFLICT (scope, name) DO UPDATE SET value = excluded.value

-- name: delete_setting
-- Delete a setting.
DELETE FROM setting WHERE scope = :scope AND name = :name
