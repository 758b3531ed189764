-- The text is read from the draft, as in PostgreSQL. As a column, it was extracted for each row that was read.
DROP VIEW v_marks;
DROP VIEW v_posts;
ALTER TABLE post DROP COLUMN text;

CREATE VIEW v_posts AS
SELECT
  post.id, account.handle AS account, post.account_did, post.state, post.due_at, post.published_at,
  post.draft ->> 'text' AS text, post.source, post.key, post.recurrence_id, post.uri, post.attempts, post.error_name,
  post.error_message, post.created_at, post.updated_at
FROM post JOIN account ON account.did = post.account_did;

CREATE VIEW v_marks AS
SELECT
  mark.post_id, account.handle AS account, post.account_did, post.source, mark.kind, post.draft ->> 'text' AS text,
  post.uri, post.published_at, mark.age_hours, mark.taken_at,
  mark.likes, mark.reposts, mark.replies, mark.quotes, mark.bookmarks, mark.labels,
  CASE
    WHEN mark.likes IS NOT NULL THEN 'shown' WHEN post.error_name = 'Deleted' THEN 'deleted' ELSE 'not shown'
  END AS seen
FROM mark JOIN post ON post.id = mark.post_id JOIN account ON account.did = post.account_did;
