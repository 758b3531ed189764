"""What is asked of each operation, tool and page: ordinary fields, with the names of the filled world as %name%.

What lives here: the tables. What does not: asking (`operations`, `pages`), and what the names are (`world`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Raw(NamedTuple):
    """A request whose body is no document; with `head` alone nothing but the head of the answer is read."""

    method: str
    path: str
    body: str = ""
    headers: Mapping[str, str] = {}
    head: bool = False


Fields = Mapping[str, Any]
NEVER = {"id": "999"}
AT = "2026-03-20T15:00:00Z"
TEXT = "Hello @bob.test #news %web%/news/1"
UPLOAD = {"upload-length": "5", "upload-metadata": "name ZS50eHQ=", "tus-resumable": "1.0.0"}
# Posts that differ in what is shown of them.
SHOWN = (
    *("published", "popular", "scheduled", "late", "draft", "held", "cancelled", "waiting", "proposed", "thread"),
    *("with-image", "daves"),
)


def _one(name: str, /, *more: Fields, **fields: Any) -> tuple[Fields, ...]:
    """Requests for one thing with these fields, and for one that never was."""
    return ({"id": f"%{name}%", **fields}, *({"id": f"%{name}%", **each} for each in more), {**NEVER, **fields})


OPERATIONS: dict[str, tuple[Fields | Raw, ...]] = {
    "accounts.edit": (
        {"account": "alice.test", "langs": ["de"], "gap_seconds": 0},
        {"account": "bob.test", "zone": "Nowhere"},
    ),
    "accounts.get": ({"account": "alice.test"}, {"account": "dave.test"}, {"account": "nobody.test"}),
    "accounts.list": ({},),
    "bulk.approve": ({"posts": [{"id": "%scheduled%", "digest": "0"}]},),
    "bulk.cancel": ({"posts": [{"id": "%scheduled%"}]}, {"posts": [{"id": "%scheduled%"}, {"id": "999"}]}),
    "bulk.copy": ({"posts": [{"id": "%published%"}], "to": "bob.test", "draft": True}, {"posts": [{"id": "%draft%"}]}),
    "bulk.shift": (
        {"posts": [{"id": "%scheduled%"}], "by": "1d"},
        {"posts": [{"id": "%scheduled%"}, {"id": "%published%"}], "by": "-1d"},
        {"posts": [{"id": "%scheduled%"}], "by": "soon"},
    ),
    "calendars.add": ({"name": "mine", "account": "alice.test"}, {}),
    "calendars.list": ({},),
    "calendars.revoke": _one("calendar"),
    "changes.undo": ({"change": "none"},),
    "drafts.pull": ({}, {"account": "bob.test"}),
    "events.stream": (Raw("GET", "/api/v1/events", head=True),),
    "feeds.add": ({"url": "%web%/other.xml", "backfill": 1}, {"url": "%web%/none"}, {"url": "%web%/feed.xml"}),
    "feeds.check": _one("feed"),
    "feeds.edit": _one("feed", {"template": "{{ nothing"}, template="{{ title }}", most=3),
    "feeds.get": _one("feed"),
    "feeds.list": ({},),
    "feeds.preview": ({"url": "%web%/feed.xml", "limit": 2}, {"url": "%web%/broken.xml"}),
    "feeds.remove": _one("feed"),
    "follow_ups.add": _one("published", {"when": "soon", "reply": "No"}, when="5 likes", reply="Thanks"),
    "follow_ups.cancel": _one("follow-up"),
    "answers.list": ({}, {"account": "bob.test"}),
    "answers.pause": ({}, {"account": "nobody.test"}),
    "follow_ups.list": ({}, {"post": "%popular%"}),
    "groups.add": (
        {"text": "Both", "accounts": ["alice.test", "bob.test"], "at": "2026-04-01T09:00:00Z"},
        {"text": "Nobody", "accounts": ["nobody.test"], "at": "2026-04-01T09:00:00Z"},
    ),
    "groups.cancel": _one("scheduled"),
    "groups.get": _one("scheduled"),
    "groups.move": _one("scheduled", {"at": "noonish"}, at="2026-04-01T09:00:00Z"),
    "health": (Raw("GET", "/healthz"),),
    "history.list": ({}, {"limit": 2}, {"state": "cancelled"}, {"account": "bob.test"}, {"text": "oven"}),
    "posts.create_many": (
        {"posts": [{"text": "One of many", "at": AT, "key": "many-1"}], "dry_run": True},
        {"posts": [{"text": "x" * 301}, {"text": "Fine"}]},
    ),
    "stats.show": ({}, {"by": "weekday"}, {"by": "moon"}),
    "imports.create": (
        {"name": "plan.csv", "text": "text,at\nHello,2026-04-01T09:00:00Z", "dry_run": True},
        {"name": "plan.csv", "text": "text,at\nHello,2026-04-01T09:00:00Z"},
        {"name": "plan.csv", "text": "text,at\nHello,sometime", "partial": True},
        {"name": "plan.txt", "text": "Hello"},
    ),
    "hooks.add": (
        {"name": "shop", "kind": "shopify", "template": "{{ name }}", "account": "bob.test"},
        {"name": "Shop!", "kind": "shopify", "template": "{{ name }}"},
        {"name": "shop", "kind": "none", "template": "{{ name }}"},
    ),
    "hooks.edit": _one("hook", publish=True),
    "hooks.get": _one("hook"),
    "hooks.list": ({},),
    "hooks.remove": _one("hook"),
    "hooks.replace_secret": _one("hook", {"secret": "a secret that is long enough"}),
    "hooks.test": _one("hook", {"message": "{}"}, message='{"release": {"name": "Kite 2.0"}}'),
    "snippets.add": (
        {"name": "shop", "text": "Open daily", "account": "bob.test"},
        {"name": "signed", "text": "Bob", "account": "bob.test", "signature": True},
        {"name": "Shop!", "text": "Open daily"},
    ),
    "snippets.get": _one("snippet"),
    "snippets.list": ({}, {"account": "bob.test"}),
    "snippets.remove": _one("snippet"),
    "inbox.answer": _one("item-1", {"text": "Later", "at": AT}, text="Yes"),
    "inbox.done": _one("item-1"),
    "inbox.list": ({}, {"done": True}, {"account": "bob.test"}),
    "inbox.snooze": _one("item-1", {"until": "never"}, until="in 2 hours"),
    "keys.add": ({"name": "new", "scopes": ["read"]}, {"name": "x", "scopes": ["all"]}, {"name": ""}),
    "keys.list": ({},),
    "keys.revoke": _one("reader"),
    "media.drop": ({"media": "%media%"}, {"media": "none"}),
    "media.get": ({"media": "%media%"}, {"media": "none"}),
    "media.list": ({},),
    "media.upload": (
        Raw("POST", "/api/v1/media?name=a.txt", "no picture", {"content-type": "text/plain"}),
        Raw(
            "POST",
            "/api/v1/media?name=a.vtt",
            "WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n",
            {"content-type": "text/vtt"},
        ),
    ),
    "people.edit": _one("writer", role="viewer"),
    "people.invite": ({"name": "Zoe", "role": "writer"}, {"name": "Zoe", "role": "king"}),
    "people.list": ({},),
    "people.remove": _one("writer"),
    "plan.show": ({"from": "2026-03-16", "to": "2026-03-23"}, {"from": "2026-03-30", "to": "2026-03-23"}),
    "posts.approval": _one("waiting"),
    "posts.approve": _one("waiting", {"digest": "wrong"}, digest="%digest%"),
    "posts.cancel": ({"id": "%scheduled%"}, {"id": "%published%"}, {"id": "%draft%"}, NEVER),
    "posts.check_text": ({"text": TEXT}, {"text": "x" * 301}, {"text": "x " * 200, "split": True}),
    "posts.create": (
        {"text": "Hello", "at": AT, "key": "made"},
        {"text": "Hello", "at": AT, "key": "made"},
        {"text": "Other", "at": AT, "key": "made"},
        {"text": "Draft", "draft": True},
        {"text": "Now", "now": True},
        {
            "text": TEXT,
            "at": "fri 9:00",
            "account": "bob.test",
            "labels": ["nudity"],
            "langs": ["de"],
            "late": "skip:30m",
        },
        {"text": "Media", "at": AT, "images": [{"media": "%media%", "alt": "The sea"}]},
        {"thread": [{"text": "One"}, {"text": "Two"}], "at": AT, "replies": ["nobody"]},
        {"text": "No", "at": "yesterday or so"},
        {"text": "x" * 301, "at": AT},
        {"txt": "No"},
    ),
    "posts.edit": _one("scheduled", {"langs": ["xx-no"]}, text="Other"),
    "posts.get": (*({"id": f"%{name}%"} for name in SHOWN), NEVER),
    "posts.hold": _one("scheduled"),
    "posts.list": (
        {},
        {"limit": 2},
        {"state": "held"},
        {"account": "bob.test"},
        {"from": "2026-03-20", "to": "2026-03-21"},
        {"text": "friday"},
        {"limit": 0},
    ),
    "posts.move": _one("scheduled", {"at": "03/04/2026"}, at="sat 9:00"),
    "posts.preview": ({"text": TEXT}, {"text": ""}, {"thread": [{"text": "One"}, {"text": "Two"}]}),
    "posts.reject": _one("waiting", note="Not yet"),
    "posts.release": ({"id": "%held%"}, {"id": "%late%"}, {"id": "%published%"}, NEVER),
    "posts.retry": ({"id": "%late%"}, {"id": "%published%"}, NEVER),
    "posts.unpublish": _one("published"),
    "recurrences.add": ({"text": "Each day", "every": "0 9 * * *", "zone": "UTC"}, {"text": "No", "every": "never"}),
    "recurrences.approval": _one("waiting-recurring"),
    "recurrences.approve": _one("waiting-recurring", digest="wrong"),
    "recurrences.change_occurrence": _one(
        "recurring", {"occurrence": "2026-03-28T13:00:00Z"}, occurrence="2026-03-27T13:00:00Z"
    ),
    "recurrences.get": _one("recurring"),
    "recurrences.list": ({}, {"account": "bob.test"}),
    "recurrences.reject": _one("waiting-recurring", note="No"),
    "recurrences.stop": _one("recurring"),
    "reposts.cancel": _one("repost"),
    "reposts.create": (
        {"target": "%published%", "at": AT, "key": "again"},
        {"target": "%uri%", "every": "mondays 9:00"},
        {"target": 999},
    ),
    "reposts.get": _one("repost"),
    "reposts.list": ({}, {"account": "bob.test"}),
    "reposts.pin": ({"target": "%published%", "at": AT},),
    "reposts.unpin": ({"target": "%published%", "at": AT},),
    "slots.list": ({"account": "alice.test"}, {"account": "nobody.test"}),
    "slots.set": (
        {"account": "alice.test", "slots": [{"weekday": 1, "minute": 540, "zone": "UTC"}]},
        {"account": "alice.test", "slots": [{"weekday": 9, "minute": 1}]},
    ),
    "status.show": ({},),
    "uploads.append": (
        Raw(
            "PATCH",
            "/api/v1/media/uploads/none",
            "Hello",
            {**UPLOAD, "upload-offset": "0", "content-type": "application/offset+octet-stream"},
        ),
    ),
    "uploads.begin": (Raw("POST", "/api/v1/media/uploads", "", UPLOAD), Raw("POST", "/api/v1/media/uploads")),
    "uploads.drop": (Raw("DELETE", "/api/v1/media/uploads/none", "", UPLOAD),),
    "uploads.offset": (Raw("HEAD", "/api/v1/media/uploads/none", "", UPLOAD),),
    "ways.add": (
        {"url": "%web%/answer", "account": "bob.test"},
        {"url": "ftp://x"},
        {"url": "%web%/x", "only": ["like"]},
        {"grammar": {"origin": ["Hello!", "Hi!"]}, "account": "bob.test"},
    ),
    "ways.answers": ({}, {"account": "bob.test"}),
    "ways.edit": _one("way", state="paused"),
    "ways.get": _one("way"),
    "ways.list": ({},),
    "ways.remove": _one("way"),
    "webhooks.add": (
        {"url": "%web%/new", "kinds": ["post.published"]},
        {"url": "ftp://x"},
        {"url": "%web%/x", "kinds": ["nothing"]},
    ),
    "webhooks.deliveries": _one("webhook", {"limit": 1}),
    "webhooks.edit": _one("webhook", {"state": "none"}, name="other"),
    "webhooks.get": _one("webhook"),
    "webhooks.list": ({},),
    "webhooks.remove": _one("webhook"),
    "webhooks.replace_secret": _one("webhook"),
    "webhooks.replay": ({"id": "%webhook%", "delivery": "%delivery%"}, {"id": "%webhook%", "delivery": "999"}),
    "webhooks.test": _one("webhook"),
}
TOOLS: dict[str, tuple[Fields, ...]] = {
    "cancel_post": ({"id": "%draft%"}, {"id": 999}),
    "draft_post": ({"text": "By an agent", "key": "agent-9", "at": AT}, {"text": "No key"}),
    "edit_post": ({"id": "%draft%", "text": "Better"}, {"id": 999, "text": "No"}),
    "get_post": ({"id": "%published%"}, {"id": 999}),
    "list_accounts": ({},),
    "add_follow_up": ({"id": "%published%", "when": "7 likes", "reply": "Thanks"}, {"id": 999, "when": "7 likes"}),
    "list_history": ({"limit": 2},),
    "list_inbox": ({},),
    "list_recurrences": ({},),
    "list_posts": ({"limit": 2}, {"state": "nothing"}),
    "move_post": ({"id": "%scheduled%", "at": "sat 9:00"}, {"id": "%scheduled%", "at": "03/04/2026"}),
    "preview_post": ({"text": TEXT}, {"text": "x" * 301}),
    "publish_post": ({"text": "At once", "key": "agent-10"},),
    "repeat_post": ({"text": "Each day", "every": "daily 9:00"}, {"text": "No", "every": "sometimes"}),
    "repost_post": ({"target": "%uri%", "key": "agent-11", "at": AT},),
    "schedule_post": (
        {"text": "On Friday", "key": "agent-12", "at": "fri 9:00"},
        {"text": "No", "key": "x", "at": "?"},
    ),
    "show_plan": ({"from": "2026-03-16", "to": "2026-03-23"},),
    "show_stats": ({}, {"by": "moon"}),
    "show_status": ({},),
    "upload_media": ({"data": "?"}, {"data": "aGVsbG8=", "more": True}),
}
# The addresses of pages with something in them, and others that are worth a look; the rest is asked for as it is.
PAGES: dict[str, tuple[str, ...]] = {
    "/": ("/", "/?week=2026-03-23", "/?from=2026-03-16", "/?account=bob.test"),
    "/compose": (
        "/compose",
        "/compose?post=%scheduled%",
        "/compose?copy=%published%",
        "/compose?at=2026-03-20T09:00",
        "/compose?id=%draft%",
    ),
    "/compose/time": ("/compose/time?at=tomorrow+9:00", "/compose/time?at=03/04/2026", "/compose/time"),
    "/compose/people": ("/compose/people?q=bo", "/compose/people"),
    "/image/{}": ("/image/%media%", "/image/none"),
    "/posts/{}": (*(f"/posts/%{name}%" for name in SHOWN), "/posts/999"),
    "/history": ("/history", "/history?text=oven", "/history?state=cancelled"),
    "/inbox": ("/inbox", "/inbox?done=yes", "/inbox?account=bob.test"),
    "/stats": ("/stats", "/stats?by=hour", "/stats?after=24"),
    "/ways": ("/ways",),
    "/oauth/{}.json": ("/oauth/client-metadata.json", "/oauth/jwks.json", "/oauth/none.json"),
    "/oauth/callback": ("/oauth/callback", "/oauth/callback?state=none&code=x"),
    "/authorize": ("%authorize%", "/authorize"),
    "/sign-in/{}": ("/sign-in/none",),
    "/calendar/{}.ics": ("%calendar-path%", "/calendar/none.ics"),
    "/review/{}": ("%review-path%", "/review/none"),
    "/review/{}/image/{}": ("%review-path%/image/none", "/review/none/image/none"),
    "/rss/{}.xml": ("%rss-path%", "/rss/none.xml"),
    "/api/v1/media/uploads/{}": (),
}
GRAMMAR = '{"origin": "Hello #who#!", "who": ["you", "all"]}'
# What is written into the fields of a form before it is sent, by its address; all others go out as they stand.
FORMS: dict[str, tuple[Mapping[str, str], ...]] = {
    "/accounts/settings": ({"langs": "de", "gap_seconds": "120"}, {"zone": "Nowhere"}),
    "/accounts/sign-in": ({"handle": "bob.test", "password": "%bobs-password%", "server": "%pds%"},),
    "/accounts/slots": ({"day0": "9:00, 12:00"}, {"day0": "noon or so"}),
    "/authorize": ({"decision": "allow"}, {"decision": "deny"}),
    "/compose": (
        {"text": "Written on the page", "mode": "draft"},
        {"text": "Written on the page", "mode": "at", "at": "2026-03-20T09:00"},
        {"text": "Written on the page", "mode": "now"},
        {"text": "Each week", "mode": "every", "every": "mondays 9:00"},
        {"text": "No", "mode": "at", "at": "03/04/2026"},
    ),
    "/feeds/{}/edit": ({"template": "{{ title }}!"},),
    "/inbox/{}/answer": ({"text": "Yes, we do"}, {"text": "Later", "at": "2026-03-20T09:00"}),
    "/inbox/{}/snooze": ({"until": "in 2 hours"},),
    "/move": ({"id": "%scheduled%", "at": "2026-03-21T09:00"},),
    "/posts/{}/follow": ({"when": "5 likes", "reply": "Thanks"}, {"when": "5 likes", "repost": "yes"}),
    "/posts/{}/move": ({"at": "2026-03-21T09:00"}, {"at": "03/04/2026"}),
    "/recurrences/add": (
        {"every": "daily 9:00", "account": "alice.test", "grammar": GRAMMAR, "distinct": "2"},
        {"every": "daily 9:00", "account": "alice.test", "grammar": "bot.json"},
    ),
    "/recurrences/{}/texts": ({"grammar": GRAMMAR}, {"grammar": GRAMMAR, "distinct": "9"}),
    "/recurrences/{}/move": ({"to": "2026-03-27T16:00"},),
    "/ways/add": ({"url": "%web%/answer", "account": "alice.test"},),
    "/ways/grammar": ({"grammar": GRAMMAR, "account": "alice.test"}, {"grammar": "", "account": "alice.test"}),
    "/ways/{}": ({"action": "pause"}, {"action": "none"}),
    "/settings/hook/{}": ({"action": "publish"}, {"action": "none"}),
    "/settings/snippet/{}/remove": ({},),
    "/settings/snippets": ({"name": "bye", "text": "Goodbye"}, {"name": "Bye!", "text": "Goodbye"}),
    "/settings/hooks": (
        {"name": "articles", "kind": "ghost", "template": "{{ post.current.title }}", "account": "alice.test"},
    ),
    "/settings/calendar/{}": ({"action": "remove"}, {"action": "revoke"}),
    "/settings/keys": ({"name": "On the page", "scope-read": "on"},),
    "/settings/people": ({"name": "Zoe", "role": "writer"},),
    "/settings/person/{}": ({"action": "role", "role": "approver"}, {"action": "link"}),
    "/settings/webhooks": (
        {"url": "%web%/page", "name": "On the page"},
        {"url": "%web%/some", "kind-post.failed": "1"},
    ),
}
# What is sent where no form of the filled world sends to: by sign-ins of programs and passkeys, by buttons with an
# address of their own, and by forms that stand there only at times.
POSTS: dict[str, tuple[Mapping[str, str], ...]] = {
    "/answers/label": ({"account": "alice.test"},),
    "/answers/pause": ({"account": "alice.test"}, {"account": "nobody.test"}),
    "/answers/resume": ({"account": "alice.test"},),
    "/approvals/{}/{}": ({},),
    "/bulk/approve": ({"post-%waiting%": "1"}, {"post-%scheduled%": "1"}, {}),
    "/bulk/cancel": ({"post-%scheduled%": "1"}, {}),
    "/bulk/copy": ({"post-%scheduled%": "1", "to": "bob.test", "by": "1d"}, {"post-%scheduled%": "1"}, {}),
    "/bulk/shift": ({"post-%scheduled%": "1", "by": "1d"}, {"post-%scheduled%": "1", "by": ""}, {"by": "1d"}),
    "/feeds/{}/{}": ({},),
    "/inbox/collect": ({},),
    "/inbox/{}/done": ({},),
    "/posts/{}/again": ({},),
    "/posts/{}/unfollow": ({"follow_up": "%follow-up%"},),
    "/settings/calendars": ({"name": "On the page"},),
    "/settings/key/{}": ({"action": "revoke"},),
    "/settings/webhook/{}": ({"action": "test"}, {"action": "none"}),
    "/sign-out": ({},),
    "/undo": ({}, {"change": "none"}),
    "/move": ({"id": "%scheduled%", "at": "2026-03-21T09:00", "back": "/"},),
    "/posts/{}/take-back": ({},),
    "/posts/{}/together/move": ({"at": "2026-03-21T09:00"},),
    "/posts/{}/together/cancel": ({},),
    "/hooks/{}": ({},),
    "/review/{}": ({"decision": "approve"},),
    "/posts/{}/{}": ({},),
    "/media/drop": ({"media": "%media%"},),
    "/accounts/{}": ({},),
    "/feeds/add": ({"url": "%web%/other.xml"}, {"url": "%web%/none"}),
    "/oauth/begin": ({"handle": "bob.test"},),
    "/oauth/finish": ({},),
    "/passkeys": ({},),
    "/passkeys/options": ({},),
    "/passkeys/sign-in": ({},),
    "/passkeys/sign-in/options": ({},),
    "/recurrences/{}/{}": ({},),
    "/register": ({},),
    "/revoke": ({"token": "none"},),
    "/settings/agents/end": ({"agent": "1"},),
    "/settings/passkeys/remove": ({"passkey": "none"},),
    "/settings/{}/{}": ({},),
    "/token": ({"grant_type": "authorization_code", "code": "none", "client_id": "none"}, {"grant_type": "none"}),
}
