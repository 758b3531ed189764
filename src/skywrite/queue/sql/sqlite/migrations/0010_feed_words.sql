-- Feeds are polled, and items are known by fingerprints.
ALTER TABLE feed RENAME COLUMN looked_at TO first_polled_at;
ALTER TABLE feed_item RENAME COLUMN marks TO fingerprints;
