-- name: lock_account
-- Lock one account in this transaction (BEGIN IMMEDIATE already keeps other writers away).
SELECT * FROM account WHERE did = :did

-- name: lock_accounts
-- Lock accounts in this transaction (BEGIN IMMEDIATE already keeps other writers away).
SELECT did FROM account
WHERE did IN (SELECT item.value ->> 'did' FROM json_each(:items) AS item)

-- name: claim_accounts
-- The accounts that have been ready the longest, without some servers, or with only some (JSON arrays).
SELECT * FROM account
WHERE ready_at <= :now AND pds_url NOT IN (SELECT value FROM json_each(:avoid))
  AND (:only IS NULL OR pds_url IN (SELECT value FROM json_each(:only)))
ORDER BY ready_at LIMIT :most

-- name: lock_default
-- Keep others from changing the default account (BEGIN IMMEDIATE already does).
SELECT 1 AS locked
