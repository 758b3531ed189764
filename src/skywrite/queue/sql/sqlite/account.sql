-- name: lock_account
-- One account, to be changed in this transaction (BEGIN IMMEDIATE keeps other writers away).
SELECT * FROM account WHERE did = :did

-- name: claim_account
-- Find the account that has been ready for longest.
SELECT * FROM account WHERE ready_at <= :now ORDER BY ready_at LIMIT 1

-- name: lock_default
-- Let nobody else change which account is the default (BEGIN IMMEDIATE does).
SELECT 1 AS locked
