-- name: insert_hook
-- Add a hook.
INSERT INTO hook (name, kind, account_did, template, publishes, draft, created_at)
VALUES (:name, :kind, :account_did, :template, :publishes, :draft, :now)
ON CONFLICT (name) DO NOTHING
RETURNING *

-- name: list_hooks
-- All hooks.
SELECT * FROM hook ORDER BY id

-- name: get_hook
-- One hook.
SELECT * FROM hook WHERE id = :id

-- name: hook_called
-- The hook with a name.
SELECT * FROM hook WHERE name = :name

-- name: update_hook
-- Change what a hook makes.
UPDATE hook SET template = :template, publishes = :publishes, draft = :draft WHERE id = :id

-- name: set_hook_agent
-- Record the agent that added or changed a hook.
UPDATE hook SET agent = :who WHERE id = :id

-- name: delete_hook
-- Forget a hook; its posts stay.
DELETE FROM hook WHERE id = :id

-- name: note_hook
-- Note what became of the last message.
UPDATE hook SET delivered_at = :now, outcome = :outcome, post_id = :post_id, error_code = :error_code,
  error_message = :error_message, error_hint = :error_hint
WHERE id = :id
