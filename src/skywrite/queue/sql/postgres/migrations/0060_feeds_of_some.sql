-- Who may not know of a feed may add its address for accounts of their own: an address is no longer one feed.

ALTER TABLE feed DROP CONSTRAINT feed_url_key;
CREATE INDEX feed_url ON feed (url);
