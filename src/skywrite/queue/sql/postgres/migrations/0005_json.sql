-- What a post holds is kept as it was written, and not parsed into jsonb: a fifth less room, and quicker to store.
ALTER TABLE post DROP COLUMN text;
ALTER TABLE post
  ALTER COLUMN draft TYPE json USING CAST(CAST(draft AS text) AS json),
  ALTER COLUMN prepared TYPE json USING CAST(CAST(prepared AS text) AS json);
ALTER TABLE post ADD COLUMN text text GENERATED ALWAYS AS (draft ->> 'text') STORED;
