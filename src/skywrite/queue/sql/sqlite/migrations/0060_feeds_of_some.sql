-- Who may not know of a feed may add its address for accounts of their own: an address is no longer one feed.
-- SQLite cannot drop a constraint, so the table is made anew, and what refers to it waits beside it meanwhile.

CREATE TEMP TABLE kept_feed AS SELECT * FROM feed;
CREATE TEMP TABLE kept_account AS SELECT * FROM feed_account;
CREATE TEMP TABLE kept_item AS SELECT * FROM feed_item;
CREATE TEMP TABLE kept_fingerprint AS SELECT * FROM feed_fingerprint;
CREATE TEMP TABLE kept_number AS SELECT seq FROM sqlite_sequence WHERE name = 'feed';
DELETE FROM feed_fingerprint;
DELETE FROM feed_item;
DELETE FROM feed_account;
DROP TABLE feed;

CREATE TABLE feed (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  url TEXT NOT NULL,
  title TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'gone')),
  settings TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(settings)),
  memory TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(memory)),
  next_check_at TEXT,
  ready_at TEXT,
  lease_token INTEGER NOT NULL DEFAULT 0,
  lease_owner TEXT,
  lease_until TEXT,
  first_polled_at TEXT,
  checked_at TEXT,
  failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
  error_name TEXT,
  error_message TEXT,
  error_hint TEXT,
  created_at TEXT NOT NULL,
  CHECK ((lease_owner IS NULL) = (lease_until IS NULL))
) STRICT;

CREATE INDEX feed_ready ON feed (ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX feed_url ON feed (url);

INSERT INTO feed SELECT * FROM kept_feed;
INSERT INTO feed_account SELECT * FROM kept_account;
INSERT INTO feed_item SELECT * FROM kept_item;
INSERT INTO feed_fingerprint SELECT * FROM kept_fingerprint;
-- A number is never used again: posts are called by it.
DELETE FROM sqlite_sequence WHERE name = 'feed';
INSERT INTO sqlite_sequence (name, seq) SELECT 'feed', seq FROM kept_number;
DROP TABLE kept_feed;
DROP TABLE kept_account;
DROP TABLE kept_item;
DROP TABLE kept_fingerprint;
DROP TABLE kept_number;
