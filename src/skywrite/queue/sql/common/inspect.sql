-- name: last_events
-- What happened last, without what it says.
SELECT created_at, kind, subject_id FROM event ORDER BY id DESC LIMIT :most

-- name: last_failures
-- The last attempts that have not published their post.
SELECT started_at, post_id, number, outcome, error_code, error_message FROM attempt
WHERE outcome IS NULL OR outcome <> 'published'
ORDER BY started_at DESC LIMIT :most
