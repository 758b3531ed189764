-- For people who ask the database themselves: these columns stay, whatever becomes of the tables below.
CREATE VIEW v_posts AS
SELECT
  post.id, account.handle AS account, post.account_did, post.state, post.due_at, post.published_at, post.text,
  post.source, post.key, post.recurrence_id, post.uri, post.attempts, post.error_name, post.error_message,
  post.created_at, post.updated_at
FROM post JOIN account ON account.did = post.account_did;

-- A row for each post and age. `seen`: shown, deleted (by this queue), or not shown, which has no counts.
CREATE VIEW v_marks AS
SELECT
  mark.post_id, account.handle AS account, post.account_did, post.source, mark.kind, post.text, post.uri,
  post.published_at, mark.age_hours, mark.taken_at,
  mark.likes, mark.reposts, mark.replies, mark.quotes, mark.bookmarks, mark.labels,
  CASE
    WHEN mark.likes IS NOT NULL THEN 'shown' WHEN post.error_name = 'Deleted' THEN 'deleted' ELSE 'not shown'
  END AS seen
FROM mark JOIN post ON post.id = mark.post_id JOIN account ON account.did = post.account_did;
