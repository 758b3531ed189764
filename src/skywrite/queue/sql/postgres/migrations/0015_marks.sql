-- How often our posts were liked, reposted, replied to, quoted and bookmarked, at fixed ages.
CREATE TABLE mark (
  post_id bigint NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  age_hours integer NOT NULL,
  taken_at timestamptz NOT NULL,
  -- What sort of post it is: text, images, video, link, quote, thread.
  kind text NOT NULL,
  -- NULL where the AppView did not show the post.
  likes integer,
  reposts integer,
  replies integer,
  quotes integer,
  bookmarks integer,
  labels json NOT NULL DEFAULT '[]',
  PRIMARY KEY (post_id, age_hours)
);
