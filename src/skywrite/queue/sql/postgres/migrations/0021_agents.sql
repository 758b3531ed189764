-- Agents that a person has let in by OAuth: their access token is an API key of its own kind.

-- Set for a token, NULL for a key: who let the agent in, which program it is, and the only address that it works at.
ALTER TABLE api_key ADD COLUMN person_id bigint REFERENCES person (id) ON DELETE SET NULL;
ALTER TABLE api_key ADD COLUMN client_id text;
ALTER TABLE api_key ADD COLUMN resource text;

CREATE INDEX api_key_person ON api_key (person_id);

-- Programs that registered themselves. One that nobody has let in yet is forgotten soon.
CREATE TABLE oauth_client (
  id text PRIMARY KEY,
  name text NOT NULL,
  redirect_uris jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  used_at timestamptz
);

CREATE INDEX oauth_client_unused ON oauth_client (created_at) WHERE used_at IS NULL;

-- What a person has allowed, until the program fetches its token; used once.
CREATE TABLE oauth_code (
  digest text PRIMARY KEY,
  person_id bigint NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  client_id text NOT NULL,
  name text NOT NULL,
  redirect_uri text NOT NULL,
  challenge text NOT NULL,
  resource text NOT NULL,
  scopes jsonb NOT NULL,
  accounts jsonb NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  key_id bigint REFERENCES api_key (id) ON DELETE CASCADE
);

CREATE INDEX oauth_code_person ON oauth_code (person_id);
CREATE INDEX oauth_code_key ON oauth_code (key_id);

-- Each is used once, for the next access token and its own successor.
CREATE TABLE oauth_refresh (
  digest text PRIMARY KEY,
  key_id bigint NOT NULL REFERENCES api_key (id) ON DELETE CASCADE,
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);

CREATE INDEX oauth_refresh_key ON oauth_refresh (key_id);
