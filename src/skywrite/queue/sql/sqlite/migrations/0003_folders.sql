-- Which file of a synced folder each post came from, and how the file was when the post was last brought up to it.

CREATE TABLE folder_file (
  folder TEXT NOT NULL,
  path TEXT NOT NULL,
  account_did TEXT NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  key TEXT NOT NULL,
  digest TEXT NOT NULL,
  post_id INTEGER NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (folder, path)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX folder_file_post ON folder_file (post_id);
CREATE INDEX folder_file_account ON folder_file (account_did);
