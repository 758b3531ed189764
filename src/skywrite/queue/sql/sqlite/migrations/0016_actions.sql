-- Reposts and pins at a time, and what takes them back. The record key is chosen when it is accepted, so that doing it
-- twice is doing it once.
CREATE TABLE action (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account_did TEXT NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('repost', 'unrepost', 'pin', 'unpin')),
  uri TEXT NOT NULL,
  cid TEXT NOT NULL,
  rkey TEXT NOT NULL,
  due_at TEXT NOT NULL,
  undo_seconds INTEGER,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed', 'cancelled')),
  attempt_at TEXT NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  created_at TEXT NOT NULL,
  done_at TEXT
) STRICT;

CREATE INDEX action_account ON action (account_did);
CREATE INDEX action_waiting ON action (attempt_at) WHERE state = 'waiting';
