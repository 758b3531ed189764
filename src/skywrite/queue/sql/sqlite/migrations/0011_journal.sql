-- The last changes by users, with what they replaced, so that the latest can be taken back.
CREATE TABLE change (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  made_at TEXT NOT NULL,
  verb TEXT NOT NULL,
  -- Changes of one command share it: they are taken back together.
  batch TEXT,
  content TEXT NOT NULL CHECK (json_valid(content))
) STRICT;
