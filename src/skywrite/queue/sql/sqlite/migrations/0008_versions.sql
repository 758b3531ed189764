-- Each change counts, so that nobody overwrites what somebody else changed meanwhile.
ALTER TABLE post ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
-- What a key was used for: the hash of the draft that came with it.
ALTER TABLE post ADD COLUMN key_hash INTEGER;
