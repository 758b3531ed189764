-- Agents that a person has let in by OAuth: their access token is an API key of its own kind.

-- Set for a token, NULL for a key: who let the agent in, which program it is, and the only address that it works at.
ALTER TABLE api_key ADD COLUMN person_id INTEGER REFERENCES person (id) ON DELETE SET NULL;
ALTER TABLE api_key ADD COLUMN client_id TEXT;
ALTER TABLE api_key ADD COLUMN resource TEXT;

CREATE INDEX api_key_person ON api_key (person_id);

-- Programs that registered themselves. One that nobody has let in yet is forgotten soon.
CREATE TABLE oauth_client (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  redirect_uris TEXT NOT NULL CHECK (json_valid(redirect_uris)),
  created_at TEXT NOT NULL,
  used_at TEXT
) STRICT;

CREATE INDEX oauth_client_unused ON oauth_client (created_at) WHERE used_at IS NULL;

-- What a person has allowed, until the program fetches its token; used once.
CREATE TABLE oauth_code (
  digest TEXT PRIMARY KEY,
  person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  client_id TEXT NOT NULL,
  name TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  challenge TEXT NOT NULL,
  resource TEXT NOT NULL,
  scopes TEXT NOT NULL CHECK (json_valid(scopes)),
  accounts TEXT NOT NULL CHECK (json_valid(accounts)),
  expires_at TEXT NOT NULL,
  used_at TEXT,
  key_id INTEGER REFERENCES api_key (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX oauth_code_person ON oauth_code (person_id);
CREATE INDEX oauth_code_key ON oauth_code (key_id);

-- Each is used once, for the next access token and its own successor.
CREATE TABLE oauth_refresh (
  digest TEXT PRIMARY KEY,
  key_id INTEGER NOT NULL REFERENCES api_key (id) ON DELETE CASCADE,
  expires_at TEXT NOT NULL,
  used_at TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX oauth_refresh_key ON oauth_refresh (key_id);
