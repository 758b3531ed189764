-- name: lock_account
-- One account, kept from other writers until the transaction ends.
SELECT * FROM account WHERE did = :did FOR UPDATE

-- name: lock_accounts
-- Accounts, kept from other writers until the transaction ends, locked in the order of their DIDs.
SELECT did FROM account
WHERE did IN (SELECT item.value ->> 'did' FROM json_each(:items) AS item) ORDER BY did FOR UPDATE

-- name: claim_accounts
-- Find and lock the accounts that have been ready for longest, passing over those that others hold, and leaving out some
-- servers, or all but some (JSON arrays).
SELECT * FROM account
WHERE ready_at <= :now AND NOT jsonb_exists(CAST(:avoid AS jsonb), pds_url)
  AND (CAST(:only AS jsonb) IS NULL OR jsonb_exists(CAST(:only AS jsonb), pds_url))
ORDER BY ready_at LIMIT :most FOR UPDATE SKIP LOCKED

-- name: announce
-- Tell other processes, when this transaction is committed, to look at the queue.
SELECT pg_notify(:channel, '')

-- name: lock_default
-- Let nobody else change which account is the default until the transaction ends.
SELECT pg_advisory_xact_lock(7305201338) AS locked
