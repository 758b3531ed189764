-- Which file of a synced folder each post came from, and how the file was when the post was last brought up to it.

CREATE TABLE folder_file (
  folder text NOT NULL,
  path text NOT NULL,
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  key text NOT NULL,
  digest text NOT NULL,
  post_id bigint NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (folder, path)
);

CREATE UNIQUE INDEX folder_file_post ON folder_file (post_id);
CREATE INDEX folder_file_account ON folder_file (account_did);
