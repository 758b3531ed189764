-- name: get_app_draft
-- A draft of the official app that was pulled.
SELECT * FROM app_draft WHERE account_did = :account_did AND id = :id

-- name: put_app_draft
-- Record how a draft of the official app, and our post, are now.
INSERT INTO app_draft (account_did, id, post_id, remote_digest, local_digest)
VALUES (:account_did, :id, :post_id, :remote_digest, :local_digest)
ON CONFLICT (account_did, id) DO UPDATE SET
  post_id = excluded.post_id, remote_digest = excluded.remote_digest, local_digest = excluded.local_digest
