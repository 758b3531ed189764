-- name: index_names
-- The indexes that are there.
SELECT name FROM sqlite_schema WHERE type = 'index'

-- name: engine_version
-- Which SQLite this is.
SELECT sqlite_version() AS version
