-- name: insert_account
-- Add an account, or update its handle and server.
INSERT INTO account (did, handle, pds_url, created_at)
VALUES (:did, :handle, :pds_url, :now)
ON CONFLICT (did) DO UPDATE SET handle = excluded.handle, pds_url = excluded.pds_url

-- name: get_account
-- One account by its DID.
SELECT * FROM account WHERE did = :did

-- name: list_accounts
-- All accounts, the default one first.
SELECT * FROM account ORDER BY is_default DESC, handle, did

-- name: accounts_with
-- The accounts with these DIDs (JSON objects).
SELECT * FROM account WHERE did IN (SELECT item.value ->> 'did' FROM json_each(:items) AS item)

-- name: account_after_many
-- The account that comes so many accounts behind this DID.
SELECT did FROM account WHERE did > :after ORDER BY did LIMIT 1 OFFSET :many

-- name: some_accounts
-- Some accounts that are signed in.
SELECT * FROM account WHERE session IS NOT NULL LIMIT :most

-- name: account_of_sign_in_name
-- The account that was signed in with a name.
SELECT account.* FROM sign_in_name JOIN account ON account.did = sign_in_name.account_did
WHERE sign_in_name.name = :name

-- name: put_sign_in_name
-- Record the name that an account was signed in with.
INSERT INTO sign_in_name (name, account_did) VALUES (:name, :did)
ON CONFLICT (name) DO UPDATE SET account_did = excluded.account_did

-- name: note_session_end
-- Record that the end of a session was announced, once a day.
UPDATE account SET session_end_noted_at = :now
WHERE did = :did AND (session_end_noted_at IS NULL OR session_end_noted_at < :today OR session_end_noted_at > :now)

-- name: accounts_with_setting
-- The accounts that may publish and have a value for a setting.
SELECT * FROM account WHERE session IS NOT NULL AND state = 'ok' AND settings ->> :setting IS NOT NULL ORDER BY did

-- name: leased_accounts
-- The accounts that other workers have leased.
SELECT * FROM account WHERE lease_owner IS NOT NULL AND lease_owner <> :worker ORDER BY did

-- name: find_account
-- The account that a handle or a DID names.
SELECT * FROM account WHERE did = :name OR handle = :name ORDER BY did

-- name: default_account
-- The default account.
SELECT * FROM account WHERE is_default

-- name: clear_default
-- Leave no account as the default.
UPDATE account SET is_default = :no WHERE is_default

-- name: set_default
-- Make one account the default.
UPDATE account SET is_default = :yes WHERE did = :did

-- name: delete_account
-- Delete an account with all its posts.
DELETE FROM account WHERE did = :did

-- name: set_account_state
-- Set whether an account may publish, and how long it is paused.
UPDATE account SET state = :state, paused_until = :paused_until, pause_reason = :reason WHERE did = :did

-- name: set_account_settings
-- Replace the settings of an account.
UPDATE account SET settings = :settings WHERE did = :did

-- name: set_session
-- Store an account's sealed session, or delete it.
UPDATE account SET
  session = :session, session_version = session_version + 1, session_refreshed_at = :now, session_ends_at = :ends_at
WHERE did = :did

-- name: renew_session
-- Store an account's sealed session after a refresh, and update its handle and server.
UPDATE account SET
  handle = :handle, pds_url = :pds_url, session = :session, session_version = session_version + 1,
  session_refreshed_at = :now, session_ends_at = :ends_at
WHERE did = :did

-- name: idle_sessions
-- The accounts whose session was last refreshed before a time.
SELECT * FROM account
WHERE session IS NOT NULL AND state <> 'needs_login' AND coalesce(session_refreshed_at, created_at) < :before
ORDER BY did

-- name: ended_sessions
-- The accounts whose session ends before a time.
SELECT * FROM account
WHERE session IS NOT NULL AND state <> 'needs_login' AND session_ends_at < :before
ORDER BY did

-- name: take_refresh
-- Take the right to refresh an account's session, if nobody has it, or only because a clock ran ahead.
UPDATE account SET refresh_owner = :owner, refresh_until = :until
WHERE did = :did AND (refresh_until IS NULL OR refresh_until <= :now OR refresh_until > :ahead)
RETURNING session_version, created_at

-- name: release_refresh
-- Give back the right to refresh a session.
UPDATE account SET refresh_owner = NULL, refresh_until = NULL WHERE did = :did AND refresh_owner = :owner

-- name: update_ready
-- Compute when a worker may claim accounts: when the lease ends, else when the first post in due order may be tried,
-- or one before it that yields to others (see next_posts), but not before the pause ends, nor before `after`.
UPDATE account INDEXED BY sqlite_autoindex_account_1 SET ready_at = CASE
  WHEN state = 'needs_login' OR (state = 'paused' AND paused_until IS NULL) THEN NULL
  WHEN lease_until IS NOT NULL THEN lease_until
  ELSE (
    WITH first AS (
      SELECT due_at, id, coalesce(attempt_at, due_at) AS ready_at FROM post INDEXED BY post_scheduled
      WHERE account_did = account.did AND state = 'scheduled'
        AND (free_at IS NULL OR attempts < 5 OR attempt_at IS NULL)
      ORDER BY due_at, id LIMIT 1
    )
    SELECT CASE WHEN account.paused_until > head.ready_at THEN account.paused_until ELSE head.ready_at END
    FROM (
      SELECT CASE WHEN min(ready_at) < :after THEN :after ELSE min(ready_at) END AS ready_at FROM (
        SELECT ready_at FROM first
        UNION ALL
        SELECT attempt_at AS ready_at FROM post INDEXED BY post_yielding
        WHERE account_did = account.did AND state = 'scheduled' AND free_at IS NOT NULL AND attempt_at IS NOT NULL
          AND attempts >= 5
          AND NOT EXISTS (SELECT 1 FROM first WHERE (first.due_at, first.id) < (post.due_at, post.id))
      ) AS waiting
    ) AS head
  )
END
WHERE did IN (SELECT item.value ->> 'did' FROM json_each(:items) AS item)

-- name: defer_account
-- Leave an account alone until a time.
UPDATE account SET ready_at = :until WHERE did = :did

-- name: defer_accounts
-- Leave accounts alone until a time.
UPDATE account SET ready_at = :until WHERE did IN (SELECT item.value ->> 'did' FROM json_each(:items) AS item)

-- name: still_ready
-- Those of these accounts that may be claimed now.
SELECT did FROM account
WHERE ready_at <= :now AND did IN (SELECT item.value ->> 'did' FROM json_each(:items) AS item)

-- name: note_catching_up
-- Record since when an account has been catching up on overdue posts.
UPDATE account SET catching_up_since = :since WHERE did = :did

-- name: next_ready
-- The earliest time at which any account may be claimed.
SELECT min(ready_at) AS ready_at FROM account WHERE ready_at IS NOT NULL

-- name: late_accounts
-- The accounts that may have been claimed since before a time, the longest ready first.
SELECT did FROM account WHERE ready_at < :before ORDER BY ready_at, did LIMIT :limit

-- name: end_login_need
-- Let an account that needed a login publish again.
UPDATE account SET state = 'ok', pause_reason = NULL WHERE did = :did AND state = 'needs_login'

-- name: release_held_for_login
-- Schedule the posts again that were held because the account needed a login.
UPDATE post SET
  version = version + 1, state = 'scheduled', attempt_at = NULL, updated_at = :now,
  error_code = NULL, error_message = NULL, error_hint = NULL
WHERE account_did = :did AND state = 'held' AND error_code = :error_code AND due_at IS NOT NULL

-- name: try_posts_again
-- Try the posts at once that wait after an attempt that failed.
UPDATE post SET version = version + 1, attempt_at = NULL, updated_at = :now
WHERE account_did = :did AND state = 'scheduled' AND attempt_at > :now

-- name: waiting_things
-- What is still open in an account: posts by state, and recurrences.
SELECT state AS kind, count(*) AS count FROM post
WHERE account_did = :did AND state IN ('draft', 'scheduled', 'publishing', 'held')
GROUP BY state
UNION ALL
SELECT 'rule' AS kind, count(*) AS count FROM recurrence
WHERE account_did = :did AND state = 'active'
HAVING count(*) > 0
ORDER BY kind
