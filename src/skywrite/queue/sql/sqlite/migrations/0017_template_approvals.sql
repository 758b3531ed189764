-- A recurrence's template is approved once, for all posts that are made from exactly it. An approval keeps what it
-- covers, so that the next one can show what changed.
ALTER TABLE approval ADD COLUMN content TEXT CHECK (json_valid(content));

CREATE TABLE recurrence_approval (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  recurrence_id INTEGER NOT NULL REFERENCES recurrence (id) ON DELETE CASCADE,
  -- SHA-256 over the template; a claim compares it.
  digest TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('approved', 'withdrawn', 'rejected')),
  by_name TEXT NOT NULL,
  note TEXT,
  content TEXT NOT NULL CHECK (json_valid(content)),
  created_at TEXT NOT NULL
) STRICT;

CREATE INDEX recurrence_approval_digest ON recurrence_approval (recurrence_id, digest);

CREATE TABLE recurrence_author (
  recurrence_id INTEGER NOT NULL REFERENCES recurrence (id) ON DELETE CASCADE,
  who TEXT NOT NULL,
  agent INTEGER NOT NULL CHECK (agent IN (0, 1)),
  PRIMARY KEY (recurrence_id, who)
) STRICT, WITHOUT ROWID;

-- The template that an occurrence was made from.
CREATE TABLE occurrence_template (
  post_id INTEGER PRIMARY KEY REFERENCES post (id) ON DELETE CASCADE,
  digest TEXT NOT NULL
) STRICT;
