-- Whose uploads are which: the same bytes may be uploaded by several callers, and each drops only their own.

CREATE TABLE upload (
  who TEXT NOT NULL,
  cid TEXT NOT NULL REFERENCES media (cid) ON DELETE CASCADE,
  about TEXT NOT NULL CHECK (json_valid(about)),
  PRIMARY KEY (who, cid)
) STRICT, WITHOUT ROWID;

CREATE INDEX upload_cid ON upload (cid);

INSERT INTO upload (who, cid, about)
SELECT value ->> 'by', name, value FROM setting JOIN media ON media.cid = setting.name WHERE scope = 'upload';
DELETE FROM setting WHERE scope = 'upload';
