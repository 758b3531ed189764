-- name: accounts_skewed
-- Accounts that wait for a time that only a clock which ran ahead can have set, or that are postponed although their
-- first post is due.
SELECT did FROM account WHERE ready_at > :soon AND (
  lease_until > :lease_end OR paused_until > :pause_end OR (
    lease_until IS NULL AND (paused_until IS NULL OR paused_until <= :now) AND EXISTS (
      SELECT 1 FROM (
        SELECT due_at, attempt_at, updated_at FROM post INDEXED BY post_scheduled
        WHERE account_did = account.did AND state = 'scheduled'
        ORDER BY due_at, id LIMIT 1
      ) AS head
      WHERE due_at <= :now AND (attempt_at IS NULL OR attempt_at <= :now OR updated_at > :soon)
    )
  )
)
ORDER BY did

-- name: end_skewed_lease
-- End a lease that is longer than any lease can be.
UPDATE account SET lease_until = :now WHERE did = :did AND lease_until > :lease_end

-- name: end_skewed_pause
-- End a pause that is longer than any pause can be.
UPDATE account SET paused_until = :now WHERE did = :did AND paused_until > :pause_end

-- name: end_skewed_waits
-- Let posts that a clock which ran ahead has postponed be tried as soon as they are due.
UPDATE post SET version = version + 1, attempt_at = CASE WHEN due_at <= :now THEN :now END, updated_at = :now
WHERE account_did = :did AND state = 'scheduled' AND attempt_at > :soon AND updated_at > :soon
