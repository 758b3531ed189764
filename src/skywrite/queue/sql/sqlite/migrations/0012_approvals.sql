-- What was approved or rejected, by whom, and who has written each post.
CREATE TABLE approval (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  post_id INTEGER NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  -- SHA-256 over what will be published; a claim compares it.
  digest TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('approved', 'withdrawn', 'rejected')),
  by_name TEXT NOT NULL,
  note TEXT,
  -- The texts that were looked at, to show what changed since.
  texts TEXT NOT NULL CHECK (json_valid(texts)),
  created_at TEXT NOT NULL
) STRICT;

CREATE INDEX approval_post ON approval (post_id, digest);

CREATE TABLE post_author (
  post_id INTEGER NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  who TEXT NOT NULL,
  agent INTEGER NOT NULL CHECK (agent IN (0, 1)),
  PRIMARY KEY (post_id, who)
) STRICT, WITHOUT ROWID;
