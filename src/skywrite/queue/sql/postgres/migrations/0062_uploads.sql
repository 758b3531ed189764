-- Whose uploads are which: the same bytes may be uploaded by several callers, and each drops only their own.

CREATE TABLE upload (
  who text NOT NULL,
  cid text NOT NULL REFERENCES media (cid) ON DELETE CASCADE,
  about text NOT NULL,
  PRIMARY KEY (who, cid)
);

CREATE INDEX upload_cid ON upload (cid);

INSERT INTO upload (who, cid, about)
SELECT CAST(value AS jsonb) ->> 'by', name, value::text FROM setting JOIN media ON media.cid = setting.name
WHERE scope = 'upload';
DELETE FROM setting WHERE scope = 'upload';
