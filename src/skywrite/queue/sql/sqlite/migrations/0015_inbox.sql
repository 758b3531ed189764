-- Replies, mentions and quotes of our posts, each once.
CREATE TABLE inbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_did TEXT NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  uri TEXT NOT NULL,
  cid TEXT NOT NULL,
  reason TEXT NOT NULL CHECK (reason IN ('reply', 'mention', 'quote')),
  author_did TEXT NOT NULL,
  author_handle TEXT NOT NULL,
  text TEXT NOT NULL,
  -- The post of ours that it is about.
  subject TEXT,
  indexed_at TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'done')),
  snoozed_until TEXT,
  answer_id INTEGER REFERENCES post (id) ON DELETE SET NULL,
  -- For functions of programs: who works on it, how often that was tried, and when it was done.
  lease_until TEXT,
  tries INTEGER NOT NULL DEFAULT 0,
  handled_at TEXT,
  UNIQUE (account_did, uri)
) STRICT;

CREATE INDEX inbox_new ON inbox (indexed_at) WHERE state = 'new';
CREATE INDEX inbox_answer ON inbox (answer_id);
CREATE INDEX inbox_unhandled ON inbox (id) WHERE handled_at IS NULL;
