-- name: insert_person
-- Add a person.
INSERT INTO person (name, role, created_at) VALUES (:name, :role, :now) RETURNING *

-- name: list_people
-- All people, in the order in which they were added.
SELECT * FROM person ORDER BY id

-- name: get_person
-- One person.
SELECT * FROM person WHERE id = :id

-- name: set_person_role
-- Change a person's role.
UPDATE person SET role = :role WHERE id = :id

-- name: delete_person
-- Delete a person, with their sessions, links and passkeys.
DELETE FROM person WHERE id = :id

-- name: insert_sign_in_link
-- Add a link that signs a person in once.
INSERT INTO sign_in_link (digest, person_id, created_at, expires_at) VALUES (:digest, :person_id, :now, :expires_at)

-- name: use_sign_in_link
-- Use a link, which works once. Returns nothing if it was used or has expired.
DELETE FROM sign_in_link WHERE digest = :digest AND expires_at > :now RETURNING person_id

-- name: forget_old_links
-- Delete links that have expired.
DELETE FROM sign_in_link WHERE expires_at <= :now

-- name: insert_web_session
-- Start a session.
INSERT INTO web_session (digest, person_id, created_at, expires_at) VALUES (:digest, :person_id, :now, :expires_at)

-- name: person_of_session
-- The person that a session belongs to.
SELECT person.* FROM web_session JOIN person ON person.id = web_session.person_id
WHERE web_session.digest = :digest AND web_session.expires_at > :now

-- name: open_web_sessions
-- Those of some sessions that have not ended.
SELECT web_session.digest, web_session.person_id FROM json_each(:items) AS item
JOIN web_session ON web_session.digest = item.value ->> 'digest'
WHERE web_session.expires_at > :now

-- name: delete_web_session
-- End a session.
DELETE FROM web_session WHERE digest = :digest

-- name: forget_old_sessions
-- Delete sessions that have expired.
DELETE FROM web_session WHERE expires_at <= :now

-- name: insert_passkey
-- Add a passkey.
INSERT INTO passkey (credential_id, person_id, name, public_key, sign_count, created_at)
VALUES (:credential_id, :person_id, :name, :public_key, :sign_count, :now)

-- name: get_passkey
-- One passkey.
SELECT * FROM passkey WHERE credential_id = :credential_id

-- name: list_passkeys
-- The passkeys of a person.
SELECT * FROM passkey WHERE person_id = :person_id ORDER BY created_at, credential_id

-- name: count_passkeys
-- The number of passkeys.
SELECT count(*) AS count FROM passkey

-- name: note_passkey_use
-- Record the use of a passkey.
UPDATE passkey SET sign_count = :sign_count, last_used_at = :now WHERE credential_id = :credential_id

-- name: delete_passkey
-- Delete a passkey.
DELETE FROM passkey WHERE credential_id = :credential_id AND person_id = :person_id
