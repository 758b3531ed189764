-- name: insert_snippet
-- Add a snippet.
INSERT INTO snippet (name, account_did, text, signs, created_at)
VALUES (:name, :account_did, :text, :signs, :now)
ON CONFLICT DO NOTHING
RETURNING *

-- name: list_snippets
-- All snippets.
SELECT * FROM snippet ORDER BY name

-- name: get_snippet
-- One snippet.
SELECT * FROM snippet WHERE id = :id

-- name: snippet_called
-- The snippet with a name.
SELECT * FROM snippet WHERE name = :name

-- name: delete_snippet
-- Forget a snippet.
DELETE FROM snippet WHERE id = :id
