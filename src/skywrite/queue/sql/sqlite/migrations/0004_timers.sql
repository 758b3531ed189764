-- What runs at times and may give posts: commands (`skywrite watch`) and functions of a program (`skywrite run --app`).

CREATE TABLE timer (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('command', 'function')),
  name TEXT NOT NULL,
  account_did TEXT REFERENCES account (did) ON DELETE CASCADE,
  rule TEXT NOT NULL,
  zone TEXT NOT NULL,
  late_seconds INTEGER NOT NULL CHECK (late_seconds >= 0),
  settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
  next_at TEXT,
  occurrence TEXT,
  lease_token INTEGER NOT NULL DEFAULT 0,
  lease_owner TEXT,
  lease_until TEXT,
  ran_at TEXT,
  outcome TEXT CHECK (outcome IN ('posted', 'nothing', 'same', 'failed')),
  error_name TEXT,
  error_message TEXT,
  error_hint TEXT,
  printed_hash TEXT,
  created_at TEXT NOT NULL,
  CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
  CHECK ((outcome = 'failed') = (error_name IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX timer_function ON timer (name) WHERE kind = 'function';
CREATE INDEX timer_account ON timer (account_did);
