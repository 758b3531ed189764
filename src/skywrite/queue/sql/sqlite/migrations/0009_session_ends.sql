-- When a session was refreshed last, and when it ends whatever is done (NULL where nobody says).
ALTER TABLE account ADD COLUMN session_refreshed_at TEXT;
ALTER TABLE account ADD COLUMN session_ends_at TEXT;
