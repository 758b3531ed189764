BEGIN TRANSACTION;
CREATE TABLE account (
  did text PRIMARY KEY,
  handle text NOT NULL,
  pds_url text NOT NULL,
  is_default integer CHECK (is_default IN (0, 1)) NOT NULL DEFAULT 0,
  state text NOT NULL DEFAULT 'ok' CHECK (state IN ('ok', 'needs_login', 'paused')),
  paused_until text,
  pause_reason text,
  -- The earliest time at which a worker may claim this account; NULL when there is nothing to do.
  ready_at text,
  lease_token integer NOT NULL DEFAULT 0,
  lease_owner text,
  lease_until text,
  last_published_at text,
  -- Since when it publishes what is overdue, one post after the other with a gap between them.
  catching_up_since text,
  settings text CHECK (json_valid(settings)) NOT NULL DEFAULT '{}',
  -- Encrypted; NULL after a sign-out. Whoever refreshes it holds a lease of its own.
  session blob,
  session_version integer NOT NULL DEFAULT 0,
  session_refreshed_at text,
  -- When the session ends whatever is done; NULL where its server does not say.
  session_ends_at text,
  session_end_noted_at text,
  refresh_owner text,
  refresh_until text,
  created_at text NOT NULL,
  CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
  CHECK (state = 'paused' OR paused_until IS NULL)
) STRICT;
INSERT INTO "account" VALUES('did:plc:uoz6nd5dua5ht3vcq7yom7la','alice.test','http://localhost:2583',1,'ok',NULL,NULL,'2026-11-24T12:01:00.000000Z',1,NULL,NULL,'2026-11-24T12:00:00.000000Z',NULL,'{}',X'01D033CA5125837CD1F00C71E831EA925CA6E22F34589488684C8BA0255C1C66F5CB3E343A8552FE72D6E6A157ED3D43118ECA999A932796931408319EC753FA10DEA72CEDB48B8525387C192999C3E52D9470AE68CCD72585625AC0D14EF5BFC894183CFE3B5781035D07C32D8E59B5260D00B62A920AF85BB9804E40AD027E7A19C8D3747A5C1D84ED26C33CC6EEC91E1C03D019684F4E3ECB7F686E299174DEAA161FC46778BB19B8AE94518D44B0A32AD48315664114586547EE8E4812CFA2A4152DD9EB90A77CC03E94375C4391624B9D52CC080A11171CDC14AEA433F754DC0F238EC5CF92EF4B4EF8F0581804D25139D72CB728CB2DAA43ABF17D08BF9F9E1AAC6A60AC94076FF8985744FA645D73BACDA4D0DD6AC24A89741E67894CA296A6CF2A703AE8E2B67FDBE761A067DC7C34B2857FD82F00F1C68910C17FF591C6BFAA81C7371DEB4100F097E88B565BBEDBD57CF22191A7DE864FE0FED68A7F9FF31289A326D98442A929C5A25D70D89D48B27B594906BE46FDDF466036BA190F0AA905A865BBBEFB1CAE5566DDA00F7B597EC4656BDF5761B6BA041DEB1E4D49CA3345FDAF19301B56E7D466C8FFB8ABA2FC6873FA803D8103B4B63544AAE5A6849802646EAFA4F2D4A3AD1A038F910C5121E35A5962BF62DFCA324C5C1AD0090AB540009DB3B9A15FA6CDCB7E681F0E4BF89504F8CD18666A179BB4998F57D7CE0FB1D6898CDF7046B85A4942AA7F15F1C9F0C7383350BC29CBF4ABA202EC27ADEF509A2419BAE8710131C16529A43AA4348176E7850440EC10209422C4F66FE0C3189BAAFAECC52776B0EA58E5472F1F5F107F9BC8CB2AFB3FFCE329DF33DDFEE4D2F1F276854F2BE2B141C2015CA35E12E9CFD53750855D03D4E5B1147668FBFE706F2CD5273278EE1226C95977A0B8F0E77CC5B2C4FA4704D029851D5A0064894B1AB461E67AEFD1EC6F8B8198FE17CCE0C1B7DE4CC4F4FBED3934FF2A53BBA93EFBAD5C93B3DCFFBAC01BB04BA53DFAC93614B2647FA33E58707C8434A0F9C4DAB3850DA2516BD86D979FFA2D83597DCCFF6D7DAA6253575A912CB7983946548929F6EA5AE787898CA1EA9A93423EDCF721FE97D46160E4325DE2D1A64291C9563B560CF7F576B4CB3F2232670371B97186C737F61036F4E7B496642424CF66F218C66BCD0C06F9667BEA1209AA44942C9B42',2,'2026-11-24T12:00:00.000000Z',NULL,NULL,NULL,NULL,'2026-11-24T12:00:00.000000Z');
INSERT INTO "account" VALUES('did:plc:7p7xbvvdnouytbwhbvtysgid','bob.test','http://localhost:2583',0,'ok',NULL,NULL,'2026-11-24T12:01:00.000000Z',1,NULL,NULL,'2026-11-24T12:00:00.000000Z',NULL,'{}',X'0164B8836D6CD1BEB87A9C98311F9944F9AE0B20D81937DD87CF4024668566455BC0F28D29F57F36579AE5B81A1A4464851BABD48495B0E2548DDCBA301786D10109C7D4D98CDA86ECDFF34DA46AB43AAD173281E70C0AE6C403D6436F6FA9D53E459DA75EB71A82E9796062B767D9CEE2BA8B66CC3D04C644AD51904B745043E35656987D7D20149C848484684E237B4DB010FE98E2DE49ABFF2A1AAE94B3034AD53A2F734D8885A2F749C2E09AA35A3A7CF554FE498F949E0F8668CD9C6D831D1501D038B61252EAB3530692BA5BD947502DE4DAE599229C8974D78EB718DBA8F139E7E797EA4079243F4CF4083B67398C13CABD8E7C02BFA548D045BAA10642FDD545265301A37C348C7F7AFFD3BD0EFCD6C6F3890F03F7BF7CAFF61F8C4F29CCD979D15C84AA56785FA26200E13D9E5265B1B662B8D71DBB89F3D11BE2D91F68D7044D1A137D8826AF25419C01BEC44F9066CD478532FDB09C6DF4A5C5D9907FD396EEAC77689EE669A7157BC06265FCB38A27EBFD6832F2B0F032DFBBC8D3EE9C2D40F949C15E666E5C625BA5451B6FC3879C94272E84A682D3EB57CDA72827390E0671AB8194AE0C994152291EE26239A1C8E9A31A91ED73C6146ED1BB4359DBB9212C1D17A5FB70B8FB82CAD3A4487036F4D786AE4F7D444D994C164311932DD9EBD1B466FD8481F803C9175F101860C5F495E199251F6B9E456EC52DDE6F0FB79A34E1C8264591BD97B57F9663BCF7ED31AB7725D7914B9C92EC4FCAD78008E3B1EEBF00E848BE21717A24A739ADBB37BDBD5A7B864807C61273C012611357175E4B18F6147B03C2EFC453BF998F0517D92F97F47B200477CD32870121857296ED9AC6E9D22F73A417DD4CBBD710D02A90A8954F1CD18CFF4B05A5A03A5BC679618B89EF415CFC570D80D2A211C777B7DB7F0A58A79DA27968029F2A17FBD2DE7CF849E4CD4A71963B98C04623519324B584BA40E304E70EA9B0DDC7AD5729852C63FE0A73E35915A305EF02AC4AA39851FFE6B3254AAFD63D9A223E6B9747B50B901828261D9B1DB5EE1DAD46D2F61E8869EA1F9B11200501862C7981533282F725002B1EC5DD07DC26282D424F1543AB56466716D9BECE442E718DCCD91B228229B0CE8296B85DE93CA3D1674542C93FC738009E13A45BB8AFD523C8E4EB39913C271990ACEC67C62F4C7214BC75362D',1,'2026-11-24T12:00:00.000000Z',NULL,NULL,NULL,NULL,'2026-11-24T12:00:00.000000Z');
CREATE TABLE action (
  id integer PRIMARY KEY AUTOINCREMENT,
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('repost', 'unrepost', 'pin', 'unpin', 'like')),
  uri text NOT NULL,
  cid text NOT NULL,
  -- Chosen when it is accepted, so that doing it twice is doing it once.
  rkey text NOT NULL,
  -- The caller's own, so that a repeated request adds nothing.
  key text,
  request_digest text,
  due_at text NOT NULL,
  undo_seconds integer,
  -- Of a repost that comes again.
  rule text,
  zone text,
  until text,
  -- The record key of the repost before, which is taken back first: the network shows only one of a post.
  replaces text,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed', 'cancelled')),
  attempt_at text NOT NULL,
  -- Who works on it, until that time.
  lease_owner text,
  tries integer NOT NULL DEFAULT 0,
  error text,
  created_at text NOT NULL,
  done_at text
) STRICT;
INSERT INTO "action" VALUES(1,'did:plc:uoz6nd5dua5ht3vcq7yom7la','repost','at://did:plc:uoz6nd5dua5ht3vcq7yom7la/app.bsky.feed.post/3n32ltmn4hmhj','bafyreifffdrbeclvgbbdqo77lkcio4x3g5dqarms7rm65nguoytx7pruza','3n32ltmj622nt',NULL,NULL,'2026-11-24T12:01:00.000000Z',NULL,NULL,NULL,NULL,NULL,'waiting','2026-11-24T12:01:00.000000Z',NULL,0,NULL,'2026-11-24T12:00:00.000000Z',NULL);
INSERT INTO "action" VALUES(2,'did:plc:7p7xbvvdnouytbwhbvtysgid','repost','at://did:plc:7p7xbvvdnouytbwhbvtysgid/app.bsky.feed.post/3n32ltmx2atca','bafyreiffj232vygmczc5rwygld2ejqnrstrbyrgeyiulz3b64y7aq5wegq','3n32ltmj623nl',NULL,NULL,'2026-11-24T12:01:00.000000Z',NULL,NULL,NULL,NULL,NULL,'waiting','2026-11-24T12:01:00.000000Z',NULL,0,NULL,'2026-11-24T12:00:00.000000Z',NULL);
CREATE TABLE api_key (
  id integer PRIMARY KEY AUTOINCREMENT,
  name text NOT NULL,
  prefix text NOT NULL UNIQUE,
  digest text NOT NULL,
  scopes text CHECK (json_valid(scopes)) NOT NULL,
  -- The DIDs of the accounts that the key may use; NULL for all.
  accounts text CHECK (json_valid(accounts)),
  created_at text NOT NULL,
  expires_at text,
  last_used_at text,
  revoked_at text,
  parent_id integer REFERENCES api_key (id) ON DELETE CASCADE,
  -- NULL for a key. Of a token: who let the agent in, which program it is, and the only address that it works at.
  person_id integer REFERENCES person (id) ON DELETE SET NULL,
  client_id text,
  resource text
) STRICT;
INSERT INTO "api_key" VALUES(1,'k','alice.test','d','["read"]',NULL,'2026-11-24T12:00:00+00:00',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "api_key" VALUES(2,'k','bob.test','d','["read"]',NULL,'2026-11-24T12:00:00+00:00',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE app_draft (
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  id text NOT NULL,
  post_id integer NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  remote_digest text NOT NULL,
  local_digest text NOT NULL,
  PRIMARY KEY (account_did, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "app_draft" VALUES('did:plc:7p7xbvvdnouytbwhbvtysgid','a',6,'d','d');
INSERT INTO "app_draft" VALUES('did:plc:uoz6nd5dua5ht3vcq7yom7la','a',1,'d','d');
CREATE TABLE approval (
  id integer PRIMARY KEY AUTOINCREMENT,
  post_id integer NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  -- SHA-256 over what will be published; a claim compares it.
  digest text NOT NULL,
  verdict text NOT NULL CHECK (verdict IN ('approved', 'withdrawn', 'rejected')),
  by_name text NOT NULL,
  note text,
  -- The texts that were looked at, and all that the approval covers, to show what changed since.
  texts text CHECK (json_valid(texts)) NOT NULL,
  content text CHECK (json_valid(content)),
  created_at text NOT NULL
) STRICT;
INSERT INTO "approval" VALUES(1,1,'d','approved','me',NULL,'[]','{}','2026-11-24T12:00:00+00:00');
INSERT INTO "approval" VALUES(2,6,'d','approved','me',NULL,'[]','{}','2026-11-24T12:00:00+00:00');
CREATE TABLE attempt (
  post_id integer NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  number integer NOT NULL,
  worker text NOT NULL,
  started_at text NOT NULL,
  ended_at text,
  outcome text CHECK (outcome IN ('published', 'retry', 'failed', 'held', 'released', 'lost')),
  error_code text,
  error_message text,
  error_hint text,
  PRIMARY KEY (post_id, number),
  CHECK ((ended_at IS NULL) = (outcome IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO "attempt" VALUES(1,1,'release/1.1/000000','2026-11-24T12:00:00.000000Z','2026-11-24T12:00:00.000000Z','published',NULL,NULL,NULL);
INSERT INTO "attempt" VALUES(6,1,'release/1.1/000000','2026-11-24T12:00:00.000000Z','2026-11-24T12:00:00.000000Z','published',NULL,NULL,NULL);
CREATE TABLE change (
  id integer PRIMARY KEY AUTOINCREMENT,
  made_at text NOT NULL,
  verb text NOT NULL,
  -- Changes of one command share it: they are taken back together.
  batch text,
  content text CHECK (json_valid(content)) NOT NULL
) STRICT;
INSERT INTO "change" VALUES(1,'2026-11-24T12:00:00.000000Z','post',NULL,'{"added":[[1,1]],"recurrences":[],"by":null,"unattended":false}');
INSERT INTO "change" VALUES(2,'2026-11-24T12:00:00.000000Z','schedule',NULL,'{"added":[[2,2]],"recurrences":[],"by":null,"unattended":false}');
INSERT INTO "change" VALUES(3,'2026-11-24T12:00:00.000000Z','schedule',NULL,'{"added":[[3,3]],"recurrences":[1],"by":null,"unattended":false}');
INSERT INTO "change" VALUES(4,'2026-11-24T12:00:00.000000Z','schedule',NULL,'{"added":[[4,4]],"recurrences":[],"by":null,"unattended":false}');
INSERT INTO "change" VALUES(5,'2026-11-24T12:00:00.000000Z','schedule',NULL,'{"added":[[5,5]],"recurrences":[],"by":null,"unattended":false}');
INSERT INTO "change" VALUES(6,'2026-11-24T12:00:00.000000Z','the new repost 1',NULL,'{"final":true,"way_back":["Cancel it: ",["reposts.cancel",1,null]],"by":null,"unattended":false}');
INSERT INTO "change" VALUES(7,'2026-11-24T12:00:00.000000Z','the new follow-up 1',NULL,'{"final":true,"way_back":["Cancel it: ",["follow_ups.cancel",1,null]],"by":null,"unattended":false}');
INSERT INTO "change" VALUES(8,'2026-11-24T12:00:00+00:00','edit',NULL,'{"added": [[999, 999]]}');
INSERT INTO "change" VALUES(9,'2026-11-24T12:00:00.000000Z','post',NULL,'{"added":[[6,6]],"recurrences":[],"by":null,"unattended":false}');
INSERT INTO "change" VALUES(10,'2026-11-24T12:00:00.000000Z','schedule',NULL,'{"added":[[7,7]],"recurrences":[],"by":null,"unattended":false}');
INSERT INTO "change" VALUES(11,'2026-11-24T12:00:00.000000Z','schedule',NULL,'{"added":[[8,8]],"recurrences":[2],"by":null,"unattended":false}');
INSERT INTO "change" VALUES(12,'2026-11-24T12:00:00.000000Z','schedule',NULL,'{"added":[[9,9]],"recurrences":[],"by":null,"unattended":false}');
INSERT INTO "change" VALUES(13,'2026-11-24T12:00:00.000000Z','schedule',NULL,'{"added":[[10,10]],"recurrences":[],"by":null,"unattended":false}');
INSERT INTO "change" VALUES(14,'2026-11-24T12:00:00.000000Z','the new repost 2',NULL,'{"final":true,"way_back":["Cancel it: ",["reposts.cancel",2,null]],"by":null,"unattended":false}');
INSERT INTO "change" VALUES(15,'2026-11-24T12:00:00.000000Z','the new follow-up 2',NULL,'{"final":true,"way_back":["Cancel it: ",["follow_ups.cancel",2,null]],"by":null,"unattended":false}');
INSERT INTO "change" VALUES(16,'2026-11-24T12:00:00+00:00','edit',NULL,'{"added": [[999, 999]]}');
CREATE TABLE chore (
  name text PRIMARY KEY,
  done_at text NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "chore" VALUES('alice.test','2026-11-24T12:00:00+00:00');
INSERT INTO "chore" VALUES('bob.test','2026-11-24T12:00:00+00:00');
CREATE TABLE delivery (
  id integer PRIMARY KEY AUTOINCREMENT,
  webhook_id integer NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
  event_id integer NOT NULL,
  kind text NOT NULL,
  body text NOT NULL,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
  tries integer NOT NULL DEFAULT 0,
  attempt_at text NOT NULL,
  created_at text NOT NULL,
  ended_at text,
  status integer,
  error text
) STRICT;
INSERT INTO "delivery" VALUES(1,1,1,'post.published','{}','waiting',0,'2026-11-24T12:00:00+00:00','2026-11-24T12:00:00+00:00',NULL,NULL,NULL);
INSERT INTO "delivery" VALUES(2,1,3,'post.published','{"type":"post.published","timestamp":"2026-11-24T12:00:00.000Z","data":{"id":6,"text":"done bob.test","due_at":"2026-11-24T12:00:00.000Z","key":null,"source":"now","uri":"at://did:plc:7p7xbvvdnouytbwhbvtysgid/app.bsky.feed.post/3n32ltmx2atca","error":null,"code":null,"message":null,"url":"https://bsky.app/profile/did:plc:7p7xbvvdnouytbwhbvtysgid/post/3n32ltmx2atca","langs":[],"parts":[{"uri":"at://did:plc:7p7xbvvdnouytbwhbvtysgid/app.bsky.feed.post/3n32ltmx2atca","cid":"bafyreiffj232vygmczc5rwygld2ejqnrstrbyrgeyiulz3b64y7aq5wegq","url":"https://bsky.app/profile/did:plc:7p7xbvvdnouytbwhbvtysgid/post/3n32ltmx2atca","text":"done bob.test","plain_text":"done bob.test","facets":[],"langs":[],"tags":[],"labels":[],"created_at":"2026-11-24T12:00:00.000Z","media":[],"card":null,"quote":null,"reply_to":null}],"account":"bob.test","did":"did:plc:7p7xbvvdnouytbwhbvtysgid"}}','waiting',0,'2026-11-24T12:00:00.000000Z','2026-11-24T12:00:00.000000Z',NULL,NULL,NULL);
INSERT INTO "delivery" VALUES(3,1,4,'post.held','{"type":"post.held","timestamp":"2026-11-24T12:00:00.000Z","data":{"id":10,"text":"held bob.test","due_at":"2026-11-25T12:00:00.000Z","key":null,"source":null,"uri":null,"error":"HeldByUser","code":"post.held","message":"It is held on request.","account":"bob.test","did":"did:plc:7p7xbvvdnouytbwhbvtysgid"}}','waiting',0,'2026-11-24T12:00:00.000000Z','2026-11-24T12:00:00.000000Z',NULL,NULL,NULL);
INSERT INTO "delivery" VALUES(4,2,1,'post.published','{}','waiting',0,'2026-11-24T12:00:00+00:00','2026-11-24T12:00:00+00:00',NULL,NULL,NULL);
CREATE TABLE event (
  id integer PRIMARY KEY AUTOINCREMENT,
  kind text NOT NULL,
  -- Of the account that it concerns, or a JSON array of several, such as a feed's. Without either: of all accounts.
  account_did text REFERENCES account (did) ON DELETE CASCADE,
  account_dids text CHECK (json_valid(account_dids)),
  -- The number of the post or feed that it is about.
  subject_id integer,
  data text CHECK (json_valid(data)) NOT NULL DEFAULT '{}',
  created_at text NOT NULL
) STRICT;
INSERT INTO "event" VALUES(1,'post.published','did:plc:uoz6nd5dua5ht3vcq7yom7la',NULL,1,'{"id":1,"text":"done alice.test","due_at":"2026-11-24T12:00:00.000Z","key":null,"source":"now","uri":"at://did:plc:uoz6nd5dua5ht3vcq7yom7la/app.bsky.feed.post/3n32ltmn4hmhj","error":null,"code":null,"message":null}','2026-11-24T12:00:00.000000Z');
INSERT INTO "event" VALUES(2,'post.held','did:plc:uoz6nd5dua5ht3vcq7yom7la',NULL,5,'{"id":5,"text":"held alice.test","due_at":"2026-11-25T12:00:00.000Z","key":null,"source":null,"uri":null,"error":"HeldByUser","code":"post.held","message":"It is held on request."}','2026-11-24T12:00:00.000000Z');
INSERT INTO "event" VALUES(3,'post.published','did:plc:7p7xbvvdnouytbwhbvtysgid',NULL,6,'{"id":6,"text":"done bob.test","due_at":"2026-11-24T12:00:00.000Z","key":null,"source":"now","uri":"at://did:plc:7p7xbvvdnouytbwhbvtysgid/app.bsky.feed.post/3n32ltmx2atca","error":null,"code":null,"message":null}','2026-11-24T12:00:00.000000Z');
INSERT INTO "event" VALUES(4,'post.held','did:plc:7p7xbvvdnouytbwhbvtysgid',NULL,10,'{"id":10,"text":"held bob.test","due_at":"2026-11-25T12:00:00.000Z","key":null,"source":null,"uri":null,"error":"HeldByUser","code":"post.held","message":"It is held on request."}','2026-11-24T12:00:00.000000Z');
CREATE TABLE feed (
  id integer PRIMARY KEY AUTOINCREMENT,
  -- Not unique: who may not know of a feed may add its address for accounts of their own.
  url text NOT NULL,
  title text NOT NULL DEFAULT '',
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'gone')),
  settings text CHECK (json_valid(settings)) NOT NULL DEFAULT '{}',
  memory text CHECK (json_valid(memory)) NOT NULL DEFAULT '{}',
  -- The agent that added or changed it: what it posts is that agent's, too.
  agent text,
  next_check_at text,
  ready_at text,
  lease_token integer NOT NULL DEFAULT 0,
  lease_owner text,
  lease_until text,
  first_polled_at text,
  checked_at text,
  failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
  error_code text,
  error_message text,
  error_hint text,
  created_at text NOT NULL,
  CHECK ((lease_owner IS NULL) = (lease_until IS NULL))
) STRICT;
INSERT INTO "feed" VALUES(1,'http://127.0.0.1:9/1','','active','{}','{}',NULL,'2026-11-24T12:00:00+00:00','2026-11-24T12:00:00+00:00',0,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,'2026-11-24T12:00:00+00:00');
INSERT INTO "feed" VALUES(2,'http://127.0.0.1:9/2','','active','{}','{}',NULL,'2026-11-24T12:00:00+00:00','2026-11-24T12:00:00+00:00',0,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,'2026-11-24T12:00:00+00:00');
CREATE TABLE feed_account (
  feed_id integer NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
  position integer NOT NULL,
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  PRIMARY KEY (feed_id, account_did)
) STRICT, WITHOUT ROWID;
INSERT INTO "feed_account" VALUES(1,0,'did:plc:uoz6nd5dua5ht3vcq7yom7la');
INSERT INTO "feed_account" VALUES(2,0,'did:plc:7p7xbvvdnouytbwhbvtysgid');
CREATE TABLE feed_fingerprint (
  feed_id integer NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
  fingerprint integer NOT NULL,
  item_id integer NOT NULL REFERENCES feed_item (id) ON DELETE CASCADE,
  weak integer CHECK (weak IN (0, 1)) NOT NULL,
  PRIMARY KEY (feed_id, fingerprint)
) STRICT, WITHOUT ROWID;
INSERT INTO "feed_fingerprint" VALUES(1,1,1,0);
INSERT INTO "feed_fingerprint" VALUES(2,2,2,0);
CREATE TABLE feed_item (
  id integer PRIMARY KEY AUTOINCREMENT,
  feed_id integer NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
  state text NOT NULL CHECK (state IN ('passed', 'filtered', 'pending', 'queued', 'failed')),
  hash text NOT NULL,
  title text NOT NULL DEFAULT '',
  -- What a pending item says; it goes when the item is done with.
  content text CHECK (json_valid(content)),
  has_guid integer CHECK (has_guid IN (0, 1)) NOT NULL,
  published_at text,
  title_hash integer NOT NULL,
  fingerprints integer NOT NULL DEFAULT 0,
  tries integer NOT NULL DEFAULT 0,
  error_code text,
  error_message text,
  error_hint text,
  seen_at text NOT NULL,
  updated_at text NOT NULL,
  CHECK ((state = 'pending') <= (content IS NOT NULL)),
  CHECK ((state = 'failed') <= (error_code IS NOT NULL))
) STRICT;
INSERT INTO "feed_item" VALUES(1,1,'pending','h','','{}',1,NULL,1,0,0,NULL,NULL,NULL,'2026-11-24T12:00:00+00:00','2026-11-24T12:00:00+00:00');
INSERT INTO "feed_item" VALUES(2,2,'pending','h','','{}',1,NULL,1,0,0,NULL,NULL,NULL,'2026-11-24T12:00:00+00:00','2026-11-24T12:00:00+00:00');
CREATE TABLE feed_token (
  id integer PRIMARY KEY AUTOINCREMENT,
  digest text NOT NULL UNIQUE,
  name text NOT NULL,
  account_did text REFERENCES account (did) ON DELETE CASCADE,
  key_id integer REFERENCES api_key (id) ON DELETE CASCADE,
  person_id integer REFERENCES person (id) ON DELETE CASCADE,
  created_at text NOT NULL,
  revoked_at text
) STRICT;
INSERT INTO "feed_token" VALUES(1,'alice.test','t','did:plc:uoz6nd5dua5ht3vcq7yom7la',NULL,NULL,'2026-11-24T12:00:00+00:00',NULL);
INSERT INTO "feed_token" VALUES(2,'bob.test','t','did:plc:7p7xbvvdnouytbwhbvtysgid',NULL,NULL,'2026-11-24T12:00:00+00:00',NULL);
CREATE TABLE folder_file (
  folder text NOT NULL,
  path text NOT NULL,
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  key text NOT NULL,
  digest text NOT NULL,
  post_id integer NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  updated_at text NOT NULL,
  PRIMARY KEY (folder, path)
) STRICT, WITHOUT ROWID;
INSERT INTO "folder_file" VALUES('f','alice.test','did:plc:uoz6nd5dua5ht3vcq7yom7la','alice.test','d',1,'2026-11-24T12:00:00+00:00');
INSERT INTO "folder_file" VALUES('f','bob.test','did:plc:7p7xbvvdnouytbwhbvtysgid','bob.test','d',6,'2026-11-24T12:00:00+00:00');
CREATE TABLE follow_up (
  id integer PRIMARY KEY AUTOINCREMENT,
  post_id integer NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  metric text NOT NULL CHECK (metric IN ('likes', 'reposts', 'replies', 'quotes', 'bookmarks')),
  threshold integer NOT NULL,
  kind text NOT NULL CHECK (kind IN ('reply', 'repost')),
  text text NOT NULL,
  undo_seconds integer,
  state text NOT NULL DEFAULT 'waiting'
    CHECK (state IN ('waiting', 'reached', 'done', 'expired', 'failed', 'cancelled')),
  note text,
  -- The reply's post, or the repost's action.
  made_id integer,
  who text,
  agent integer CHECK (agent IN (0, 1)) NOT NULL,
  created_at text NOT NULL,
  done_at text
) STRICT;
INSERT INTO "follow_up" VALUES(1,1,'likes',50,'reply','Thank you!',NULL,'waiting',NULL,NULL,NULL,0,'2026-11-24T12:00:00.000000Z',NULL);
INSERT INTO "follow_up" VALUES(2,6,'likes',50,'reply','Thank you!',NULL,'waiting',NULL,NULL,NULL,0,'2026-11-24T12:00:00.000000Z',NULL);
CREATE TABLE hook (
  id integer PRIMARY KEY AUTOINCREMENT,
  name text NOT NULL UNIQUE,
  kind text NOT NULL,
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  template text NOT NULL,
  publishes integer CHECK (publishes IN (0, 1)) NOT NULL,
  draft text CHECK (json_valid(draft)) NOT NULL DEFAULT '{}',
  -- The agent that added or changed it: what it posts is that agent's, too.
  agent text,
  -- The last message that was believed, and what became of it.
  delivered_at text,
  outcome text CHECK (outcome IN ('made', 'repeated', 'nothing', 'failed')),
  post_id integer REFERENCES post (id) ON DELETE SET NULL,
  error_code text,
  error_message text,
  error_hint text,
  created_at text NOT NULL
) STRICT;
INSERT INTO "hook" VALUES(1,'h1','github','did:plc:uoz6nd5dua5ht3vcq7yom7la','{{ a }}',1,'{}',NULL,'2026-11-24T12:00:00+00:00','made',1,NULL,NULL,NULL,'2026-11-24T12:00:00+00:00');
INSERT INTO "hook" VALUES(2,'h2','github','did:plc:7p7xbvvdnouytbwhbvtysgid','{{ a }}',1,'{}',NULL,'2026-11-24T12:00:00+00:00','made',6,NULL,NULL,NULL,'2026-11-24T12:00:00+00:00');
CREATE TABLE inbox (
  id integer PRIMARY KEY AUTOINCREMENT,
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
  indexed_at text NOT NULL,
  -- What a bot may ask for besides: images, languages, and what else of its author is known. A JSON object.
  more text NOT NULL DEFAULT '{}',
  state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'done')),
  snoozed_until text,
  answer_id integer REFERENCES post (id) ON DELETE SET NULL,
  -- For functions of programs: who works on it and until when, how often that was tried, and when it was done.
  lease_owner text,
  lease_until text,
  tries integer NOT NULL DEFAULT 0,
  handled_at text,
  -- When a function that asked for it later gets it again.
  again_at text,
  -- Why no function gets it.
  passed text,
  -- When a function answered it, and how many answers it has in the queue.
  answered_at text,
  answers integer NOT NULL DEFAULT 0,
  -- When to look whether it is still there; NULL if its answer stays in any case.
  look_at text,
  UNIQUE (account_did, uri)
) STRICT;
INSERT INTO "inbox" VALUES(1,'did:plc:uoz6nd5dua5ht3vcq7yom7la','at://did:plc:uoz6nd5dua5ht3vcq7yom7la/app.bsky.feed.post/x','c','reply','did:web:x','x.test','[]','hi',NULL,NULL,NULL,'2026-11-24T12:00:00+00:00','{}','new',NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,0,NULL);
INSERT INTO "inbox" VALUES(2,'did:plc:7p7xbvvdnouytbwhbvtysgid','at://did:plc:7p7xbvvdnouytbwhbvtysgid/app.bsky.feed.post/x','c','reply','did:web:x','x.test','[]','hi',NULL,NULL,NULL,'2026-11-24T12:00:00+00:00','{}','new',NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,0,NULL);
CREATE TABLE inbox_function (
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  name text NOT NULL,
  since text NOT NULL,
  after_id integer NOT NULL,
  PRIMARY KEY (account_did, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "inbox_function" VALUES('did:plc:7p7xbvvdnouytbwhbvtysgid','f','2026-11-24T12:00:00+00:00',0);
INSERT INTO "inbox_function" VALUES('did:plc:uoz6nd5dua5ht3vcq7yom7la','f','2026-11-24T12:00:00+00:00',0);
CREATE TABLE inbox_place (
  account_did text PRIMARY KEY REFERENCES account (did) ON DELETE CASCADE,
  gaps text CHECK (json_valid(gaps)) NOT NULL,
  until text
) STRICT, WITHOUT ROWID;
INSERT INTO "inbox_place" VALUES('did:plc:7p7xbvvdnouytbwhbvtysgid','[]','2026-11-24T12:00:00+00:00');
INSERT INTO "inbox_place" VALUES('did:plc:uoz6nd5dua5ht3vcq7yom7la','[]','2026-11-24T12:00:00+00:00');
CREATE TABLE mark (
  post_id integer NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  age_hours integer NOT NULL,
  taken_at text NOT NULL,
  -- What sort of post it is: text, images, video, link, quote, thread.
  kind text NOT NULL,
  -- NULL where the AppView did not show the post.
  likes integer,
  reposts integer,
  replies integer,
  quotes integer,
  bookmarks integer,
  labels text CHECK (json_valid(labels)) NOT NULL DEFAULT '[]',
  PRIMARY KEY (post_id, age_hours)
) STRICT, WITHOUT ROWID;
INSERT INTO "mark" VALUES(1,1,'2026-11-24T12:00:00+00:00','text',3,NULL,NULL,NULL,NULL,'[]');
INSERT INTO "mark" VALUES(6,1,'2026-11-24T12:00:00+00:00','text',3,NULL,NULL,NULL,NULL,'[]');
CREATE TABLE media (
  cid text PRIMARY KEY,
  mime text NOT NULL,
  size integer NOT NULL CHECK (size >= 0),
  used_at text NOT NULL
) STRICT;
INSERT INTO "media" VALUES('cid1','image/png',1,'2026-11-24T12:00:00+00:00');
INSERT INTO "media" VALUES('cid2','image/png',1,'2026-11-24T12:00:00+00:00');
CREATE TABLE media_chunk (
  cid text NOT NULL REFERENCES media (cid) ON DELETE CASCADE,
  number integer NOT NULL,
  data blob NOT NULL,
  PRIMARY KEY (cid, number)
) STRICT;
INSERT INTO "media_chunk" VALUES('cid1',0,X'78');
INSERT INTO "media_chunk" VALUES('cid2',0,X'78');
CREATE TABLE notice (
  id integer PRIMARY KEY AUTOINCREMENT,
  channel_id integer NOT NULL REFERENCES notice_channel (id) ON DELETE CASCADE,
  trouble text NOT NULL,
  said text NOT NULL,
  is_over integer CHECK (is_over IN (0, 1)) NOT NULL,
  created_at text NOT NULL,
  sent_at text
) STRICT;
INSERT INTO "notice" VALUES(1,1,'t','s',0,'2026-11-24T12:00:00+00:00',NULL);
INSERT INTO "notice" VALUES(2,2,'t','s',0,'2026-11-24T12:00:00+00:00',NULL);
CREATE TABLE notice_channel (
  id integer PRIMARY KEY AUTOINCREMENT,
  kind text NOT NULL CHECK (kind IN ('email', 'command')),
  config text CHECK (json_valid(config)) NOT NULL,
  -- What was read of the events.
  last_event integer NOT NULL,
  failures integer NOT NULL DEFAULT 0,
  next_try_at text,
  error text,
  created_at text NOT NULL,
  lease_token integer NOT NULL DEFAULT 0,
  lease_owner text,
  lease_until text
) STRICT;
INSERT INTO "notice_channel" VALUES(1,'email','{"to": "a@x.test", "from": "b@x.test", "server": "127.0.0.1:9"}',0,0,NULL,NULL,'2026-11-24T12:00:00+00:00',0,NULL,NULL);
INSERT INTO "notice_channel" VALUES(2,'email','{"to": "a@x.test", "from": "b@x.test", "server": "127.0.0.1:9"}',0,0,NULL,NULL,'2026-11-24T12:00:00+00:00',0,NULL,NULL);
CREATE TABLE oauth_client (
  id text PRIMARY KEY,
  name text NOT NULL,
  redirect_uris text CHECK (json_valid(redirect_uris)) NOT NULL,
  created_at text NOT NULL,
  used_at text
) STRICT;
INSERT INTO "oauth_client" VALUES('alice.test','n','["https://x.test/"]','2026-11-24T12:00:00+00:00',NULL);
INSERT INTO "oauth_client" VALUES('bob.test','n','["https://x.test/"]','2026-11-24T12:00:00+00:00',NULL);
CREATE TABLE oauth_code (
  digest text PRIMARY KEY,
  person_id integer NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  client_id text NOT NULL,
  name text NOT NULL,
  redirect_uri text NOT NULL,
  challenge text NOT NULL,
  resource text NOT NULL,
  scopes text CHECK (json_valid(scopes)) NOT NULL,
  accounts text CHECK (json_valid(accounts)) NOT NULL,
  expires_at text NOT NULL,
  used_at text,
  key_id integer REFERENCES api_key (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "oauth_code" VALUES('alice.test',1,'c','n','u','c','r','[]','[]','2027-09-20T12:00:00+00:00',NULL,NULL);
INSERT INTO "oauth_code" VALUES('bob.test',2,'c','n','u','c','r','[]','[]','2027-09-20T12:00:00+00:00',NULL,NULL);
CREATE TABLE oauth_refresh (
  digest text PRIMARY KEY,
  key_id integer NOT NULL REFERENCES api_key (id) ON DELETE CASCADE,
  expires_at text NOT NULL,
  used_at text
) STRICT, WITHOUT ROWID;
INSERT INTO "oauth_refresh" VALUES('alice.test',1,'2027-09-20T12:00:00+00:00',NULL);
INSERT INTO "oauth_refresh" VALUES('bob.test',2,'2027-09-20T12:00:00+00:00',NULL);
CREATE TABLE occurrence_template (
  post_id integer PRIMARY KEY REFERENCES post (id) ON DELETE CASCADE,
  digest text NOT NULL
) STRICT;
INSERT INTO "occurrence_template" VALUES(1,'d');
INSERT INTO "occurrence_template" VALUES(3,'629a8b9e1d888f9ced056d81773315292ba031f523b6952edd59ad938df90113');
INSERT INTO "occurrence_template" VALUES(6,'d');
INSERT INTO "occurrence_template" VALUES(8,'44b5702f1d7f24d292812d230a8505fb8dbd21604a95aed2203753cd326b66a3');
CREATE TABLE passkey (
  credential_id text PRIMARY KEY,
  person_id integer NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  name text NOT NULL,
  public_key blob NOT NULL,
  sign_count integer NOT NULL,
  created_at text NOT NULL,
  last_used_at text
) STRICT, WITHOUT ROWID;
INSERT INTO "passkey" VALUES('alice.test',1,'p',X'6B',0,'2026-11-24T12:00:00+00:00',NULL);
INSERT INTO "passkey" VALUES('bob.test',2,'p',X'6B',0,'2026-11-24T12:00:00+00:00',NULL);
CREATE TABLE person (
  id integer PRIMARY KEY AUTOINCREMENT,
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('viewer', 'writer', 'approver', 'owner')),
  created_at text NOT NULL
) STRICT;
INSERT INTO "person" VALUES(1,'alice.test','owner','2026-11-24T12:00:00+00:00');
INSERT INTO "person" VALUES(2,'bob.test','owner','2026-11-24T12:00:00+00:00');
CREATE TABLE post (
  id integer PRIMARY KEY AUTOINCREMENT,
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  state text NOT NULL
    CHECK (state IN ('draft', 'scheduled', 'publishing', 'published', 'failed', 'held', 'cancelled')),
  due_at text,
  -- When it may be tried again.
  attempt_at text,
  -- Since when nothing of it can be under way any more: it was sent, then looked for, and not there.
  free_at text,
  created_at text NOT NULL,
  updated_at text NOT NULL,
  -- Each change counts, so that nobody overwrites what somebody else changed meanwhile.
  version integer NOT NULL DEFAULT 1,
  -- The caller's own, so that a repeated request adds nothing; and the hash of the draft that came with it.
  key text,
  key_hash integer,
  -- What posts hold is kept as it was written, and not parsed into jsonb: a fifth less room, and faster to store.
  draft text CHECK (json_valid(draft)) NOT NULL,
  text_hash integer NOT NULL,
  prepared text CHECK (json_valid(prepared)) NOT NULL,
  -- The records, to the byte, as they are sent.
  frozen text,
  -- The record key of its first record, from which those of the others follow; fixed when it is accepted.
  root_rkey text NOT NULL,
  uri text,
  cid text,
  published_at text,
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  lease_token integer,
  late_policy text NOT NULL DEFAULT 'publish' CHECK (late_policy IN ('publish', 'skip', 'hold')),
  late_seconds integer CHECK (late_seconds >= 0),
  error_code text,
  error_message text,
  error_hint text,
  source text,
  recurrence_id integer REFERENCES recurrence (id) ON DELETE SET NULL,
  occurrence text,
  CHECK ((state = 'published') = (published_at IS NOT NULL)),
  CHECK (state <> 'published' OR (uri IS NOT NULL AND cid IS NOT NULL)),
  CHECK (state NOT IN ('scheduled', 'publishing') OR due_at IS NOT NULL),
  CHECK (state <> 'publishing' OR lease_token IS NOT NULL),
  CHECK (state NOT IN ('failed', 'held') OR error_code IS NOT NULL),
  CHECK (state NOT IN ('draft', 'cancelled') OR frozen IS NULL)
) STRICT;
INSERT INTO "post" VALUES(1,'did:plc:uoz6nd5dua5ht3vcq7yom7la','published','2026-11-24T12:00:00.000000Z',NULL,NULL,'2026-11-24T12:00:00.000000Z','2026-11-24T12:00:00.000000Z',3,NULL,NULL,'{"text":"done alice.test"}',702219283,'{"records":[{"$type":"app.bsky.feed.post","text":"done alice.test"}]}','{"did":"did:plc:uoz6nd5dua5ht3vcq7yom7la","writes":[["app.bsky.feed.post","3n32ltmn4hmhj",{"$type":"app.bsky.feed.post","text":"done alice.test","createdAt":"2026-11-24T12:00:00.000Z"},"bafyreifffdrbeclvgbbdqo77lkcio4x3g5dqarms7rm65nguoytx7pruza"]]}','3n32ltmn4hmhj','at://did:plc:uoz6nd5dua5ht3vcq7yom7la/app.bsky.feed.post/3n32ltmn4hmhj','bafyreifffdrbeclvgbbdqo77lkcio4x3g5dqarms7rm65nguoytx7pruza','2026-11-24T12:00:00.000000Z',1,1,'hold',NULL,NULL,NULL,NULL,'now',NULL,NULL);
INSERT INTO "post" VALUES(2,'did:plc:uoz6nd5dua5ht3vcq7yom7la','scheduled','2026-11-24T12:01:00.000000Z',NULL,NULL,'2026-11-24T12:00:00.000000Z','2026-11-24T12:00:00.000000Z',1,NULL,NULL,'{"text":"due alice.test"}',4211571751,'{"records":[{"$type":"app.bsky.feed.post","text":"due alice.test"}]}',NULL,'3n32lvg46ivh2',NULL,NULL,NULL,0,NULL,'hold',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "post" VALUES(3,'did:plc:uoz6nd5dua5ht3vcq7yom7la','scheduled','2026-11-24T12:01:00.000000Z',NULL,NULL,'2026-11-24T12:00:00.000000Z','2026-11-24T12:00:00.000000Z',1,NULL,NULL,'{"text":"daily alice.test"}',1573416362,'{"records":[{"$type":"app.bsky.feed.post","text":"daily alice.test"}]}',NULL,'3n32lvgnw7pno',NULL,NULL,NULL,0,NULL,'skip',86400,NULL,NULL,NULL,NULL,1,'2026-11-24T12:01:00.000000Z');
INSERT INTO "post" VALUES(4,'did:plc:uoz6nd5dua5ht3vcq7yom7la','scheduled','2026-11-25T12:00:00.000000Z',NULL,NULL,'2026-11-24T12:00:00.000000Z','2026-11-24T12:00:00.000000Z',1,NULL,NULL,'{"text":"later alice.test"}',160698420,'{"records":[{"$type":"app.bsky.feed.post","text":"later alice.test"}]}',NULL,'3n354ck7mhrx7',NULL,NULL,NULL,0,NULL,'hold',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "post" VALUES(5,'did:plc:uoz6nd5dua5ht3vcq7yom7la','held','2026-11-25T12:00:00.000000Z',NULL,NULL,'2026-11-24T12:00:00.000000Z','2026-11-24T12:00:00.000000Z',2,NULL,NULL,'{"text":"held alice.test"}',1172344392,'{"records":[{"$type":"app.bsky.feed.post","text":"held alice.test"}]}',NULL,'3n354ckdh3id7',NULL,NULL,NULL,0,NULL,'hold',NULL,'post.held','It is held on request.','["Release it: ",["posts.release",5,null]]',NULL,NULL,NULL);
INSERT INTO "post" VALUES(6,'did:plc:7p7xbvvdnouytbwhbvtysgid','published','2026-11-24T12:00:00.000000Z',NULL,NULL,'2026-11-24T12:00:00.000000Z','2026-11-24T12:00:00.000000Z',3,NULL,NULL,'{"text":"done bob.test"}',27521140,'{"records":[{"$type":"app.bsky.feed.post","text":"done bob.test"}]}','{"did":"did:plc:7p7xbvvdnouytbwhbvtysgid","writes":[["app.bsky.feed.post","3n32ltmx2atca",{"$type":"app.bsky.feed.post","text":"done bob.test","createdAt":"2026-11-24T12:00:00.000Z"},"bafyreiffj232vygmczc5rwygld2ejqnrstrbyrgeyiulz3b64y7aq5wegq"]]}','3n32ltmx2atca','at://did:plc:7p7xbvvdnouytbwhbvtysgid/app.bsky.feed.post/3n32ltmx2atca','bafyreiffj232vygmczc5rwygld2ejqnrstrbyrgeyiulz3b64y7aq5wegq','2026-11-24T12:00:00.000000Z',1,1,'hold',NULL,NULL,NULL,NULL,'now',NULL,NULL);
INSERT INTO "post" VALUES(7,'did:plc:7p7xbvvdnouytbwhbvtysgid','scheduled','2026-11-24T12:01:00.000000Z',NULL,NULL,'2026-11-24T12:00:00.000000Z','2026-11-24T12:00:00.000000Z',1,NULL,NULL,'{"text":"due bob.test"}',1192044496,'{"records":[{"$type":"app.bsky.feed.post","text":"due bob.test"}]}',NULL,'3n32lvg5yceu6',NULL,NULL,NULL,0,NULL,'hold',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "post" VALUES(8,'did:plc:7p7xbvvdnouytbwhbvtysgid','scheduled','2026-11-24T12:01:00.000000Z',NULL,NULL,'2026-11-24T12:00:00.000000Z','2026-11-24T12:00:00.000000Z',1,NULL,NULL,'{"text":"daily bob.test"}',3723559255,'{"records":[{"$type":"app.bsky.feed.post","text":"daily bob.test"}]}',NULL,'3n32lvg2gbq2u',NULL,NULL,NULL,0,NULL,'skip',86400,NULL,NULL,NULL,NULL,2,'2026-11-24T12:01:00.000000Z');
INSERT INTO "post" VALUES(9,'did:plc:7p7xbvvdnouytbwhbvtysgid','scheduled','2026-11-25T12:00:00.000000Z',NULL,NULL,'2026-11-24T12:00:00.000000Z','2026-11-24T12:00:00.000000Z',1,NULL,NULL,'{"text":"later bob.test"}',4289869313,'{"records":[{"$type":"app.bsky.feed.post","text":"later bob.test"}]}',NULL,'3n354ck74lbq7',NULL,NULL,NULL,0,NULL,'hold',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "post" VALUES(10,'did:plc:7p7xbvvdnouytbwhbvtysgid','held','2026-11-25T12:00:00.000000Z',NULL,NULL,'2026-11-24T12:00:00.000000Z','2026-11-24T12:00:00.000000Z',2,NULL,NULL,'{"text":"held bob.test"}',3330306833,'{"records":[{"$type":"app.bsky.feed.post","text":"held bob.test"}]}',NULL,'3n354ck6jzx5l',NULL,NULL,NULL,0,NULL,'hold',NULL,'post.held','It is held on request.','["Release it: ",["posts.release",10,null]]',NULL,NULL,NULL);
CREATE TABLE post_author (
  post_id integer NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  who text NOT NULL,
  agent integer CHECK (agent IN (0, 1)) NOT NULL,
  PRIMARY KEY (post_id, who)
) STRICT, WITHOUT ROWID;
INSERT INTO "post_author" VALUES(1,'key 1',1);
INSERT INTO "post_author" VALUES(6,'key 1',1);
CREATE TABLE post_group (
  post_id integer PRIMARY KEY REFERENCES post (id) ON DELETE CASCADE,
  name text NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "post_group" VALUES(1,'alice.test');
INSERT INTO "post_group" VALUES(6,'bob.test');
CREATE TABLE post_media (
  post_id integer NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  cid text NOT NULL REFERENCES media (cid),
  PRIMARY KEY (post_id, cid)
) STRICT, WITHOUT ROWID;
INSERT INTO "post_media" VALUES(1,'cid1');
INSERT INTO "post_media" VALUES(6,'cid2');
CREATE TABLE post_request (
  post_id integer PRIMARY KEY REFERENCES post (id) ON DELETE CASCADE,
  digest text,
  -- When a draft is to go out, if somebody approves it.
  wanted_at text
) STRICT;
INSERT INTO "post_request" VALUES(1,'d','2027-09-20T12:00:00+00:00');
INSERT INTO "post_request" VALUES(6,'d','2027-09-20T12:00:00+00:00');
CREATE TABLE recurrence (
  id integer PRIMARY KEY AUTOINCREMENT,
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'ended')),
  rule text NOT NULL,
  zone text NOT NULL,
  draft text CHECK (json_valid(draft)) NOT NULL,
  pool text CHECK (json_valid(pool)) NOT NULL DEFAULT '[]',
  prepared text CHECK (json_valid(prepared)) NOT NULL DEFAULT '{}',
  starts_at text,
  until text,
  -- The occurrences that were skipped or moved.
  exceptions text CHECK (json_valid(exceptions)) NOT NULL DEFAULT '{}',
  position integer NOT NULL DEFAULT 0,
  jitter_seconds integer NOT NULL DEFAULT 0 CHECK (jitter_seconds >= 0),
  late_policy text NOT NULL DEFAULT 'publish' CHECK (late_policy IN ('publish', 'skip', 'hold')),
  late_seconds integer CHECK (late_seconds >= 0),
  source text,
  created_at text NOT NULL,
  updated_at text NOT NULL
) STRICT;
INSERT INTO "recurrence" VALUES(1,'did:plc:uoz6nd5dua5ht3vcq7yom7la','active','daily 12:01','UTC','{"text":"daily alice.test"}','[]','{"records":[{"$type":"app.bsky.feed.post","text":"daily alice.test"}]}',NULL,NULL,'{}',1,0,'skip',86400,NULL,'2026-11-24T12:00:00.000000Z','2026-11-24T12:00:00.000000Z');
INSERT INTO "recurrence" VALUES(2,'did:plc:7p7xbvvdnouytbwhbvtysgid','active','daily 12:01','UTC','{"text":"daily bob.test"}','[]','{"records":[{"$type":"app.bsky.feed.post","text":"daily bob.test"}]}',NULL,NULL,'{}',1,0,'skip',86400,NULL,'2026-11-24T12:00:00.000000Z','2026-11-24T12:00:00.000000Z');
CREATE TABLE recurrence_approval (
  id integer PRIMARY KEY AUTOINCREMENT,
  recurrence_id integer NOT NULL REFERENCES recurrence (id) ON DELETE CASCADE,
  -- SHA-256 over the template; a claim compares it.
  digest text NOT NULL,
  verdict text NOT NULL CHECK (verdict IN ('approved', 'withdrawn', 'rejected')),
  by_name text NOT NULL,
  note text,
  content text CHECK (json_valid(content)) NOT NULL,
  created_at text NOT NULL
) STRICT;
INSERT INTO "recurrence_approval" VALUES(1,1,'d','approved','me',NULL,'{}','2026-11-24T12:00:00+00:00');
INSERT INTO "recurrence_approval" VALUES(2,2,'d','approved','me',NULL,'{}','2026-11-24T12:00:00+00:00');
CREATE TABLE recurrence_author (
  recurrence_id integer NOT NULL REFERENCES recurrence (id) ON DELETE CASCADE,
  who text NOT NULL,
  agent integer CHECK (agent IN (0, 1)) NOT NULL,
  PRIMARY KEY (recurrence_id, who)
) STRICT, WITHOUT ROWID;
INSERT INTO "recurrence_author" VALUES(1,'key 1',1);
INSERT INTO "recurrence_author" VALUES(2,'key 1',1);
CREATE TABLE recurrence_media (
  recurrence_id integer NOT NULL REFERENCES recurrence (id) ON DELETE CASCADE,
  cid text NOT NULL REFERENCES media (cid),
  PRIMARY KEY (recurrence_id, cid)
) STRICT, WITHOUT ROWID;
INSERT INTO "recurrence_media" VALUES(1,'cid1');
INSERT INTO "recurrence_media" VALUES(2,'cid2');
CREATE TABLE review_link (
  digest text PRIMARY KEY,
  post_id integer NOT NULL REFERENCES post (id) ON DELETE CASCADE,
  post_digest text NOT NULL,
  due_at text,
  person_id integer NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  reviewer text NOT NULL,
  created_at text NOT NULL,
  ends_at text NOT NULL,
  used_at text
) STRICT, WITHOUT ROWID;
INSERT INTO "review_link" VALUES('alice.test',1,'d',NULL,1,'r','2026-11-24T12:00:00+00:00','2027-09-20T12:00:00+00:00',NULL);
INSERT INTO "review_link" VALUES('bob.test',6,'d',NULL,2,'r','2026-11-24T12:00:00+00:00','2027-09-20T12:00:00+00:00',NULL);
CREATE TABLE schema_version (
  version integer PRIMARY KEY,
  name text NOT NULL,
  applied_at text NOT NULL
) STRICT;
INSERT INTO "schema_version" VALUES(100,'schema','2026-11-24T12:00:00.000000Z');
CREATE TABLE secret (
  scope text NOT NULL,
  name text NOT NULL,
  sealed blob NOT NULL,
  expires_at text,
  PRIMARY KEY (scope, name)
) STRICT;
INSERT INTO "secret" VALUES('oauth_client','alice.test',X'013051319D44B98351A3FC19BE34BBBB1A04F2B4DB59B1446AF115F0DE02BC9B160E5B',NULL);
INSERT INTO "secret" VALUES('oauth_client','bob.test',X'0145F33FB4443BA806C7217C5B9A07ADA00B6C31D92650C60555C22E04FA33E03E3BAE',NULL);
CREATE TABLE setting (
  scope text NOT NULL,
  name text NOT NULL,
  value text CHECK (json_valid(value)) NOT NULL,
  PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "setting" VALUES('column_maps','alice.test','{"Message":"text"}');
INSERT INTO "setting" VALUES('column_maps','bob.test','{"Message":"text"}');
CREATE TABLE sign_in_link (
  digest text PRIMARY KEY,
  person_id integer NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  created_at text NOT NULL,
  expires_at text NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "sign_in_link" VALUES('alice.test',1,'2026-11-24T12:00:00+00:00','2027-09-20T12:00:00+00:00');
INSERT INTO "sign_in_link" VALUES('bob.test',2,'2026-11-24T12:00:00+00:00','2027-09-20T12:00:00+00:00');
CREATE TABLE sign_in_name (
  name text PRIMARY KEY,
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO "sign_in_name" VALUES('bob.test@x.test','did:plc:7p7xbvvdnouytbwhbvtysgid');
INSERT INTO "sign_in_name" VALUES('alice.test@x.test','did:plc:uoz6nd5dua5ht3vcq7yom7la');
CREATE TABLE slot (
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  weekday integer NOT NULL CHECK (weekday BETWEEN 0 AND 6),
  minute integer NOT NULL CHECK (minute BETWEEN 0 AND 1439),
  zone text NOT NULL,
  PRIMARY KEY (account_did, weekday, minute)
) STRICT, WITHOUT ROWID;
INSERT INTO "slot" VALUES('did:plc:7p7xbvvdnouytbwhbvtysgid',1,600,'Europe/Berlin');
INSERT INTO "slot" VALUES('did:plc:uoz6nd5dua5ht3vcq7yom7la',1,600,'Europe/Berlin');
CREATE TABLE snippet (
  id integer PRIMARY KEY AUTOINCREMENT,
  name text NOT NULL UNIQUE,
  account_did text REFERENCES account (did) ON DELETE CASCADE,
  text text NOT NULL,
  signs integer CHECK (signs IN (0, 1)) NOT NULL,
  created_at text NOT NULL,
  CHECK (account_did IS NOT NULL OR NOT signs)
) STRICT;
INSERT INTO "snippet" VALUES(1,'s1','did:plc:uoz6nd5dua5ht3vcq7yom7la','Hello',1,'2026-11-24T12:00:00+00:00');
INSERT INTO "snippet" VALUES(2,'s2','did:plc:7p7xbvvdnouytbwhbvtysgid','Hello',1,'2026-11-24T12:00:00+00:00');
CREATE TABLE spend (
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  minute text NOT NULL,
  points integer NOT NULL DEFAULT 0,
  posts integer NOT NULL DEFAULT 0,
  PRIMARY KEY (account_did, minute)
) STRICT, WITHOUT ROWID;
INSERT INTO "spend" VALUES('did:plc:7p7xbvvdnouytbwhbvtysgid','2026-11-24T12:00:00.000000Z',3,1);
INSERT INTO "spend" VALUES('did:plc:uoz6nd5dua5ht3vcq7yom7la','2026-11-24T12:00:00.000000Z',3,1);
CREATE TABLE timer (
  id integer PRIMARY KEY AUTOINCREMENT,
  kind text NOT NULL CHECK (kind IN ('command', 'function')),
  name text NOT NULL,
  account_did text REFERENCES account (did) ON DELETE CASCADE,
  rule text NOT NULL,
  zone text NOT NULL,
  late_seconds integer NOT NULL CHECK (late_seconds >= 0),
  settings text CHECK (json_valid(settings)) NOT NULL DEFAULT '{}',
  next_at text,
  occurrence text,
  lease_token integer NOT NULL DEFAULT 0,
  lease_owner text,
  lease_until text,
  ran_at text,
  outcome text CHECK (outcome IN ('posted', 'nothing', 'same', 'failed')),
  error_code text,
  error_message text,
  error_hint text,
  printed_hash text,
  printed_at text,
  created_at text NOT NULL,
  CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
  CHECK ((outcome = 'failed') = (error_code IS NOT NULL))
) STRICT;
INSERT INTO "timer" VALUES(1,'command','c1','did:plc:uoz6nd5dua5ht3vcq7yom7la','daily 9:00','UTC',60,'{"command": "true"}','2026-11-24T12:00:00+00:00',NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-24T12:00:00+00:00');
INSERT INTO "timer" VALUES(2,'function','f1','did:plc:uoz6nd5dua5ht3vcq7yom7la','daily 9:00','UTC',60,'{}','2026-11-24T12:00:00+00:00',NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-24T12:00:00+00:00');
INSERT INTO "timer" VALUES(3,'command','c2','did:plc:7p7xbvvdnouytbwhbvtysgid','daily 9:00','UTC',60,'{"command": "true"}','2026-11-24T12:00:00+00:00',NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-24T12:00:00+00:00');
INSERT INTO "timer" VALUES(4,'function','f2','did:plc:7p7xbvvdnouytbwhbvtysgid','daily 9:00','UTC',60,'{}','2026-11-24T12:00:00+00:00',NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-24T12:00:00+00:00');
CREATE TABLE trouble (
  channel_id integer NOT NULL REFERENCES notice_channel (id) ON DELETE CASCADE,
  name text NOT NULL,
  kind text NOT NULL,
  account_did text,
  subject_id integer,
  said text NOT NULL,
  opened_at text NOT NULL,
  PRIMARY KEY (channel_id, name)
) STRICT;
INSERT INTO "trouble" VALUES(1,'t','post.failed',NULL,NULL,'s','2026-11-24T12:00:00+00:00');
INSERT INTO "trouble" VALUES(2,'t','post.failed',NULL,NULL,'s','2026-11-24T12:00:00+00:00');
CREATE TABLE upload (
  who text NOT NULL,
  share text NOT NULL,
  cid text NOT NULL REFERENCES media (cid) ON DELETE CASCADE,
  about text CHECK (json_valid(about)) NOT NULL,
  PRIMARY KEY (who, cid)
) STRICT, WITHOUT ROWID;
INSERT INTO "upload" VALUES('key 1','key 1','cid1','{"mime": "image/png", "size": 1, "width": 1, "height": 1, "name": "a.png", "uploaded_at": "2026-11-24T12:00:00+00:00", "warnings": [], "gif": false}');
INSERT INTO "upload" VALUES('key 2','key 2','cid2','{"mime": "image/png", "size": 1, "width": 1, "height": 1, "name": "a.png", "uploaded_at": "2026-11-24T12:00:00+00:00", "warnings": [], "gif": false}');
CREATE TABLE way (
  id integer PRIMARY KEY AUTOINCREMENT,
  account_did text NOT NULL REFERENCES account (did) ON DELETE CASCADE,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused')),
  asked_at text,
  outcome text CHECK (outcome IN ('answered', 'nothing', 'failed')),
  error_code text,
  error_message text,
  error_hint text,
  created_at text NOT NULL
) STRICT;
INSERT INTO "way" VALUES(1,'did:plc:uoz6nd5dua5ht3vcq7yom7la','active','2026-11-24T12:00:00+00:00','answered',NULL,NULL,NULL,'2026-11-24T12:00:00+00:00');
INSERT INTO "way" VALUES(2,'did:plc:7p7xbvvdnouytbwhbvtysgid','active','2026-11-24T12:00:00+00:00','answered',NULL,NULL,NULL,'2026-11-24T12:00:00+00:00');
CREATE TABLE web_session (
  digest text PRIMARY KEY,
  person_id integer NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  created_at text NOT NULL,
  expires_at text NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "web_session" VALUES('alice.test',1,'2026-11-24T12:00:00+00:00','2027-09-20T12:00:00+00:00');
INSERT INTO "web_session" VALUES('bob.test',2,'2026-11-24T12:00:00+00:00','2027-09-20T12:00:00+00:00');
CREATE TABLE webhook (
  id integer PRIMARY KEY AUTOINCREMENT,
  url text NOT NULL,
  name text NOT NULL,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'disabled')),
  -- The kinds of events that are sent; NULL for all.
  kinds text CHECK (json_valid(kinds)),
  account_did text REFERENCES account (did) ON DELETE CASCADE,
  -- Encrypted. A new secret and the one before both sign for a while.
  secret blob NOT NULL,
  previous_secret blob,
  previous_until text,
  reason text,
  created_at text NOT NULL,
  lease_token integer NOT NULL DEFAULT 0,
  lease_owner text,
  lease_until text,
  CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
) STRICT;
INSERT INTO "webhook" VALUES(1,'http://127.0.0.1:9/','w','active',NULL,NULL,X'7365616C6564',NULL,NULL,NULL,'2026-11-24T12:00:00+00:00',0,NULL,NULL);
INSERT INTO "webhook" VALUES(2,'http://127.0.0.1:9/','w','active',NULL,NULL,X'7365616C6564',NULL,NULL,NULL,'2026-11-24T12:00:00+00:00',0,NULL,NULL);
CREATE TABLE worker (
  name text PRIMARY KEY,
  seen_at text NOT NULL,
  hanging text CHECK (json_valid(hanging)) NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "worker" VALUES('alice.test','2026-11-24T12:00:00.000000Z','[["http://127.0.0.1:9",3]]');
INSERT INTO "worker" VALUES('bob.test','2026-11-24T12:00:00.000000Z','[["http://127.0.0.1:9",3]]');
CREATE UNIQUE INDEX account_default ON account (is_default) WHERE is_default;
CREATE INDEX account_handle ON account (handle);
CREATE INDEX account_ready ON account (ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX sign_in_name_account ON sign_in_name (account_did);
CREATE INDEX upload_cid ON upload (cid);
CREATE INDEX upload_share ON upload (share);
CREATE INDEX recurrence_account ON recurrence (account_did);
CREATE INDEX recurrence_media_cid ON recurrence_media (cid);
CREATE UNIQUE INDEX post_key ON post (account_did, key) WHERE key IS NOT NULL;
CREATE UNIQUE INDEX post_occurrence ON post (recurrence_id, occurrence) WHERE recurrence_id IS NOT NULL;
CREATE UNIQUE INDEX post_publishing ON post (account_did) WHERE state = 'publishing';
CREATE INDEX post_scheduled ON post (account_did, due_at) WHERE state = 'scheduled';
CREATE INDEX post_unscheduled ON post (account_did, due_at) WHERE state <> 'scheduled';
CREATE INDEX post_state ON post (state, due_at);
CREATE INDEX post_history ON post (state, updated_at) WHERE state IN ('published', 'failed', 'cancelled');
CREATE INDEX post_text ON post (text_hash);
CREATE INDEX post_rule_waiting ON post (recurrence_id)
  WHERE recurrence_id IS NOT NULL AND state IN ('draft', 'scheduled', 'publishing');
CREATE INDEX post_yielding ON post (account_did, attempt_at)
  WHERE state = 'scheduled' AND free_at IS NOT NULL AND attempt_at IS NOT NULL;
CREATE INDEX post_rkey ON post (root_rkey) WHERE state = 'published';
CREATE INDEX post_media_cid ON post_media (cid);
CREATE INDEX post_group_name ON post_group (name);
CREATE INDEX approval_post ON approval (post_id, digest);
CREATE INDEX recurrence_approval_digest ON recurrence_approval (recurrence_id, digest);
CREATE INDEX feed_ready ON feed (ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX feed_url ON feed (url);
CREATE INDEX feed_account_did ON feed_account (account_did);
CREATE INDEX feed_item_state ON feed_item (feed_id, state, id);
CREATE INDEX feed_fingerprint_item ON feed_fingerprint (item_id);
CREATE INDEX hook_account ON hook (account_did);
CREATE INDEX hook_post ON hook (post_id);
CREATE UNIQUE INDEX snippet_signature ON snippet (account_did) WHERE signs;
CREATE INDEX snippet_account ON snippet (account_did);
CREATE UNIQUE INDEX folder_file_post ON folder_file (post_id);
CREATE INDEX folder_file_account ON folder_file (account_did);
CREATE INDEX app_draft_post ON app_draft (post_id);
CREATE UNIQUE INDEX timer_function ON timer (name) WHERE kind = 'function';
CREATE INDEX timer_account ON timer (account_did);
CREATE INDEX action_account ON action (account_did);
CREATE INDEX action_leased ON action (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX action_waiting ON action (attempt_at) WHERE state = 'waiting';
CREATE UNIQUE INDEX action_key ON action (account_did, key);
CREATE INDEX follow_up_post ON follow_up (post_id);
CREATE INDEX follow_up_open ON follow_up (id) WHERE state IN ('waiting', 'reached');
CREATE INDEX inbox_new ON inbox (indexed_at) WHERE state = 'new';
CREATE INDEX inbox_answer ON inbox (answer_id);
CREATE INDEX inbox_leased ON inbox (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX inbox_unhandled ON inbox (account_did, id) WHERE handled_at IS NULL;
CREATE INDEX inbox_look ON inbox (account_did, look_at) WHERE look_at IS NOT NULL;
CREATE INDEX inbox_answered ON inbox (account_did, answered_at) WHERE answered_at IS NOT NULL;
CREATE INDEX way_account ON way (account_did);
CREATE INDEX passkey_person ON passkey (person_id);
CREATE INDEX sign_in_link_person ON sign_in_link (person_id);
CREATE INDEX web_session_person ON web_session (person_id);
CREATE INDEX review_link_post ON review_link (post_id);
CREATE INDEX review_link_person ON review_link (person_id);
CREATE INDEX api_key_person ON api_key (person_id);
CREATE INDEX api_key_parent ON api_key (parent_id);
CREATE INDEX feed_token_account ON feed_token (account_did);
CREATE INDEX feed_token_key ON feed_token (key_id);
CREATE INDEX feed_token_person ON feed_token (person_id);
CREATE INDEX oauth_client_unused ON oauth_client (created_at) WHERE used_at IS NULL;
CREATE INDEX oauth_code_person ON oauth_code (person_id);
CREATE INDEX oauth_code_key ON oauth_code (key_id);
CREATE INDEX oauth_refresh_key ON oauth_refresh (key_id);
CREATE INDEX event_account ON event (account_did);
CREATE INDEX event_created ON event (created_at);
CREATE INDEX webhook_account ON webhook (account_did);
CREATE INDEX delivery_waiting ON delivery (webhook_id, attempt_at) WHERE state = 'waiting';
CREATE INDEX delivery_webhook ON delivery (webhook_id, id);
CREATE INDEX notice_waiting ON notice (channel_id) WHERE sent_at IS NULL;
CREATE VIEW v_posts AS
SELECT
  post.id, account.handle AS account, post.account_did, post.state, post.due_at, post.published_at,
  post.draft ->> 'text' AS text, post.source, post.key, post.recurrence_id, post.uri, post.attempts, post.error_code,
  post.error_message, post.created_at, post.updated_at
FROM post JOIN account ON account.did = post.account_did;
CREATE VIEW v_marks AS
SELECT
  mark.post_id, account.handle AS account, post.account_did, post.source, mark.kind, post.draft ->> 'text' AS text,
  post.uri, post.published_at, mark.age_hours, mark.taken_at,
  mark.likes, mark.reposts, mark.replies, mark.quotes, mark.bookmarks, mark.labels,
  CASE
    WHEN mark.likes IS NOT NULL THEN 'shown' WHEN post.error_code = 'post.deleted' THEN 'deleted' ELSE 'not shown'
  END AS seen
FROM mark JOIN post ON post.id = mark.post_id JOIN account ON account.did = post.account_did;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('post',10);
INSERT INTO "sqlite_sequence" VALUES('change',16);
INSERT INTO "sqlite_sequence" VALUES('event',4);
INSERT INTO "sqlite_sequence" VALUES('recurrence',2);
INSERT INTO "sqlite_sequence" VALUES('action',2);
INSERT INTO "sqlite_sequence" VALUES('follow_up',2);
INSERT INTO "sqlite_sequence" VALUES('approval',2);
INSERT INTO "sqlite_sequence" VALUES('recurrence_approval',2);
INSERT INTO "sqlite_sequence" VALUES('inbox',2);
INSERT INTO "sqlite_sequence" VALUES('feed',2);
INSERT INTO "sqlite_sequence" VALUES('feed_item',2);
INSERT INTO "sqlite_sequence" VALUES('feed_token',2);
INSERT INTO "sqlite_sequence" VALUES('way',2);
INSERT INTO "sqlite_sequence" VALUES('hook',2);
INSERT INTO "sqlite_sequence" VALUES('snippet',2);
INSERT INTO "sqlite_sequence" VALUES('webhook',2);
INSERT INTO "sqlite_sequence" VALUES('delivery',4);
INSERT INTO "sqlite_sequence" VALUES('timer',4);
INSERT INTO "sqlite_sequence" VALUES('notice_channel',2);
INSERT INTO "sqlite_sequence" VALUES('notice',2);
INSERT INTO "sqlite_sequence" VALUES('person',2);
INSERT INTO "sqlite_sequence" VALUES('api_key',2);
COMMIT;
