-- What the server keeps: API keys, people and their sessions, addresses of calendars, events and webhooks.

CREATE TABLE api_key (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  prefix TEXT NOT NULL UNIQUE,
  digest TEXT NOT NULL,
  scopes TEXT NOT NULL CHECK (json_valid(scopes)),
  -- The DIDs of the accounts that the key may use; NULL for all.
  accounts TEXT CHECK (json_valid(accounts)),
  created_at TEXT NOT NULL,
  expires_at TEXT,
  last_used_at TEXT,
  revoked_at TEXT
) STRICT;

CREATE TABLE person (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'writer', 'approver', 'owner')),
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE passkey (
  credential_id TEXT PRIMARY KEY,
  person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  public_key BLOB NOT NULL,
  sign_count INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  last_used_at TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX passkey_person ON passkey (person_id);

-- Links that sign a person in, once.
CREATE TABLE sign_in_link (
  digest TEXT PRIMARY KEY,
  person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sign_in_link_person ON sign_in_link (person_id);

CREATE TABLE web_session (
  digest TEXT PRIMARY KEY,
  person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX web_session_person ON web_session (person_id);

-- Secret addresses that programs without keys read: calendars and news readers.
CREATE TABLE feed_token (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  digest TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  account_did TEXT REFERENCES account (did) ON DELETE CASCADE,
  created_at TEXT NOT NULL,
  revoked_at TEXT
) STRICT;

CREATE INDEX feed_token_account ON feed_token (account_did);

-- What happened, written in the same transaction as what it reports; kept for a week.
CREATE TABLE event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  account_did TEXT REFERENCES account (did) ON DELETE CASCADE,
  -- The number of the post or feed that it is about.
  subject_id INTEGER,
  data TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(data)),
  created_at TEXT NOT NULL
) STRICT;

CREATE INDEX event_account ON event (account_did);
CREATE INDEX event_created ON event (created_at);

CREATE TABLE webhook (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  url TEXT NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'disabled')),
  -- The kinds of events that are sent; NULL for all.
  kinds TEXT CHECK (json_valid(kinds)),
  account_did TEXT REFERENCES account (did) ON DELETE CASCADE,
  secret BLOB NOT NULL,
  previous_secret BLOB,
  previous_until TEXT,
  reason TEXT,
  created_at TEXT NOT NULL,
  lease_token INTEGER NOT NULL DEFAULT 0,
  lease_until TEXT,
  CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
) STRICT;

CREATE INDEX webhook_account ON webhook (account_did);

CREATE TABLE delivery (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  webhook_id INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
  event_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
  tries INTEGER NOT NULL DEFAULT 0,
  attempt_at TEXT NOT NULL,
  created_at TEXT NOT NULL,
  ended_at TEXT,
  status INTEGER,
  error TEXT
) STRICT;

CREATE INDEX delivery_waiting ON delivery (webhook_id, attempt_at) WHERE state = 'waiting';
CREATE INDEX delivery_webhook ON delivery (webhook_id, id);
