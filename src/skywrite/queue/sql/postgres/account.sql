-- name: lock_account
-- Lock one account until the transaction ends.
SELECT * FROM account WHERE did = :did FOR UPDATE

-- name: lock_accounts
-- Lock accounts until the transaction ends, in the order of their DIDs.
SELECT did FROM account
WHERE did IN (SELECT item.value ->> 'did' FROM json_each(:items) AS item) ORDER BY did FOR UPDATE

-- name: claim_accounts
-- Lock the accounts that have been ready the longest, skipping those that others have locked, without some servers, or
-- with only some (JSON arrays).
SELECT * FROM account
WHERE ready_at <= :now AND NOT jsonb_exists(CAST(:avoid AS jsonb), pds_url)
  AND (CAST(:only AS jsonb) IS NULL OR jsonb_exists(CAST(:only AS jsonb), pds_url))
ORDER BY ready_at LIMIT :most FOR UPDATE SKIP LOCKED

-- name: announce
-- Notify other processes, when this transaction commits, to look at the queue.
SELECT pg_notify(:channel, '')

-- name: lock_default
-- Keep others from changing the default account until the transaction ends.
SELECT pg_advisory_xact_lock(7305201338) AS locked
