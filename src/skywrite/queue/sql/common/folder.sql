-- name: list_folder_files
-- The files of a folder that posts were made from, with what became of the posts.
SELECT folder_file.*, post.state, post.uri, post.due_at
FROM folder_file JOIN post ON post.id = folder_file.post_id
WHERE folder_file.folder = :folder
ORDER BY folder_file.path

-- name: get_folder_file
-- One file of a folder.
SELECT * FROM folder_file WHERE folder = :folder AND path = :path

-- name: folder_file_of_post
-- The file that a post was made from.
SELECT * FROM folder_file WHERE post_id = :post_id

-- name: put_folder_file
-- Remember which post a file became, and how the file was.
INSERT INTO folder_file (folder, path, account_did, key, digest, post_id, updated_at)
VALUES (:folder, :path, :account_did, :key, :digest, :post_id, :now)
ON CONFLICT (folder, path) DO UPDATE SET
  account_did = excluded.account_did, key = excluded.key, digest = excluded.digest, post_id = excluded.post_id,
  updated_at = excluded.updated_at

-- name: change_folder_file
-- Remember how a file is now, if nobody else has brought its post up to it meanwhile.
UPDATE folder_file SET digest = :digest, updated_at = :now
WHERE folder = :folder AND path = :path AND post_id = :post_id AND digest = :seen

-- name: move_folder_file
-- Remember a file under its new name.
UPDATE folder_file SET path = :new_path, updated_at = :now WHERE folder = :folder AND path = :path

-- name: delete_folder_file
-- Forget a file, if nobody else has brought its post up to it meanwhile.
DELETE FROM folder_file WHERE folder = :folder AND path = :path AND post_id = :post_id AND digest = :seen

-- name: forget_key
-- Let the key of a cancelled post, which is certainly not on the network, be used again.
UPDATE post SET version = version + 1, key = NULL WHERE id = :id AND state = 'cancelled'
