-- name: lock_account
-- One account, to be changed in this transaction (BEGIN IMMEDIATE keeps other writers away).
SELECT * FROM account WHERE did = :did

-- name: lock_accounts
-- Accounts, to be changed in this transaction (BEGIN IMMEDIATE keeps other writers away).
SELECT did FROM account
WHERE did IN (SELECT item.value ->> 'did' FROM json_each(:items) AS item)

-- name: claim_accounts
-- Find the accounts that have been ready for longest, leaving out some servers, or all but some (JSON arrays).
SELECT * FROM account
WHERE ready_at <= :now AND pds_url NOT IN (SELECT value FROM json_each(:avoid))
  AND (:only IS NULL OR pds_url IN (SELECT value FROM json_each(:only)))
ORDER BY ready_at LIMIT :most

-- name: lock_default
-- Let nobody else change which account is the default (BEGIN IMMEDIATE does).
SELECT 1 AS locked
