-- What a key makes never has more than it: it ends with the key, and with the person from whom the key came.

ALTER TABLE api_key ADD COLUMN parent_id INTEGER REFERENCES api_key (id) ON DELETE CASCADE;
ALTER TABLE feed_token ADD COLUMN key_id INTEGER REFERENCES api_key (id) ON DELETE CASCADE;
ALTER TABLE feed_token ADD COLUMN person_id INTEGER REFERENCES person (id) ON DELETE CASCADE;

CREATE INDEX api_key_parent ON api_key (parent_id);
CREATE INDEX feed_token_key ON feed_token (key_id);
CREATE INDEX feed_token_person ON feed_token (person_id);
