-- Where notices go: an address or a command, what it was noticed of, and what is to be sent.
CREATE TABLE notice_channel (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('email', 'command')),
  config TEXT NOT NULL CHECK (json_valid(config)),
  -- What was read of the events.
  last_event INTEGER NOT NULL,
  failures INTEGER NOT NULL DEFAULT 0,
  next_try_at TEXT,
  error TEXT,
  created_at TEXT NOT NULL,
  lease_token INTEGER NOT NULL DEFAULT 0,
  lease_until TEXT
) STRICT;

-- A trouble that was noticed and is not over.
CREATE TABLE trouble (
  channel_id INTEGER NOT NULL REFERENCES notice_channel (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  account_did TEXT,
  subject_id INTEGER,
  said TEXT NOT NULL,
  opened_at TEXT NOT NULL,
  PRIMARY KEY (channel_id, name)
) STRICT;

CREATE TABLE notice (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  channel_id INTEGER NOT NULL REFERENCES notice_channel (id) ON DELETE CASCADE,
  trouble TEXT NOT NULL,
  said TEXT NOT NULL,
  is_over INTEGER NOT NULL CHECK (is_over IN (0, 1)),
  created_at TEXT NOT NULL,
  sent_at TEXT
) STRICT;

CREATE INDEX notice_waiting ON notice (channel_id) WHERE sent_at IS NULL;
