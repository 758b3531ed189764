-- name: lease_owners
-- Who works on anything but posts and timers.
SELECT lease_owner FROM feed WHERE lease_owner IS NOT NULL
UNION SELECT lease_owner FROM action WHERE lease_owner IS NOT NULL
UNION SELECT lease_owner FROM inbox WHERE lease_owner IS NOT NULL
UNION SELECT lease_owner FROM webhook WHERE lease_owner IS NOT NULL
UNION SELECT lease_owner FROM notice_channel WHERE lease_owner IS NOT NULL

-- name: end_leases_of_feed
-- Let others have the feeds of a dead worker.
UPDATE feed SET lease_owner = NULL, lease_until = NULL, ready_at = :now, lease_token = lease_token + 1
WHERE lease_owner = :owner

-- name: end_leases_of_action
-- Let others have the actions of a dead worker.
UPDATE action SET lease_owner = NULL, attempt_at = CASE state WHEN 'waiting' THEN :now ELSE attempt_at END
WHERE lease_owner = :owner

-- name: end_leases_of_inbox
-- Let others have the items of a dead worker.
UPDATE inbox SET lease_owner = NULL, lease_until = NULL WHERE lease_owner = :owner

-- name: end_leases_of_webhook
-- Let others have the webhooks of a dead worker.
UPDATE webhook SET lease_owner = NULL, lease_until = NULL, lease_token = lease_token + 1 WHERE lease_owner = :owner

-- name: end_leases_of_notice_channel
-- Let others have the channels of a dead worker.
UPDATE notice_channel SET lease_owner = NULL, lease_until = NULL, lease_token = lease_token + 1
WHERE lease_owner = :owner
