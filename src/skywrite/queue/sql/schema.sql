-- The whole schema, for SQLite and for PostgreSQL 14 and later: `skywrite.queue.schema` puts the words of a dialect in the
-- place of those in braces. This is the first migration of both. A release that changes it adds a migration of its own.
--
-- Times in SQLite are text, UTC, `YYYY-MM-DDTHH:MM:SS.ffffffZ`: they sort as text, and people can read them.
-- A `lease_token` counts the holders of a lease: who comes with an old one has lost it, and changes nothing.
-- `error_code`, `error_message` and `error_hint` are the last error, as it is shown.

CREATE TABLE schema_version (
  version integer PRIMARY KEY,
  name text NOT NULL,
  applied_at {time} NOT NULL
){strict};

-- What somebody chose, and nothing else: the OAuth client that new sign-ins use, what the columns of a table mean.
CREATE TABLE setting (
  scope text NOT NULL,
  name text NOT NULL,
  value {jsonb} NOT NULL,
  PRIMARY KEY (scope, name)
){keyed};

-- Small texts, encrypted: keys of OAuth clients, passwords of mail servers, and sign-ins whose browser is still away.
CREATE TABLE secret (
  scope text NOT NULL,
  name text NOT NULL,
  sealed {blob} NOT NULL,
  expires_at {time},
  PRIMARY KEY (scope, name)
){strict};

-- The workers that run. `hanging`: the servers that do not answer them, and how many times in a row.
CREATE TABLE worker (
  name text PRIMARY KEY,
  seen_at {time} NOT NULL,
  hanging {json} NOT NULL
){keyed};

-- When something was last done that one worker does for all.
CREATE TABLE chore (
  name text PRIMARY KEY,
  done_at {time} NOT NULL
){keyed};


-- Accounts, and what each may publish when

CREATE TABLE account (
  did text PRIMARY KEY,
  handle text NOT NULL,
  pds_url text NOT NULL,
  is_default {boolean} NOT NULL DEFAULT {false},
  state text NOT NULL DEFAULT 'ok' CHECK (state IN ('ok', 'needs_login', 'paused')),
  paused_until {time},
  pause_reason text,
  -- The earliest time at which a worker may claim this account; NULL when there is nothing to do.
  ready_at {time},
  lease_token {bigint} NOT NULL DEFAULT 0,
  lease_owner text,
  lease_until {time},
  last_published_at {time},
  -- Since when it publishes what is overdue, one post after the other with a gap between them.
  catching_up_since {time},
  settings {jsonb} NOT NULL DEFAULT '{}',
  -- Encrypted; NULL after a sign-out. Whoever refreshes it holds a lease of its own.
  session {blob},
  session_version {bigint} NOT NULL DEFAULT 0,
  session_refreshed_at {time},
  -- When the session ends whatever is done; NULL where its server does not say.
  session_ends_at {time},
  session_end_noted_at {time},
  refresh_owner text,
  refresh_until {time},
  created_at {time} NOT NULL,
  CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
  CHECK (state = 'paused' OR paused_until IS NULL)
){strict};

CREATE UNIQUE INDEX account_default ON account (is_default) WHERE is_default;
CREATE INDEX account_handle ON account (handle);
CREATE INDEX account_ready ON account (ready_at) WHERE ready_at IS NOT NULL;

-- What an account was signed in with from the environment: an e-mail address, or a handle that may not be its own any more.
CREATE TABLE sign_in_name (
  name text PRIMARY KEY,
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE
){keyed};

CREATE INDEX sign_in_name_account ON sign_in_name (account_did);

-- The times of a week at which posts without one go out.
CREATE TABLE slot (
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  weekday integer NOT NULL CHECK (weekday BETWEEN 0 AND 6),
  minute integer NOT NULL CHECK (minute BETWEEN 0 AND 1439),
  zone text NOT NULL,
  PRIMARY KEY (account_did, weekday, minute)
){keyed};

-- Write points spent and posts published, by account and minute.
CREATE TABLE spend (
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  minute {time} NOT NULL,
  points integer NOT NULL DEFAULT 0,
  posts integer NOT NULL DEFAULT 0,
  PRIMARY KEY (account_did, minute)
){keyed};


-- Images and videos, by what is in them: the same bytes are stored once

CREATE TABLE media (
  cid text PRIMARY KEY,
  mime text NOT NULL,
  size {bigint} NOT NULL CHECK (size >= 0),
  used_at {time} NOT NULL
){strict};

-- With row ids: without them, SQLite is slow where rows are large.
CREATE TABLE media_chunk (
  cid text NOT NULL REFERENCES media (cid) ON DELETE CASCADE,
  number integer NOT NULL,
  data {blob} NOT NULL,
  PRIMARY KEY (cid, number)
){strict};

-- Whose uploads are which: the same bytes may be uploaded by several callers, and each drops only their own.
-- `share`: with whom they share what uploads may take, which is more than one key if a key made others.
CREATE TABLE upload (
  who text NOT NULL,
  share text NOT NULL,
  cid text NOT NULL REFERENCES media (cid) ON DELETE CASCADE,
  about {json_text} NOT NULL,
  PRIMARY KEY (who, cid)
){keyed};

CREATE INDEX upload_cid ON upload (cid);
CREATE INDEX upload_share ON upload (share);


-- Recurrences, which make posts

CREATE TABLE recurrence (
  id {id},
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'ended')),
  rule text NOT NULL,
  zone text NOT NULL,
  draft {jsonb} NOT NULL,
  pool {jsonb} NOT NULL DEFAULT '[]',
  prepared {jsonb} NOT NULL DEFAULT '{}',
  starts_at {time},
  until {time},
  -- The occurrences that were skipped or moved.
  exceptions {jsonb} NOT NULL DEFAULT '{}',
  position integer NOT NULL DEFAULT 0,
  jitter_seconds integer NOT NULL DEFAULT 0 CHECK (jitter_seconds >= 0),
  late_policy text NOT NULL DEFAULT 'publish' CHECK (late_policy IN ('publish', 'skip', 'hold')),
  late_seconds integer CHECK (late_seconds >= 0),
  source text,
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL
){strict};

CREATE INDEX recurrence_account ON recurrence (account_did);

CREATE TABLE recurrence_media (
  recurrence_id {bigint} NOT NULL REFERENCES recurrence (id) ON DELETE CASCADE,
  cid text NOT NULL REFERENCES media (cid),
  PRIMARY KEY (recurrence_id, cid)
){keyed};

CREATE INDEX recurrence_media_cid ON recurrence_media (cid);


-- Posts: states and their rules are in docs/state-machine.md

CREATE TABLE post (
  id {id},
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  state text NOT NULL
    CHECK (state IN ('draft', 'scheduled', 'publishing', 'published', 'failed', 'held', 'cancelled')),
  due_at {time},
  -- When it may be tried again.
  attempt_at {time},
  -- Since when nothing of it can be under way any more: it was sent, then looked for, and not there.
  free_at {time},
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  -- Each change counts, so that nobody overwrites what somebody else changed meanwhile.
  version integer NOT NULL DEFAULT 1,
  -- The caller's own, so that a repeated request adds nothing; and the hash of the draft that came with it.
  key text,
  key_hash {bigint},
  -- What posts hold is kept as it was written, and not parsed into jsonb: a fifth less room, and faster to store.
  draft {json} NOT NULL,
  text_hash {bigint} NOT NULL,
  prepared {json} NOT NULL,
  -- The records, to the byte, as they are sent.
  frozen text,
  -- The record key of its first record, from which those of the others follow; fixed when it is accepted.
  root_rkey text NOT NULL,
  uri text,
  cid text,
  published_at {time},
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  lease_token {bigint},
  late_policy text NOT NULL DEFAULT 'publish' CHECK (late_policy IN ('publish', 'skip', 'hold')),
  late_seconds integer CHECK (late_seconds >= 0),
  error_code text,
  error_message text,
  error_hint text,
  source text,
  recurrence_id {bigint} REFERENCES recurrence (id) ON DELETE SET NULL,
  occurrence {time},
  CHECK ((state = 'published') = (published_at IS NOT NULL)),
  CHECK (state <> 'published' OR (uri IS NOT NULL AND cid IS NOT NULL)),
  CHECK (state NOT IN ('scheduled', 'publishing') OR due_at IS NOT NULL),
  CHECK (state <> 'publishing' OR lease_token IS NOT NULL),
  CHECK (state NOT IN ('failed', 'held') OR error_code IS NOT NULL),
  CHECK (state NOT IN ('draft', 'cancelled') OR frozen IS NULL)
){strict};

CREATE UNIQUE INDEX post_key ON post (account_did, key) WHERE key IS NOT NULL;
CREATE UNIQUE INDEX post_occurrence ON post (recurrence_id, occurrence) WHERE recurrence_id IS NOT NULL;
-- An account publishes one post at a time; the database itself refuses a second claim.
CREATE UNIQUE INDEX post_publishing ON post (account_did) WHERE state = 'publishing';
CREATE INDEX post_scheduled ON post (account_did, due_at{then_id}) WHERE state = 'scheduled';
-- For the plan of an account, with `post_scheduled`: what is out, held, failed or cancelled, by time.
CREATE INDEX post_unscheduled ON post (account_did, due_at{then_id}) WHERE state <> 'scheduled';
CREATE INDEX post_state ON post (state, due_at{then_id});
CREATE INDEX post_history ON post (state, updated_at{then_id}) WHERE state IN ('published', 'failed', 'cancelled');
CREATE INDEX post_text ON post (text_hash);
-- The few posts of a recurrence that are still to go out, which the worker asks for every minute, among all that it made.
CREATE INDEX post_rule_waiting ON post (recurrence_id)
  WHERE recurrence_id IS NOT NULL AND state IN ('draft', 'scheduled', 'publishing');
CREATE INDEX post_yielding ON post (account_did, attempt_at)
  WHERE state = 'scheduled' AND free_at IS NOT NULL AND attempt_at IS NOT NULL;
-- To find the post that somebody replied to: its address ends with its record key.
CREATE INDEX post_rkey ON post (root_rkey) WHERE state = 'published';

CREATE TABLE post_media (
  post_id {bigint} NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  cid text NOT NULL REFERENCES media (cid),
  PRIMARY KEY (post_id, cid)
){keyed};

CREATE INDEX post_media_cid ON post_media (cid);

-- Posts that were made together, one for each of several accounts. The key of a post says nothing of it: whoever may
-- write posts may use any key.
CREATE TABLE post_group (
  post_id {bigint} PRIMARY KEY REFERENCES post (id) ON DELETE CASCADE,
  name text NOT NULL
){keyed};

CREATE INDEX post_group_name ON post_group (name);

CREATE TABLE attempt (
  post_id {bigint} NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  number integer NOT NULL,
  worker text NOT NULL,
  started_at {time} NOT NULL,
  ended_at {time},
  outcome text CHECK (outcome IN ('published', 'retry', 'failed', 'held', 'released', 'lost')),
  error_code text,
  error_message text,
  error_hint text,
  PRIMARY KEY (post_id, number),
  CHECK ((ended_at IS NULL) = (outcome IS NULL))
){keyed};

-- What came with the request for a post over HTTP. A repeated request must have the same digest.
CREATE TABLE post_request (
  post_id {bigint} PRIMARY KEY REFERENCES post (id) ON DELETE CASCADE,
  digest text,
  -- When a draft is to go out, if somebody approves it.
  wanted_at {time}
){strict};

-- The last changes by users, with what they replaced, so that the latest can be taken back.
CREATE TABLE change (
  id {id},
  made_at {time} NOT NULL,
  verb text NOT NULL,
  -- Changes of one command share it: they are taken back together.
  batch text,
  content {json} NOT NULL
){strict};


-- Approvals: who wrote what, and what was approved or rejected, by whom

CREATE TABLE post_author (
  post_id {bigint} NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  who text NOT NULL,
  agent {boolean} NOT NULL,
  PRIMARY KEY (post_id, who)
){keyed};

CREATE TABLE approval (
  id {id},
  post_id {bigint} NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  -- SHA-256 over what will be published; a claim compares it.
  digest text NOT NULL,
  verdict text NOT NULL CHECK (verdict IN ('approved', 'withdrawn', 'rejected')),
  by_name text NOT NULL,
  note text,
  -- The texts that were looked at, and all that the approval covers, to show what changed since.
  texts {json} NOT NULL,
  content {json},
  created_at {time} NOT NULL
){strict};

CREATE INDEX approval_post ON approval (post_id, digest);

CREATE TABLE recurrence_author (
  recurrence_id {bigint} NOT NULL REFERENCES recurrence (id) ON DELETE CASCADE,
  who text NOT NULL,
  agent {boolean} NOT NULL,
  PRIMARY KEY (recurrence_id, who)
){keyed};

-- A recurrence's template is approved once, for all posts that are made from exactly it.
CREATE TABLE recurrence_approval (
  id {id},
  recurrence_id {bigint} NOT NULL REFERENCES recurrence (id) ON DELETE CASCADE,
  -- SHA-256 over the template; a claim compares it.
  digest text NOT NULL,
  verdict text NOT NULL CHECK (verdict IN ('approved', 'withdrawn', 'rejected')),
  by_name text NOT NULL,
  note text,
  content {json} NOT NULL,
  created_at {time} NOT NULL
){strict};

CREATE INDEX recurrence_approval_digest ON recurrence_approval (recurrence_id, digest);

-- The template that an occurrence was made from.
CREATE TABLE occurrence_template (
  post_id {bigint} PRIMARY KEY REFERENCES post (id) ON DELETE CASCADE,
  digest text NOT NULL
){strict};


-- Feeds that make posts, and the ledger of every item that was ever seen in them

CREATE TABLE feed (
  id {id},
  -- Not unique: who may not know of a feed may add its address for accounts of their own.
  url text NOT NULL,
  title text NOT NULL DEFAULT '',
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'gone')),
  settings {jsonb} NOT NULL DEFAULT '{}',
  memory {jsonb} NOT NULL DEFAULT '{}',
  -- The agent that added or changed it: what it posts is that agent's, too.
  agent text,
  next_check_at {time},
  ready_at {time},
  lease_token {bigint} NOT NULL DEFAULT 0,
  lease_owner text,
  lease_until {time},
  first_polled_at {time},
  checked_at {time},
  failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
  error_code text,
  error_message text,
  error_hint text,
  created_at {time} NOT NULL,
  CHECK ((lease_owner IS NULL) = (lease_until IS NULL))
){strict};

CREATE INDEX feed_ready ON feed (ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX feed_url ON feed (url);

CREATE TABLE feed_account (
  feed_id {bigint} NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
  position integer NOT NULL,
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  PRIMARY KEY (feed_id, account_did)
){keyed};

CREATE INDEX feed_account_did ON feed_account (account_did);

CREATE TABLE feed_item (
  id {id},
  feed_id {bigint} NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
  state text NOT NULL CHECK (state IN ('passed', 'filtered', 'pending', 'queued', 'failed')),
  hash text NOT NULL,
  title text NOT NULL DEFAULT '',
  -- What a pending item says; it goes when the item is done with.
  content {jsonb},
  has_guid {boolean} NOT NULL,
  published_at {time},
  title_hash {bigint} NOT NULL,
  fingerprints integer NOT NULL DEFAULT 0,
  tries integer NOT NULL DEFAULT 0,
  error_code text,
  error_message text,
  error_hint text,
  seen_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  CHECK ((state = 'pending') <= (content IS NOT NULL)),
  CHECK ((state = 'failed') <= (error_code IS NOT NULL))
){strict};

CREATE INDEX feed_item_state ON feed_item (feed_id, state, id);

-- What an item is known by, permanently. A weak fingerprint is replaced when the item is edited.
CREATE TABLE feed_fingerprint (
  feed_id {bigint} NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
  fingerprint {bigint} NOT NULL,
  item_id {bigint} NOT NULL REFERENCES feed_item (id) ON DELETE CASCADE,
  weak {boolean} NOT NULL,
  PRIMARY KEY (feed_id, fingerprint)
){keyed};

CREATE INDEX feed_fingerprint_item ON feed_fingerprint (item_id);


-- Hooks: what programs elsewhere may ask for, each by its own secret, which is in `secret`. `draft`: fields of its posts.

CREATE TABLE hook (
  id {id},
  name text NOT NULL UNIQUE,
  kind text NOT NULL,
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  template text NOT NULL,
  publishes {boolean} NOT NULL,
  draft {jsonb} NOT NULL DEFAULT '{}',
  -- The agent that added or changed it: what it posts is that agent's, too.
  agent text,
  -- The last message that was believed, and what became of it.
  delivered_at {time},
  outcome text CHECK (outcome IN ('made', 'repeated', 'nothing', 'failed')),
  post_id {bigint} REFERENCES post (id) ON DELETE SET NULL,
  error_code text,
  error_message text,
  error_hint text,
  created_at {time} NOT NULL
){strict};

CREATE INDEX hook_account ON hook (account_did);
CREATE INDEX hook_post ON hook (post_id);


-- Texts that are used again, for one account or for all. `signs`: new posts of the account end with it.
CREATE TABLE snippet (
  id {id},
  name text NOT NULL UNIQUE,
  account_did text REFERENCES account (did) ON DELETE CASCADE,
  text text NOT NULL,
  signs {boolean} NOT NULL,
  created_at {time} NOT NULL,
  CHECK (account_did IS NOT NULL OR NOT signs)
){strict};

CREATE UNIQUE INDEX snippet_signature ON snippet (account_did) WHERE signs;
CREATE INDEX snippet_account ON snippet (account_did);


-- Folders: which file each post came from, and how the file was when the post was last brought up to it

CREATE TABLE folder_file (
  folder text NOT NULL,
  path text NOT NULL,
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  key text NOT NULL,
  digest text NOT NULL,
  post_id {bigint} NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  updated_at {time} NOT NULL,
  PRIMARY KEY (folder, path)
){keyed};

CREATE UNIQUE INDEX folder_file_post ON folder_file (post_id);
CREATE INDEX folder_file_account ON folder_file (account_did);


-- Drafts of the official app that were pulled, and how both sides were then.
CREATE TABLE app_draft (
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  id text NOT NULL,
  post_id {bigint} NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  remote_digest text NOT NULL,
  local_digest text NOT NULL,
  PRIMARY KEY (account_did, id)
){keyed};

CREATE INDEX app_draft_post ON app_draft (post_id);


-- Timers: commands (`skywrite commands`) and functions of a program (`skywrite run --app`) that may give posts

CREATE TABLE timer (
  id {id},
  kind text NOT NULL CHECK (kind IN ('command', 'function')),
  name text NOT NULL,
  account_did text REFERENCES account (did) ON DELETE CASCADE,
  rule text NOT NULL,
  zone text NOT NULL,
  late_seconds integer NOT NULL CHECK (late_seconds >= 0),
  settings {jsonb} NOT NULL DEFAULT '{}',
  next_at {time},
  occurrence {time},
  lease_token {bigint} NOT NULL DEFAULT 0,
  lease_owner text,
  lease_until {time},
  ran_at {time},
  outcome text CHECK (outcome IN ('posted', 'nothing', 'same', 'failed')),
  error_code text,
  error_message text,
  error_hint text,
  printed_hash text,
  printed_at {time},
  created_at {time} NOT NULL,
  CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
  CHECK ((outcome = 'failed') = (error_code IS NOT NULL))
){strict};

CREATE UNIQUE INDEX timer_function ON timer (name) WHERE kind = 'function';
CREATE INDEX timer_account ON timer (account_did);


-- Reposts and pins, and what takes them back

CREATE TABLE action (
  id {id},
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('repost', 'unrepost', 'pin', 'unpin', 'like')),
  uri text NOT NULL,
  cid text NOT NULL,
  -- Chosen when it is accepted, so that doing it twice is doing it once.
  rkey text NOT NULL,
  -- The caller's own, so that a repeated request adds nothing.
  key text,
  request_digest text,
  due_at {time} NOT NULL,
  undo_seconds {bigint},
  -- Of a repost that comes again.
  rule text,
  zone text,
  until {time},
  -- The record key of the repost before, which is taken back first: the network shows only one of a post.
  replaces text,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed', 'cancelled')),
  attempt_at {time} NOT NULL,
  -- Who works on it, until that time.
  lease_owner text,
  tries integer NOT NULL DEFAULT 0,
  error text,
  created_at {time} NOT NULL,
  done_at {time}
){strict};

CREATE INDEX action_account ON action (account_did);
CREATE INDEX action_leased ON action (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX action_waiting ON action (attempt_at) WHERE state = 'waiting';
CREATE UNIQUE INDEX action_key ON action (account_did, key);


-- Insight: how posts do, who answers, and what follows from it

-- How often our posts were liked, reposted, replied to, quoted and bookmarked, at fixed ages.
CREATE TABLE mark (
  post_id {bigint} NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  age_hours integer NOT NULL,
  taken_at {time} NOT NULL,
  -- What sort of post it is: text, images, video, link, quote, thread.
  kind text NOT NULL,
  -- NULL where the AppView did not show the post.
  likes integer,
  reposts integer,
  replies integer,
  quotes integer,
  bookmarks integer,
  labels {json} NOT NULL DEFAULT '[]',
  PRIMARY KEY (post_id, age_hours)
){keyed};

-- What happens once a post has reached a number of likes, reposts, replies, quotes or bookmarks.
CREATE TABLE follow_up (
  id {id},
  post_id {bigint} NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  metric text NOT NULL CHECK (metric IN ('likes', 'reposts', 'replies', 'quotes', 'bookmarks')),
  threshold {bigint} NOT NULL,
  kind text NOT NULL CHECK (kind IN ('reply', 'repost')),
  text text NOT NULL,
  undo_seconds {bigint},
  state text NOT NULL DEFAULT 'waiting'
    CHECK (state IN ('waiting', 'reached', 'done', 'expired', 'failed', 'cancelled')),
  note text,
  -- The reply's post, or the repost's action.
  made_id {bigint},
  who text,
  agent {boolean} NOT NULL,
  created_at {time} NOT NULL,
  done_at {time}
){strict};

CREATE INDEX follow_up_post ON follow_up (post_id);
CREATE INDEX follow_up_open ON follow_up (id) WHERE state IN ('waiting', 'reached');

-- Replies, mentions and quotes of our posts, each once.
CREATE TABLE inbox (
  id {id},
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  uri text NOT NULL,
  cid text NOT NULL,
  reason text NOT NULL CHECK (reason IN ('reply', 'mention', 'quote')),
  author_did text NOT NULL,
  author_handle text NOT NULL,
  -- What moderation says of its author, a JSON array.
  labels text NOT NULL DEFAULT '[]',
  text text NOT NULL,
  -- The post of ours that it is about; what it replies to, and the beginning of that conversation.
  subject text,
  parent text,
  root text,
  indexed_at {time} NOT NULL,
  -- What a bot may ask for besides: images, languages, and what else of its author is known. A JSON object.
  more text NOT NULL DEFAULT '{}',
  state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'done')),
  snoozed_until {time},
  answer_id {bigint} REFERENCES post (id) ON DELETE SET NULL,
  -- For functions of programs: who works on it and until when, how often that was tried, and when it was done.
  lease_owner text,
  lease_until {time},
  tries integer NOT NULL DEFAULT 0,
  handled_at {time},
  -- When a function that asked for it later gets it again.
  again_at {time},
  -- Why no function gets it.
  passed text,
  -- When a function answered it, and how many answers it has in the queue.
  answered_at {time},
  answers integer NOT NULL DEFAULT 0,
  -- When to look whether it is still there; NULL if its answer stays in any case.
  look_at {time},
  UNIQUE (account_did, uri)
){strict};

CREATE INDEX inbox_new ON inbox (indexed_at) WHERE state = 'new';
CREATE INDEX inbox_answer ON inbox (answer_id);
CREATE INDEX inbox_leased ON inbox (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX inbox_unhandled ON inbox (account_did, id) WHERE handled_at IS NULL;
CREATE INDEX inbox_look ON inbox (account_did, look_at) WHERE look_at IS NOT NULL;
CREATE INDEX inbox_answered ON inbox (account_did, answered_at) WHERE answered_at IS NOT NULL;

-- Ways of answering that are no program's: a command, an address, a grammar. What each does is sealed, in `secret`.
-- `outcome`: what became of the last item that it got.
CREATE TABLE way (
  id {id},
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused')),
  asked_at {time},
  outcome text CHECK (outcome IN ('answered', 'nothing', 'failed')),
  error_code text,
  error_message text,
  error_hint text,
  created_at {time} NOT NULL
){strict};

CREATE INDEX way_account ON way (account_did);

-- How far the notifications of an account were read: all until a time, but for what is below the gaps.
CREATE TABLE inbox_place (
  account_did text PRIMARY KEY REFERENCES account (did) ON DELETE CASCADE,
  gaps {json} NOT NULL,
  until {time}
){keyed};

-- Since when something answers what comes to an account: all after an item.
CREATE TABLE inbox_function (
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  name text NOT NULL,
  since {time} NOT NULL,
  after_id {bigint} NOT NULL,
  PRIMARY KEY (account_did, name)
){keyed};


-- The server's people, and the programs and agents that they let in. Secrets are kept as digests only

CREATE TABLE person (
  id {id},
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('viewer', 'writer', 'approver', 'owner')),
  created_at {time} NOT NULL
){strict};

CREATE TABLE passkey (
  credential_id text PRIMARY KEY,
  person_id {bigint} NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  name text NOT NULL,
  public_key {blob} NOT NULL,
  sign_count integer NOT NULL,
  created_at {time} NOT NULL,
  last_used_at {time}
){keyed};

CREATE INDEX passkey_person ON passkey (person_id);

-- Links that sign a person in, once.
CREATE TABLE sign_in_link (
  digest text PRIMARY KEY,
  person_id {bigint} NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  created_at {time} NOT NULL,
  expires_at {time} NOT NULL
){keyed};

CREATE INDEX sign_in_link_person ON sign_in_link (person_id);

CREATE TABLE web_session (
  digest text PRIMARY KEY,
  person_id {bigint} NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  created_at {time} NOT NULL,
  expires_at {time} NOT NULL
){keyed};

CREATE INDEX web_session_person ON web_session (person_id);

-- Links at which somebody without an account decides about a post as it was then, once. `due_at`: the time of a draft.
CREATE TABLE review_link (
  digest text PRIMARY KEY,
  post_id {bigint} NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  post_digest text NOT NULL,
  due_at {time},
  person_id {bigint} NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  reviewer text NOT NULL,
  created_at {time} NOT NULL,
  ends_at {time} NOT NULL,
  used_at {time}
){keyed};

CREATE INDEX review_link_post ON review_link (post_id);
CREATE INDEX review_link_person ON review_link (person_id);

-- Keys of programs, and the access tokens of agents. What a key makes never has more than it: it ends with the key, and
-- with the person from whom the key came.
CREATE TABLE api_key (
  id {id},
  name text NOT NULL,
  prefix text NOT NULL UNIQUE,
  digest text NOT NULL,
  scopes {jsonb} NOT NULL,
  -- The DIDs of the accounts that the key may use; NULL for all.
  accounts {jsonb},
  created_at {time} NOT NULL,
  expires_at {time},
  last_used_at {time},
  revoked_at {time},
  parent_id {bigint} REFERENCES api_key (id) ON DELETE CASCADE,
  -- NULL for a key. Of a token: who let the agent in, which program it is, and the only address that it works at.
  person_id {bigint} REFERENCES person (id) ON DELETE SET NULL,
  client_id text,
  resource text
){strict};

CREATE INDEX api_key_person ON api_key (person_id);
CREATE INDEX api_key_parent ON api_key (parent_id);

-- Secret addresses that programs without keys read: calendars and news readers.
CREATE TABLE feed_token (
  id {id},
  digest text NOT NULL UNIQUE,
  name text NOT NULL,
  account_did text REFERENCES account (did) ON DELETE CASCADE,
  key_id {bigint} REFERENCES api_key (id) ON DELETE CASCADE,
  person_id {bigint} REFERENCES person (id) ON DELETE CASCADE,
  created_at {time} NOT NULL,
  revoked_at {time}
){strict};

CREATE INDEX feed_token_account ON feed_token (account_did);
CREATE INDEX feed_token_key ON feed_token (key_id);
CREATE INDEX feed_token_person ON feed_token (person_id);

-- Programs that registered themselves. One that nobody has let in yet is forgotten soon.
CREATE TABLE oauth_client (
  id text PRIMARY KEY,
  name text NOT NULL,
  redirect_uris {jsonb} NOT NULL,
  created_at {time} NOT NULL,
  used_at {time}
){strict};

CREATE INDEX oauth_client_unused ON oauth_client (created_at) WHERE used_at IS NULL;

-- What a person has allowed, until the program fetches its token; used once.
CREATE TABLE oauth_code (
  digest text PRIMARY KEY,
  person_id {bigint} NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  client_id text NOT NULL,
  name text NOT NULL,
  redirect_uri text NOT NULL,
  challenge text NOT NULL,
  resource text NOT NULL,
  scopes {jsonb} NOT NULL,
  accounts {jsonb} NOT NULL,
  expires_at {time} NOT NULL,
  used_at {time},
  key_id {bigint} REFERENCES api_key (id) ON DELETE CASCADE
){keyed};

CREATE INDEX oauth_code_person ON oauth_code (person_id);
CREATE INDEX oauth_code_key ON oauth_code (key_id);

-- Each is used once, for the next access token and its own successor.
CREATE TABLE oauth_refresh (
  digest text PRIMARY KEY,
  key_id {bigint} NOT NULL REFERENCES api_key (id) ON DELETE CASCADE,
  expires_at {time} NOT NULL,
  used_at {time}
){keyed};

CREATE INDEX oauth_refresh_key ON oauth_refresh (key_id);


-- Events, and who is told of them

-- What happened, written in the same transaction as what it reports; kept for a week.
CREATE TABLE event (
  id {id},
  kind text NOT NULL,
  -- Of the account that it concerns, or a JSON array of several, such as a feed's. Without either: of all accounts.
  account_did text REFERENCES account (did) ON DELETE CASCADE,
  account_dids {json_text},
  -- The number of the post or feed that it is about.
  subject_id {bigint},
  data {jsonb} NOT NULL DEFAULT '{}',
  created_at {time} NOT NULL
){strict};

CREATE INDEX event_account ON event (account_did);
CREATE INDEX event_created ON event (created_at);

CREATE TABLE webhook (
  id {id},
  url text NOT NULL,
  name text NOT NULL,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'disabled')),
  -- The kinds of events that are sent; NULL for all.
  kinds {jsonb},
  account_did text REFERENCES account (did) ON DELETE CASCADE,
  -- Encrypted. A new secret and the one before both sign for a while.
  secret {blob} NOT NULL,
  previous_secret {blob},
  previous_until {time},
  reason text,
  created_at {time} NOT NULL,
  lease_token {bigint} NOT NULL DEFAULT 0,
  lease_owner text,
  lease_until {time},
  CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
){strict};

CREATE INDEX webhook_account ON webhook (account_did);

CREATE TABLE delivery (
  id {id},
  webhook_id {bigint} NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
  event_id {bigint} NOT NULL,
  kind text NOT NULL,
  body text NOT NULL,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
  tries integer NOT NULL DEFAULT 0,
  attempt_at {time} NOT NULL,
  created_at {time} NOT NULL,
  ended_at {time},
  status integer,
  error text
){strict};

CREATE INDEX delivery_waiting ON delivery (webhook_id, attempt_at) WHERE state = 'waiting';
CREATE INDEX delivery_webhook ON delivery (webhook_id, id);

-- Where notices of trouble go: an address or a command.
CREATE TABLE notice_channel (
  id {id},
  kind text NOT NULL CHECK (kind IN ('email', 'command')),
  config {json} NOT NULL,
  -- What was read of the events.
  last_event {bigint} NOT NULL,
  failures integer NOT NULL DEFAULT 0,
  next_try_at {time},
  error text,
  created_at {time} NOT NULL,
  lease_token {bigint} NOT NULL DEFAULT 0,
  lease_owner text,
  lease_until {time}
){strict};

-- Trouble that was noticed and is not over.
CREATE TABLE trouble (
  channel_id {bigint} NOT NULL REFERENCES notice_channel (id) ON DELETE CASCADE,
  name text NOT NULL,
  kind text NOT NULL,
  account_did text,
  subject_id {bigint},
  said text NOT NULL,
  opened_at {time} NOT NULL,
  PRIMARY KEY (channel_id, name)
){strict};

CREATE TABLE notice (
  id {id},
  channel_id {bigint} NOT NULL REFERENCES notice_channel (id) ON DELETE CASCADE,
  trouble text NOT NULL,
  said text NOT NULL,
  is_over {boolean} NOT NULL,
  created_at {time} NOT NULL,
  sent_at {time}
){strict};

CREATE INDEX notice_waiting ON notice (channel_id) WHERE sent_at IS NULL;


-- Views for people who ask the database themselves: these columns stay, whatever becomes of the tables

CREATE VIEW v_posts AS
SELECT
  post.id, account.handle AS account, post.account_did, post.state, post.due_at, post.published_at,
  post.draft ->> 'text' AS text, post.source, post.key, post.recurrence_id, post.uri, post.attempts, post.error_code,
  post.error_message, post.created_at, post.updated_at
FROM post JOIN account ON account.did = post.account_did;

-- A row for each post and age. `seen`: shown, deleted (by this queue), or not shown, which has no counts.
CREATE VIEW v_marks AS
SELECT
  mark.post_id, account.handle AS account, post.account_did, post.source, mark.kind, post.draft ->> 'text' AS text,
  post.uri, post.published_at, mark.age_hours, mark.taken_at,
  mark.likes, mark.reposts, mark.replies, mark.quotes, mark.bookmarks, mark.labels,
  CASE
    WHEN mark.likes IS NOT NULL THEN 'shown' WHEN post.error_code = 'post.deleted' THEN 'deleted' ELSE 'not shown'
  END AS seen
FROM mark JOIN post ON post.id = mark.post_id JOIN account ON account.did = post.account_did;
