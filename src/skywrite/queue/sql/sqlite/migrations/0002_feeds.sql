-- Feeds that make posts, and the ledger of every item that was ever seen in them.

CREATE TABLE feed (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  url TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'gone')),
  settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
  memory TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(memory)),
  next_check_at TEXT,
  ready_at TEXT,
  lease_token INTEGER NOT NULL DEFAULT 0,
  lease_owner TEXT,
  lease_until TEXT,
  looked_at TEXT,
  checked_at TEXT,
  failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
  error_name TEXT,
  error_message TEXT,
  error_hint TEXT,
  created_at TEXT NOT NULL,
  CHECK ((lease_owner IS NULL) = (lease_until IS NULL))
) STRICT;

CREATE INDEX feed_ready ON feed (ready_at) WHERE ready_at IS NOT NULL;

CREATE TABLE feed_account (
  feed_id INTEGER NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  account_did TEXT NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  PRIMARY KEY (feed_id, account_did)
) STRICT, WITHOUT ROWID;

CREATE INDEX feed_account_did ON feed_account (account_did);

-- `content` is what a pending item says; it goes when the item is done with.
CREATE TABLE feed_item (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  feed_id INTEGER NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
  state TEXT NOT NULL CHECK (state IN ('passed', 'filtered', 'pending', 'queued', 'failed')),
  hash TEXT NOT NULL,
  title TEXT NOT NULL DEFAULT '',
  content TEXT CHECK (json_valid(content)),
  has_guid INTEGER NOT NULL CHECK (has_guid IN (0, 1)),
  published_at TEXT,
  title_hash INTEGER NOT NULL,
  marks INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  error_name TEXT,
  error_message TEXT,
  error_hint TEXT,
  seen_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  CHECK ((state = 'pending') <= (content IS NOT NULL)),
  CHECK ((state = 'failed') <= (error_name IS NOT NULL))
) STRICT;

CREATE INDEX feed_item_state ON feed_item (feed_id, state, id);

-- What an item is known by, permanently. A weak fingerprint is replaced when the item is edited.
CREATE TABLE feed_fingerprint (
  feed_id INTEGER NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
  fingerprint INTEGER NOT NULL,
  item_id INTEGER NOT NULL REFERENCES feed_item (id) ON DELETE CASCADE,
  weak INTEGER NOT NULL CHECK (weak IN (0, 1)),
  PRIMARY KEY (feed_id, fingerprint)
) STRICT, WITHOUT ROWID;

CREATE INDEX feed_fingerprint_item ON feed_fingerprint (item_id);
