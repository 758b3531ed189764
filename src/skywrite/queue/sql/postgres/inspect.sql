-- name: index_names
-- The indexes that are there.
SELECT indexname AS name FROM pg_indexes WHERE schemaname = current_schema()

-- name: engine_version
-- Which PostgreSQL this is.
SELECT current_setting('server_version') AS version
