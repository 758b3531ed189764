-- name: list_folder_files
-- The files of a folder that became posts, with the state of these posts.
SELECT folder_file.*, post.state, post.uri, post.due_at
FROM folder_file JOIN post ON post.id = folder_file.post_id
WHERE folder_file.folder = :folder
ORDER BY folder_file.path

-- name: get_folder_file
-- One file of a folder.
SELECT * FROM folder_file WHERE folder = :folder AND path = :path

-- name: folder_file_of_post
-- The file that became a post.
SELECT * FROM folder_file WHERE post_id = :post_id

-- name: put_folder_file
-- Record which post a file became, and the state of the file.
INSERT INTO folder_file (folder, path, account_did, key, digest, post_id, updated_at)
VALUES (:folder, :path, :account_did, :key, :digest, :post_id, :now)
ON CONFLICT (folder, path) DO UPDATE SET
  account_did = excluded.account_did, key = excluded.key, digest = excluded.digest, post_id = excluded.post_id,
  updated_at = excluded.updated_at

-- name: change_folder_file
-- Record the current state of a file, unless somebody else has updated its post meanwhile.
UPDATE folder_file SET digest = :digest, updated_at = :now
WHERE folder = :folder AND path = :path AND post_id = :post_id AND digest = :seen

-- name: move_folder_file
-- Record the new folder and name of a file.
UPDATE folder_file SET folder = :new_folder, path = :new_path, updated_at = :now
WHERE folder = :folder AND path = :path

-- name: list_other_folders
-- The other folders that have files which became posts.
SELECT DISTINCT folder FROM folder_file WHERE folder <> :folder ORDER BY folder

-- name: delete_folder_file
-- Delete a file, unless somebody else has updated its post meanwhile.
DELETE FROM folder_file WHERE folder = :folder AND path = :path AND post_id = :post_id AND digest = :seen

-- name: forget_key
-- Free the key of a cancelled post that is certainly not on the network.
UPDATE post SET version = version + 1, key = NULL WHERE id = :id AND state = 'cancelled'
