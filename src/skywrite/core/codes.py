"""Every code of an error: which class it belongs to, and what it means.

What lives here: the one list, from which the page of errors is made. What does not: the classes (`errors`, and the
modules that raise them), and messages. A code is stable, and begins with the noun that it is about.
"""

from collections.abc import Mapping

CODES: Mapping[str, Mapping[str, str]] = {
    "AccountUnavailable": {
        "account.unavailable": "The account is deactivated, suspended or taken down.",
    },
    "AddressRefused": {
        "address.redirect_refused": "The address may be opened, but it redirects to one that may not.",
        "address.refused": "The address may not be opened: its scheme, host, port or IP address is not allowed.",
    },
    "AmbiguousTime": {
        "time.ambiguous": "A text has more than one meaning; the hint shows how to write each.",
    },
    "AnotherRecord": {
        "record.another": "At a record key there is something other than what was meant, so nothing was written.",
    },
    "AuthFactorRequired": {
        "login.code_required": "The account has a second factor: the server has sent a code by e-mail.",
    },
    "BadRequest": {
        "body.malformed": "The body of a request cannot be read.",
        "cursor.invalid": "The cursor of a page is not valid.",
        "request.host_unknown": "The request is for a host name that is not this server's.",
        "request.key_in_address": "There is an API key in the address, where logs and browsers keep it.",
        "request.malformed": "The request means different things to different readers.",
    },
    "BlobNotFound": {
        "blob.unknown": "A record names a blob that the server does not have, or no longer has.",
    },
    "BodyTooLarge": {
        "body.too_large": "The body is too large.",
    },
    "BrokenRule": {
        "database.rule_broken": (
            "The database refused a change that violates a constraint: a bug in the program, or a value in the "
            "database that the program never writes. Nothing was changed."
        ),
    },
    "Busy": {
        "feed.busy": "Another process is polling the feed right now.",
        "folder.busy": "A concurrent sync of the same folder has changed the post of this file.",
        "slot.taken": "Another process has used the slot for another post meanwhile; nothing was stored.",
    },
    "ChangedMeanwhile": {
        "post.changed": "The post has changed since the change was prepared; nothing was changed.",
        "post.version_wrong": "The header If-Match is not one of our ETags.",
    },
    "CommandFailed": {
        "command.failed": "A command could not be started, ended with an error, or printed something that is not text.",
        "command.output_unusable": "A scheduled command failed, or what it printed cannot be posted.",
        "command.timed_out": "A command did not end in time, and was killed.",
        "command.too_loud": "A command printed too much, and was killed.",
        "command.unsealed": "A command in the database was not added with our key; it is not run.",
    },
    "CommandStopped": {
        "command.stopped": "The program was asked to stop while a command ran, so it was killed; it will run again.",
    },
    "CommitInDoubt": {
        "database.commit_in_doubt": "The connection broke before the answer to COMMIT: it may have been stored.",
    },
    "Conflict": {
        "account.in_use": "The account still has waiting posts, drafts or recurrences.",
        "approval.stale": "The post has changed since it was viewed; nothing was approved.",
        "feed.exists": "A feed with this address was already added.",
        "hook.exists": "A hook with this name was already added.",
        "person.last_owner": "The last owner cannot be removed: the server needs one to manage it.",
        "snippet.exists": "A snippet with this name, or a signature of this account, was already added.",
        "post.not_cancellable": "The post may be on the network already, so it cannot be cancelled.",
        "post.not_editable": "The post cannot be changed in its state.",
        "post.wrong_state": "The operation does not apply to a post in this state.",
        "request.unsettled": "A request with this key has begun before, and its end is not known.",
        "upload.busy": "Another piece of the same upload is arriving.",
        "upload.share_used": "The uploads of this caller that no post needs yet take all that they may.",
        "upload.wrong_offset": "The piece does not start where the upload ends.",
    },
    "CutOff": {
        "program.cut_off": "The program was asked to stop while it waited for the server.",
    },
    "DatabaseConflict": {
        "database.conflict": "The server rolled a transaction back in favour of another one (a deadlock).",
    },
    "DatabaseUnavailable": {
        "database.unavailable": "The database cannot be reached or opened.",
        "database.untrusted": "The database's server could not prove who it is, or offers no encryption.",
    },
    "DiskFull": {
        "disk.full": "The database's disk is full; everything accepted before is safe.",
    },
    "FeedUnreadable": {
        "feed.unreadable": "What was fetched is not a readable feed; the feed is polled again later.",
    },
    "FetchFailed": {
        "fetch.failed": "The address gave no usable response for now.",
    },
    "FetchRejected": {
        "fetch.rejected": "The server refused permanently (404, 410, endless redirects). `answer` is its response.",
    },
    "HandleDisputed": {
        "handle.disputed": "DNS and the handle's web server name different accounts.",
    },
    "IdentityUnavailable": {
        "identity.unavailable": "Nothing that could resolve the handle or DID responded in time.",
    },
    "ImportFailed": {
        "import.failed": "Some rows of an import are wrong; nothing was imported.",
    },
    "InputError": {
        "account.ambiguous": "The name fits more than one account.",
        "agent.redirect_refused": "The redirect address is not one of the program's.",
        "agent.unknown": "The program that asks for access is unknown, or its document is wrong.",
        "alt.missing": "An image has no alt text, but one is required.",
        "backup.by_server": "A PostgreSQL database is backed up with its own tools.",
        "backup.exists": "A backup never replaces a file.",
        "blob.invalid": "The blob is not one that a server returned, or it is of the wrong kind.",
        "body.invalid": "A field is missing, has the wrong type, or is unknown.",
        "captions.invalid": "A video's captions are too many, too large, or in no known language.",
        "captions.too_large": "The captions have more bytes than a post accepts.",
        "card.invalid": "A link card is incomplete, or its address is not valid.",
        "choice.missing": "No post was named, or none matches.",
        "consent.invalid": "The program's request for access is not valid OAuth.",
        "conversion.failed": "ffmpeg could not make an MP4 video of a file.",
        "database.address_invalid": "The address of the PostgreSQL database is not valid.",
        "did.unknown": "No account has this DID, or AT Protocol cannot use it.",
        "did_document.invalid": "The document of a DID lacks what a repository needs, or belongs to another DID.",
        "draft.invalid": "A draft has an unknown field, or a field of the wrong type.",
        "draft.unresolved": "The draft still contains paths or links instead of stored media and references.",
        "facet.invalid": "A facet does not fit its text, or has no meaning.",
        "feed.ambiguous": "More than one feed has this address.",
        "feed.gone": "The server says that the feed is permanently gone; it is not polled any more.",
        "feed.interval_too_short": "A feed may not be polled this often.",
        "feed.not_found": "The address is neither a feed nor a page that links to one.",
        "file.invalid": "A file of a folder cannot be read as a post.",
        "file.missing": "A file that a draft names does not exist.",
        "file.outside": "A row names a file outside the folder that its files must be in.",
        "file.unreadable": "A file that a draft names cannot be read, or is not a regular file.",
        "filter.invalid": "A rule of a filter cannot be read.",
        "filter.too_slow": "A pattern takes too long.",
        "folder.broken_files": "Files of the folder are wrong, and nothing of it was taken over.",
        "folder.unreadable": "A folder of posts cannot be read.",
        "function.unknown": "No function of this name is registered.",
        "gate.invalid": "The network does not know a rule about replies or quotes, or there are too many rules.",
        "identity.mismatch": "The handle names a DID whose document does not name the handle.",
        "grammar.invalid": "A grammar cannot be read, or gives what cannot be posted; the message lists all of it.",
        "hook.kind_unknown": "No program signs its messages in this way.",
        "hook.message_unreadable": "A message to try a hook with is no JSON object.",
        "hook.secret_unusable": "The secret of a hook is too short, or not of the form that its kind has.",
        "image.aspect_ratio": "Width and height are missing, or not two whole numbers from 1 upwards.",
        "image.damaged": "The image begins correctly, but cannot be read to its end.",
        "image.too_large": "The image has more pixels or bytes than are safe to open, or cannot be made small enough.",
        "image.unsupported": "The bytes are not an image of a kind that can be posted.",
        "images.too_many": "More images than a post, or this kind of embed, can have.",
        "import.too_slow": "The look-ups of many posts take too long for one request; nothing was stored.",
        "input.invalid": "What you gave is wrong; the message says what.",
        "label.unknown": "The network does not know a self-label.",
        "language.invalid": "A language is not a BCP 47 tag, or there are too many.",
        "late.invalid": "The text is not a valid policy for missed posts, or not a duration.",
        "link.invalid": "The text does not name a post, feed, list or starter pack.",
        "list.empty": "A list is empty, and would mean something else than what it says.",
        "login.invalid_name": "The text does not name an account.",
        "media.changed": "A file was changed after it was checked and before it was stored.",
        "media.mixed": "Things that cannot be in the same post.",
        "media.too_large": "The blob has more bytes than the network accepts there.",
        "media.too_large_for_server": "The account's server does not accept a blob of this size.",
        "media.unsupported": "The bytes are neither an image nor a video that can be posted.",
        "name.invalid": "A name is empty, too long, or has characters that cannot be shown.",
        "numbering.unknown": "There is no such way to number the posts of a thread.",
        "oauth.client_missing": "The server has no public address that other servers can reach.",
        "oauth.unsupported": "The server does not offer OAuth as AT Protocol requires.",
        "occurrence.unknown": "The recurrence has no occurrence at this time, or has ended.",
        "opml.unreadable": "A list of subscriptions cannot be read.",
        "option.twice": "An option that takes one value was given twice.",
        "passkey.unavailable": "Passkeys need the server's own host name.",
        "post.empty": "The post has no text and nothing attached.",
        "post_key.reserved": "Keys that begin like this one belong to what Skywrite makes by itself.",
        "post_key.reused": "The key was used before, for a different draft; nothing was stored.",
        "post_key.taken": "The file's key belongs to a post that did not come from this folder.",
        "program.invalid": "A program cannot be loaded, or has no functions that return posts.",
        "proof.invalid": "The proof does not show what it should: a hash, the signature or the path is wrong.",
        "receipt.invalid": "The file is not a receipt, or does not prove what it says.",
        "record.malformed": "The record is not a post, or one of its fields is of the wrong kind.",
        "recurrence.pool_and_text": "A recurrence has both a pool of texts and a text of its own.",
        "reference.invalid": "The value is not a reference to a record (at-uri and CID).",
        "rehearsal.too_much": "The rehearsal is too large for a page.",
        "reply_rule.unknown": "The text does not say who may reply.",
        "resource.unknown": "There is no resource at this address.",
        "rule.every_minute": "The minute of a cron rule is `*`, as if it had been left out.",
        "rule.too_often": "The recurrence is more frequent than once a minute.",
        "server.address_in_use": "The address cannot be used for listening.",
        "server.not_secured": "The server would be open to others without any authentication.",
        "service.unsupported": "This system or installation cannot run the service that was asked for.",
        "session.invalid": "The text does not contain a session.",
        "slots.invalid": "The text is not a list of weekly slots.",
        "slots.none": "The account has no weekly slots, or all of them are taken for two years.",
        "spreadsheet.unreadable": "A workbook cannot be read.",
        "table.unreadable": "A file of posts cannot be read; the message names the line.",
        "tag.invalid": "A tag outside the text is empty or too long, or there are too many.",
        "target.unknown": "What is replied to or quoted does not exist, or no longer exists.",
        "template.invalid": "A template cannot be read, or fails with the given values.",
        "text.invalid": "The text contains characters that no post can have.",
        "text.too_long": "The text has more than 300 graphemes or 3000 bytes.",
        "text.unsplittable": "Something in the text that must stay whole is longer than a post.",
        "timestamp.invalid": "A createdAt is missing, has no zone, or is not a time.",
        "tool.unknown": "There is no tool with this name, or the key may not use it.",
        "undo.impossible": "A post was changed, attempted or published since; nothing was undone.",
        "undo.nothing": "There is no change to undo.",
        "video.damaged": "The video is cut short or its parts do not fit together.",
        "video.too_large": "The video has more bytes than a post accepts.",
        "video.too_long": "The video is longer than a post accepts.",
        "video.unsupported": "The file is not a video, or of a kind that cannot be used.",
        "word.stray": "There is a word besides the text; nothing was sent.",
    },
    "InvalidFrontMatter": {
        "front_matter.invalid": "The front matter of a file cannot be read; `line` counts from 1 in the file.",
    },
    "InvalidGrant": {
        "oauth.grant_invalid": "The server does not accept the refresh token.",
    },
    "InvalidSyntax": {
        "id.invalid": "The text is not a valid identifier of its kind.",
        "record.invalid": "A record holds a value that AT Protocol's data model does not allow.",
    },
    "InvalidTime": {
        "time.invalid": "The text is not a time; the hint shows what can be read.",
    },
    "LeaseLost": {
        "feed.lease_lost": "Another process has claimed the feed meanwhile, or it was removed; nothing was changed.",
        "post.lease_lost": "Another worker has taken the post over.",
    },
    "MethodNotAllowed": {
        "request.method_not_allowed": "The address does not support this method.",
    },
    "MethodNotSupported": {
        "server.method_unsupported": "The server does not know the method.",
    },
    "MissingExtra": {
        "extra.missing": 'An optional part is not installed. `extra` is its name in `pip install ".[name]"`.',
    },
    "MissingRight": {
        "session.right_missing": "The session lacks a right that this needs; everything else still works.",
    },
    "NeedsDecision": {
        "post.deleted_by_hand": "The post was published before and deleted since; it is not published again by itself.",
        "post.drifted": "What would be published is no longer what was approved.",
        "post.time_passed": "A change was undone too late: the time of the post had passed, so it is held.",
        "reply.target_gone": "What a post replies to was deleted in the meantime.",
    },
    "NeverHappens": {
        "rule.never": "The rule never occurs, such as on 30 February.",
    },
    "NewProofNeeded": {
        "oauth.proof_needed": "The server wants a new proof, but the body cannot be sent again.",
    },
    "NoAnswer": {
        "server.no_answer": "The request was sent, but no usable response came back: it may have been done.",
        "server.not_a_pds": "The response is not XRPC: a web page, the login page of a network, a redirect.",
    },
    "NotAllowed": {
        "access.denied": "The key or the person has no right to do this.",
        "approval.own_post": "Authors cannot approve their own posts.",
        "request.foreign": "Another site made the browser send this request.",
    },
    "NotFound": {
        "account.unknown": "This account is not known here.",
        "action.unknown": "There is no repost or pin with this number.",
        "api_key.unknown": "There is no API key with this number.",
        "channel.unknown": "There is no notice channel with this number.",
        "command.unknown": "There is no command or function with this number.",
        "feed.unknown": "There is no feed with this number or address.",
        "follow_up.unknown": "There is no follow-up with this number.",
        "hook.unknown": "There is no hook with this number or name.",
        "inbox.item_unknown": "There is nothing with this number in the inbox.",
        "media.unknown": "These bytes are not in the store.",
        "page.unknown": "There is nothing at this address.",
        "person.unknown": "There is no person with this number.",
        "post.unknown": "There is no post with this number, or none was published with this link.",
        "review.unknown": "The link to a post was used, has ended, or was never there.",
        "recurrence.unknown": "There is no recurrence with this number.",
        "token.unknown": "There is no calendar address with this number.",
        "webhook.delivery_unknown": "There is no message with this number.",
        "snippet.unknown": "There is no snippet with this number or name.",
        "way.unknown": "There is no way of answering with this number.",
        "webhook.unknown": "There is no webhook with this number.",
    },
    "NotSent": {
        "oauth.too_late": "A refresh was delayed before it was sent. It starts again.",
        "server.unreachable": "There was no connection, so nothing was sent.",
        "server.untrusted": "The server's certificate does not prove who it is, so nothing was sent.",
    },
    "NotSignedIn": {
        "login.wrong_code": "The code of the second factor is wrong or too old.",
        "oauth.refused": "The authorization server refused a request. `server_error` is its OAuth error.",
        "session.expired": "The session has ended: its refresh token expired, or its app password was revoked.",
        "session.not_allowed": "The session may not do this: an app password has fewer rights.",
        "session.over": "The session has ended or was lost. The account needs a new sign-in.",
        "session.required": "The server does not accept who we say we are.",
    },
    "NotThere": {
        "post.not_there": "The network has no such post: it was deleted before, or never was there.",
    },
    "OutputLost": {
        "output.lost": "What the command printed could not be written.",
    },
    "Overloaded": {
        "conversion.busy": "As many videos are being converted as this computer should convert at a time.",
        "reader.busy": "Too many requests wait for the same child process; try again later.",
        "request.too_many_at_once": "The caller has too many requests under way.",
    },
    "PastTime": {
        "time.past": "The time has passed.",
    },
    "RateLimited": {
        "server.rate_limited": "The server asks to wait. `until` is when its limit ends, as an aware datetime in UTC.",
    },
    "RecordConflict": {
        "record.conflict": "The record key holds another record than ours.",
    },
    "RecordNotFound": {
        "record.unknown": "There is no record at that key.",
    },
    "Refused": {
        "record.refused": "The server says that a record breaks its lexicon.",
        "record.swapped": "The record or the repository is not in the state that the write expects.",
        "request.too_large": "The server does not accept a body of this size.",
        "server.refused": "The server refused the request permanently. `answer` is the JSON object that it sent.",
    },
    "RejectedError": {
        "post.refused": "The post was refused permanently when a worker sent it.",
        "record.mismatch": "The server stored something other than what we sent: the CIDs differ.",
        "server.rejected": "A server refused it for good.",
        "video.refused": "The video service refused the video, or the account, permanently.",
        "video.too_large_for_server": "The account's server does not accept a blob as large as the finished video.",
    },
    "RequestTimeout": {
        "request.timed_out": "The client took too long to send its request.",
    },
    "ServerFailure": {
        "server.failed": "The server failed (5xx), or was busy with another write (ConcurrentWrites).",
    },
    "SignInError": {
        "account.missing": "No account is signed in here yet, or the one that was named is not.",
        "account.moved": "The account has moved away from the server that it signed in at.",
        "account.signed_out": "There is no session for the account.",
        "agent.grant_invalid": "The code or refresh token is wrong, too old, or was used before.",
        "credentials.missing": "The environment names no account to sign in with.",
        "oauth.denied": "The sign-in was refused in the browser, or took too long there.",
        "oauth.key_missing": "The key that the session is bound to is missing.",
        "oauth.redirect_forged": "What came back from the browser does not belong to a sign-in that started here.",
        "oauth.wrong_account": "A different account signed in, or a server issued tokens for one of another.",
        "session.missing": "A method was called before `login`.",
        "session.signed_out": "Before a refresh, the account was signed out, signed in again, or removed.",
    },
    "SkywriteError": {
        "card.failed": "The page has no card: it is down, gone, or too slow. The post goes out without it.",
        "function.failed": "A function raised an error, or returned something that is not a draft.",
        "mail.not_encrypted": "The mail server offers no encryption, so nothing was sent.",
        "mail.not_sent": "The mail server could not be reached, or did not accept the message.",
        "service.failed": "The system's service manager refused a command.",
        "skywrite.error": "The base of all errors: what happened, and what to do next.",
        "way.failed": "An address that answers failed, or it or a command said what cannot be an answer.",
    },
    "Stopping": {
        "program.stopping": "The program was asked to stop, so nothing more is sent.",
    },
    "StorageError": {
        "backup.failed": "The backup could not be written.",
        "database.busy": "Another process kept the database locked for longer than we wait.",
        "database.corrupt": "The file is damaged, or is not a database.",
        "database.read_only": "The database may be read but not written.",
        "database.too_new": "A newer version of the program has changed this database.",
        "database.too_old": "The database is from before the first release; this version cannot read it.",
        "vault.key_unavailable": "The key cannot be read or created.",
        "worker.running": "A worker still uses the old key, and would seal data that could not be opened later.",
    },
    "StoredOtherwise": {
        "record.stored_otherwise": "The records are public, but one is not what was sent.",
    },
    "SystemRefused": {
        "system.refused": "The system refused to open, read or write a file.",
    },
    "TemporaryError": {
        "import.elsewhere": "Only the import itself can answer this.",
        "oauth.proof_refused": "The server did not accept a request's proof. The session is unchanged.",
        "oauth.refresh_refused": "The server refused the client, and so a refresh; the session is still valid.",
        "post.still_queued": "The post could not be sent yet. It stays in the queue; do not post it again.",
        "reader.unavailable": "The child process for reading untrusted input cannot be started.",
        "server.unavailable": "The network or a server failed for now.",
        "session.refresh_busy": "Another process is refreshing this session and does not finish.",
        "session.refresh_in_doubt": "The response to a refresh is missing, and it is too early to try again.",
        "session.renewed": "The session in use has ended, and there is a newer one, which is used at once.",
        "upload.interrupted": "The program was asked to stop during the upload of a large file; nothing was published.",
        "video.busy": "The video service limits the account for now; posts without videos go on.",
        "video.limit_reached": "The account may upload no more videos for now.",
        "write.unsettled": "A server refused a write, and we could not check whether an earlier try was carried out.",
    },
    "TimedOut": {
        "server.timed_out": "The server did not respond in time. An immediate retry would probably wait as long again.",
    },
    "TokenRefused": {
        "token.expired": "The token was valid and has expired; a refresh may help.",
        "token.invalid": "The server does not know the token, or the token does not allow this.",
    },
    "TooCostly": {
        "input.too_costly": "Reading untrusted input took more memory or time than allowed, or crashed the reader.",
    },
    "TooManyRequests": {
        "request.too_many": "The caller sends too many requests.",
    },
    "Unauthenticated": {
        "api_key.invalid": "The API key is wrong, revoked or expired.",
        "hook.signature_missing": "A message to a hook has no signature of the hook's kind.",
        "hook.signature_wrong": "The signature of a message to a hook is not by its secret, or of other content.",
        "hook.too_old": "A message to a hook was signed too long ago, or in the future.",
        "passkey.invalid": "The passkey is not known here, or the proof does not fit.",
        "request.unauthenticated": "The request does not identify its caller.",
    },
    "Unexpected": {
        "skywrite.bug": "A bug in Skywrite, limited to one file, row, item or account.",
    },
    "UnknownColumns": {
        "table.columns_unknown": "Some columns are unknown; the hint has a map of them.",
    },
    "UnknownHandle": {
        "handle.unknown": "No account has this handle.",
    },
    "UnknownRule": {
        "rule.invalid": "The text is not a recurrence; the hint shows what can be read.",
    },
    "UnknownZone": {
        "zone.unknown": "A time zone that is not in the IANA database, or not clear.",
    },
    "UnreadableRow": {
        "row.unreadable": "A row of the database cannot be read; what it describes is left alone.",
    },
    "UploadGone": {
        "upload.gone": "There is no such upload, or it is finished.",
    },
    "UploadStopped": {
        "video.upload_stopped": "The program was asked to stop while the video service worked on a video.",
    },
    "UsageError": {
        "command.misused": "The command line does not fit the command.",
    },
    "VideoServiceUnavailable": {
        "video.service_unavailable": "The video service cannot be reached, is overloaded, or failed.",
        "video.token_refused": "The video service does not accept the token, nor a new one.",
    },
    "WrongKey": {
        "vault.wrong_key": "The key does not open what is stored.",
    },
    "WrongMediaType": {
        "body.wrong_type": "The body has an unsupported type.",
    },
    "WrongPassword": {
        "login.wrong_password": "The server does not know this account, or the password is wrong.",
    },
    "MissedTime": {
        "post.missed": "Its time was missed, and its policy keeps it from going out late.",
    },
    "NeedsLogin": {
        "account.needs_login": "The account has to sign in again before its posts go out.",
    },
    "FoundOnNetwork": {
        "post.found": "The post was on the network already, so nothing was written.",
    },
    "NotApproved": {
        "post.not_approved": "This version of the post has not been approved.",
    },
    "Rejected": {
        "post.rejected": "The post was rejected.",
    },
    "Deleted": {
        "post.deleted": "The post was published, and has been deleted since.",
    },
    "HeldByUser": {
        "post.held": "The post is held until it is released.",
    },
}
_NAMES = {code: name for name, codes in CODES.items() for code in codes}


def name_of(code: str) -> str:
    """The name of the class that a code belongs to."""
    return _NAMES.get(code, code)
