-- What happens once a post has so many likes, reposts, replies, quotes or bookmarks; and reposts that are repeated.
CREATE TABLE follow_up (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  post_id INTEGER NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  metric TEXT NOT NULL CHECK (metric IN ('likes', 'reposts', 'replies', 'quotes', 'bookmarks')),
  threshold INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('reply', 'repost')),
  text TEXT NOT NULL,
  undo_seconds INTEGER,
  state TEXT NOT NULL DEFAULT 'waiting'
    CHECK (state IN ('waiting', 'reached', 'done', 'expired', 'failed', 'cancelled')),
  note TEXT,
  -- The reply's post, or the repost's action.
  made_id INTEGER,
  who TEXT,
  agent INTEGER NOT NULL CHECK (agent IN (0, 1)),
  created_at TEXT NOT NULL,
  done_at TEXT
) STRICT;

CREATE INDEX follow_up_post ON follow_up (post_id);
CREATE INDEX follow_up_open ON follow_up (id) WHERE state IN ('waiting', 'reached');

ALTER TABLE action ADD COLUMN rule TEXT;
ALTER TABLE action ADD COLUMN zone TEXT;
ALTER TABLE action ADD COLUMN until TEXT;
-- The record key of the repost before, which is taken back first: the network shows only one of a post.
ALTER TABLE action ADD COLUMN replaces TEXT;
