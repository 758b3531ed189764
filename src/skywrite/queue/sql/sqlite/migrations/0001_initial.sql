-- Times are text, UTC, `YYYY-MM-DDTHH:MM:SS.ffffffZ`: they sort as text and people can read them.

CREATE TABLE schema_version (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  applied_at TEXT NOT NULL
) STRICT;

CREATE TABLE setting (
  scope TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL CHECK (json_valid(value)),
  PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
  did TEXT PRIMARY KEY,
  handle TEXT NOT NULL,
  pds_url TEXT NOT NULL,
  is_default INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
  state TEXT NOT NULL DEFAULT 'ok' CHECK (state IN ('ok', 'needs_login', 'paused')),
  paused_until TEXT,
  pause_reason TEXT,
  -- The earliest time at which a worker may claim this account; NULL when there is nothing to do.
  ready_at TEXT,
  lease_token INTEGER NOT NULL DEFAULT 0,
  lease_owner TEXT,
  lease_until TEXT,
  last_published_at TEXT,
  settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
  session BLOB,
  session_version INTEGER NOT NULL DEFAULT 0,
  refresh_owner TEXT,
  refresh_until TEXT,
  created_at TEXT NOT NULL,
  CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
  CHECK (state = 'paused' OR paused_until IS NULL)
) STRICT;

CREATE UNIQUE INDEX account_default ON account (is_default) WHERE is_default;
CREATE INDEX account_handle ON account (handle);
CREATE INDEX account_ready ON account (ready_at) WHERE ready_at IS NOT NULL;

CREATE TABLE recurrence (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_did TEXT NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'ended')),
  rule TEXT NOT NULL,
  zone TEXT NOT NULL,
  draft TEXT NOT NULL CHECK (json_valid(draft)),
  pool TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(pool)),
  prepared TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(prepared)),
  starts_at TEXT,
  until TEXT,
  exceptions TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(exceptions)),
  position INTEGER NOT NULL DEFAULT 0,
  jitter_seconds INTEGER NOT NULL DEFAULT 0 CHECK (jitter_seconds >= 0),
  late_policy TEXT NOT NULL DEFAULT 'publish' CHECK (late_policy IN ('publish', 'skip', 'hold')),
  late_seconds INTEGER CHECK (late_seconds >= 0),
  source TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;

CREATE INDEX recurrence_account ON recurrence (account_did);

CREATE TABLE post (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_did TEXT NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  state TEXT NOT NULL
    CHECK (state IN ('draft', 'scheduled', 'publishing', 'published', 'failed', 'held', 'cancelled')),
  due_at TEXT,
  attempt_at TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  key TEXT,
  draft TEXT NOT NULL CHECK (json_valid(draft)),
  text TEXT GENERATED ALWAYS AS (draft ->> '$.text') VIRTUAL,
  text_hash INTEGER NOT NULL,
  prepared TEXT NOT NULL CHECK (json_valid(prepared)),
  frozen TEXT,
  root_rkey TEXT,
  uri TEXT,
  cid TEXT,
  published_at TEXT,
  attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  lease_token INTEGER,
  late_policy TEXT NOT NULL DEFAULT 'publish' CHECK (late_policy IN ('publish', 'skip', 'hold')),
  late_seconds INTEGER CHECK (late_seconds >= 0),
  error_name TEXT,
  error_message TEXT,
  error_hint TEXT,
  source TEXT,
  recurrence_id INTEGER REFERENCES recurrence (id) ON DELETE SET NULL,
  occurrence TEXT,
  CHECK ((state = 'published') = (published_at IS NOT NULL)),
  CHECK (state <> 'published' OR (uri IS NOT NULL AND cid IS NOT NULL)),
  CHECK (state NOT IN ('scheduled', 'publishing') OR due_at IS NOT NULL),
  CHECK (state <> 'publishing' OR lease_token IS NOT NULL),
  CHECK (state NOT IN ('failed', 'held') OR error_name IS NOT NULL),
  CHECK (state NOT IN ('draft', 'cancelled') OR frozen IS NULL)
) STRICT;

CREATE UNIQUE INDEX post_key ON post (account_did, key) WHERE key IS NOT NULL;
CREATE UNIQUE INDEX post_occurrence ON post (recurrence_id, occurrence) WHERE recurrence_id IS NOT NULL;
-- An account publishes one post at a time; the database itself refuses a second claim.
CREATE UNIQUE INDEX post_publishing ON post (account_did) WHERE state = 'publishing';
CREATE INDEX post_scheduled ON post (account_did, due_at) WHERE state = 'scheduled';
CREATE INDEX post_state ON post (state, due_at);
CREATE INDEX post_history ON post (state, updated_at) WHERE state IN ('published', 'failed', 'cancelled');
CREATE INDEX post_text ON post (text_hash);

CREATE TABLE attempt (
  post_id INTEGER NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  worker TEXT NOT NULL,
  started_at TEXT NOT NULL,
  ended_at TEXT,
  outcome TEXT CHECK (outcome IN ('published', 'retry', 'failed', 'held', 'released', 'lost')),
  error_name TEXT,
  error_message TEXT,
  error_hint TEXT,
  PRIMARY KEY (post_id, number),
  CHECK ((ended_at IS NULL) = (outcome IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE media (
  cid TEXT PRIMARY KEY,
  mime TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size >= 0),
  used_at TEXT NOT NULL
) STRICT;

CREATE TABLE media_chunk (
  cid TEXT NOT NULL REFERENCES media (cid) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (cid, number)
) STRICT;

CREATE TABLE post_media (
  post_id INTEGER NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  cid TEXT NOT NULL REFERENCES media (cid),
  PRIMARY KEY (post_id, cid)
) STRICT, WITHOUT ROWID;

CREATE INDEX post_media_cid ON post_media (cid);

CREATE TABLE recurrence_media (
  recurrence_id INTEGER NOT NULL REFERENCES recurrence (id) ON DELETE CASCADE,
  cid TEXT NOT NULL REFERENCES media (cid),
  PRIMARY KEY (recurrence_id, cid)
) STRICT, WITHOUT ROWID;

CREATE INDEX recurrence_media_cid ON recurrence_media (cid);

CREATE TABLE slot (
  account_did TEXT NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  weekday INTEGER NOT NULL CHECK (weekday BETWEEN 0 AND 6),
  minute INTEGER NOT NULL CHECK (minute BETWEEN 0 AND 1439),
  zone TEXT NOT NULL,
  PRIMARY KEY (account_did, weekday, minute)
) STRICT, WITHOUT ROWID;

-- Write points spent and posts published, by account and minute.
CREATE TABLE spend (
  account_did TEXT NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  minute TEXT NOT NULL,
  points INTEGER NOT NULL DEFAULT 0,
  posts INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (account_did, minute)
) STRICT, WITHOUT ROWID;
