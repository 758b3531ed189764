-- How often our posts were liked, reposted, replied to, quoted and bookmarked, at fixed ages.
CREATE TABLE mark (
  post_id INTEGER NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  age_hours INTEGER NOT NULL,
  taken_at TEXT NOT NULL,
  -- What sort of post it is: text, images, video, link, quote, thread.
  kind TEXT NOT NULL,
  -- NULL where the AppView did not show the post.
  likes INTEGER,
  reposts INTEGER,
  replies INTEGER,
  quotes INTEGER,
  bookmarks INTEGER,
  labels TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(labels)),
  PRIMARY KEY (post_id, age_hours)
) STRICT, WITHOUT ROWID;
