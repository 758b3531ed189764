"""One JSON shape for each value: the command line, HTTP, MCP and webhooks say the same of the same thing.

What does not live here: what the values are (`test_commands`, `tests/server/test_api.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.app.operations import OPERATIONS, Access
from skywrite.core.errors import SkywriteError
from skywrite.faces.server.app import make_app
from skywrite.faces.server.security import Origin
from skywrite.features.agents.tools import error_of, find_tool
from skywrite.features.answers.store import InboxItems, NewItem
from skywrite.features.feeds.model import NewFeed
from skywrite.features.feeds.store import FeedStore
from skywrite.features.keys.operations import add_key
from skywrite.queue.api_keys import SCOPES
from skywrite.queue.model import Slot
from skywrite.queue.webhooks import Webhooks
from tests.support.shell import Shell

TABLE = "text,at\nFrom a table,2040-01-05T09:00:00Z\n"


class Asked(NamedTuple):
    """One question on three faces. `part`: HTTP and MCP wrap lists, and `unwrap` is where the command line does."""

    words: tuple[str, ...]
    path: str
    part: str = ""
    body: Mapping[str, Any] | None = None
    unwrap: str = ""
    arguments: Mapping[str, Any] = {}


# Operations that only read or show, and the command that asks the same.
READS: dict[str, Asked] = {
    "posts.list": Asked(
        ("queue", "--state", "scheduled"), "/posts?state=scheduled", "posts", None, "", {"state": "scheduled"}
    ),
    "posts.get": Asked(("show", "2"), "/posts/2", arguments={"id": 2}),
    "posts.preview": Asked(("preview", "Hello"), "/posts/preview", "", {"text": "Hello"}, "", {"text": "Hello"}),
    "posts.approval": Asked(("approve", "2"), "/posts/2/approval"),
    "history.list": Asked(("history",), "/history", "posts"),
    "imports.create": Asked(
        ("import", "plan.csv", "--dry-run"),
        "/imports",
        "rows",
        {"name": "plan.csv", "text": TABLE, "dry_run": True},
        "rows",
    ),
    "recurrences.list": Asked(("recurring", "list"), "/recurrences", "recurrences"),
    "recurrences.get": Asked(("recurring", "show", "1"), "/recurrences/1"),
    "recurrences.approval": Asked(("approve", "recurring:1"), "/recurrences/1/approval"),
    "groups.get": Asked(("groups", "show", "3"), "/posts/3/group"),
    "follow_ups.list": Asked(("follow-ups",), "/follow-ups", "follow_ups"),
    "reposts.list": Asked(("reposts",), "/reposts", "reposts"),
    "feeds.list": Asked(("feed", "list"), "/feeds", "feeds"),
    "hooks.list": Asked(("hooks",), "/hooks", "hooks"),
    "snippets.list": Asked(("snippets",), "/snippets", "snippets"),
    "snippets.get": Asked(("snippets", "show", "a"), "/snippets/1"),
    "answers.list": Asked(("answers",), "/answers", "bots"),
    "inbox.list": Asked(("inbox",), "/inbox", "items"),
    "accounts.list": Asked(("accounts",), "/accounts", "accounts"),
    "accounts.get": Asked(("whoami",), "/accounts/alice.test"),
    "slots.list": Asked(("slots",), "/accounts/alice.test/slots", "slots"),
    "keys.list": Asked(("keys", "list"), "/keys", "keys"),
    "ways.list": Asked(("answers", "ways"), "/ways", "ways"),
    "stats.show": Asked(("stats",), "/stats"),
    "drafts.pull": Asked(("drafts", "pull"), "/drafts/pull", "drafts", {}),
}
# Operations that change something: the command and the request, each about a thing of its own of the same kind.
CHANGES: dict[str, tuple[tuple[str, ...], str, Mapping[str, Any]]] = {
    "posts.create": (
        ("post", "One", "--at", "2040-01-05T10:00:00Z", "--key", "one"),
        "/posts",
        {"text": "Two", "at": "2040-01-05T11:00:00Z", "key": "two"},
    ),
    "posts.edit": (("edit", "3", "Changed"), "/posts/4", {"text": "Changed, too"}),
    "posts.move": (("move", "3", "2040-01-06T09:00:00Z"), "/posts/4/move", {"at": "2040-01-06T10:00:00Z"}),
    "groups.move": (
        ("groups", "move", "3", "2040-01-06T09:00:00Z"),
        "/posts/4/group/move",
        {"at": "2040-01-06T10:00:00Z"},
    ),
    "posts.hold": (("hold", "3"), "/posts/4/hold", {}),
    "posts.release": (("release", "3"), "/posts/4/release", {}),
    "posts.reject": (("reject", "3", "--by", "Berta"), "/posts/4/reject", {}),
    "bulk.shift": (("shift", "3", "--by", "1d"), "/bulk/shift", {"posts": [{"id": 4}], "by": "1d"}),
    "bulk.copy": (("copy", "3", "--by", "1d"), "/bulk/copy", {"posts": [{"id": 4}], "by": "1d"}),
    "groups.cancel": (("groups", "cancel", "3"), "/posts/4/group", {}),
    "posts.cancel": (("cancel", "3"), "/posts/4", {}),
    "recurrences.change_occurrence": (
        ("recurring", "skip", "1", "2040-01-09T09:00:00Z"),
        "/recurrences/1/occurrences",
        {"occurrence": "2040-01-16T09:00:00Z"},
    ),
    "recurrences.reject": (("reject", "recurring:1", "--by", "Berta"), "/recurrences/1/reject", {}),
    "groups.add": (
        ("groups", "add", "One", "--account", "alice.test", "--at", "2040-01-05T10:00:00Z", "--key", "three"),
        "/groups",
        {"text": "Two", "accounts": ["alice.test"], "at": "2040-01-05T11:00:00Z", "key": "four"},
    ),
    "follow_ups.add": (
        ("follow-up", "1", "--when", "50 likes", "--reply", "More"),
        "/posts/1/follow-ups",
        {"when": "60 likes", "reply": "More"},
    ),
    "follow_ups.cancel": (("follow-ups", "cancel", "1"), "/follow-ups/2", {}),
    "reposts.cancel": (("reposts", "cancel", "1"), "/reposts/2", {}),
    "hooks.add": (
        ("hooks", "add", "c", "--kind", "github", "--template", "Hello"),
        "/hooks",
        {"name": "d", "kind": "github", "template": "Hello"},
    ),
    "hooks.edit": (("hooks", "edit", "a", "--publish"), "/hooks/2", {"publish": True}),
    "hooks.replace_secret": (("hooks", "secret", "a"), "/hooks/2/secret", {}),
    "snippets.add": (("snippets", "add", "c", "Hello"), "/snippets", {"name": "d", "text": "Hello, too"}),
    "inbox.snooze": (("inbox", "snooze", "1", "2040-01-05 9:00"), "/inbox/1/snooze", {"until": "2040-01-05 9:00"}),
    "recurrences.stop": (("recurring", "stop", "1"), "/recurrences/2", {}),
    "keys.add": (("keys", "add", "--name", "a"), "/keys", {"name": "b"}),
    "keys.revoke": (("keys", "revoke", "2"), "/keys/3", {}),
}
# What is only asked over HTTP, or has another meaning on the command line.
HTTP_ONLY = {
    "posts.approve": "it answers with the post, as posts.release does",
    "posts.retry": "as posts.release",
    "bulk.approve": "as posts.approve",
    "bulk.cancel": "the command `cancel` takes several, and answers with a line for each",
    "changes.undo": "the command `undo` takes back the last change, and says in words what it was",
    "posts.create_many": "as imports.create",
    "posts.unpublish": "the command says only what it deleted: it may be no post of the queue",
    "posts.check_text": "the page asks it at each keystroke",
    "media": "files are uploaded over HTTP only",
    "recurrences.add": "the command answers with the first post",
    "recurrences.approve": "as recurrences.reject",
    "reposts.create": "as reposts.cancel",
    "reposts.pin": "as reposts.cancel",
    "reposts.unpin": "as reposts.cancel",
    "reposts.get": "as reposts.cancel",
    "feeds": "as feeds.list; they ask the network",
    "hooks.get": "as hooks.list",
    "hooks.remove": "the command says which",
    "snippets.remove": "the command says which",
    "hooks.test": "the command reads a file",
    "answers.pause": "as answers.list",
    "ways": "the command line adds commands, which no request does",
    "inbox.answer": "it answers with a post, as posts.edit does",
    "inbox.done": "the command takes several, and says which",
    "accounts.edit": "the command says the settings",
    "slots.set": "as slots.list",
    "plan": "the page shows it",
    "status.show": "`doctor` calls wrong what the status only notes",
    "webhooks": "they are set up over HTTP or on the page",
    "calendars": "as webhooks",
    "people": "as webhooks",
}


@dataclass
class Faces:
    """One queue on all faces."""

    shell: Shell
    client: TestClient
    secret: str
    access: Access

    def cli(self, words: tuple[str, ...], unwrap: str = "") -> Any:
        answer = self.shell(*words, "--json").json
        return answer[unwrap] if unwrap else answer

    def http(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"authorization": f"Bearer {self.secret}"}
        answer = self.client.request(method, f"/api/v1{path}", json=body, headers=headers)
        return answer.json()

    def mcp(self, name: str, arguments: Mapping[str, Any]) -> Any:
        return unmarked(find_tool(name).call(self.access, arguments))


def unmarked(value: Any) -> Any:
    """A result for agents without the marks of what somebody else wrote."""
    if isinstance(value, list):
        return [unmarked(item) for item in value]
    if isinstance(value, dict):
        return value["by_others"] if value.keys() == {"by_others"} else {k: unmarked(v) for k, v in value.items()}
    return value


@pytest.fixture
def faces(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faces]:
    """A queue that holds one of everything, or more."""
    shell("post", "Published")
    shell("accounts", "set", "approval=all", "zone=UTC", "gap_seconds=600")
    (shell.home / "plan.csv").write_text(TABLE)
    monkeypatch.chdir(shell.home)
    with Skywrite() as sky:
        _fill(sky)
        _, secret = add_key(sky, "all", SCOPES)
        access = Access(sky, frozenset(SCOPES), who="somebody")
        client = TestClient(make_app(sky, Origin.of(None)), base_url="http://127.0.0.1")
        with client:
            yield Faces(shell, client, secret, access)


def _fill(sky: Skywrite) -> None:
    did, now = sky.accounts.get().did, datetime.now(UTC)
    for minute in range(3):
        sky.schedule(f"Post {minute}", at=f"2040-01-05T09:0{minute}:00Z", source="feed:1")
    for number in range(2):
        sky.schedule(f"Again {number}", every="mondays 9:00", at="2040-01-08 9:00", zone="UTC")
        sky.follow_ups.add(1, when=f"{number + 5} likes", reply="More")
        sky.reposts.repost(1, at=f"2040-01-0{number + 5} 9:00")
        reply = f"at://did:plc:carol/app.bsky.feed.post/{number}"
        item = NewItem(
            account_did=did,
            uri=reply,
            cid="bafyreiexample",
            reason="reply",
            author_did="did:plc:carol",
            author_handle="carol.test",
            text="Well",
            subject=sky.posts.get(1).post.uri,
            indexed_at=now,
        )
        InboxItems(sky.context.store).add([item])
        add_key(sky, f"key {number}", ["read"])
    sky.accounts.set_slots(None, [Slot(0, 540, "UTC")])
    sky.accounts.set(None, {"answers": "paused"})
    FeedStore(sky.context.store).release_feed(
        FeedStore(sky.context.store).add_feed(NewFeed("https://a.example/feed", (did,), "A feed", {}), "w", 60)
    )
    sky.ways.add_webhook("https://answer.example/")
    for name in ("a", "b"):
        sky.snippets.add(name, "Hello")
        sky.hooks.add(name, template="Hello", kind="github")
    Webhooks(sky.context.store).add("https://hook.example/", "hook")


def test_every_operation_has_its_command_or_a_reason() -> None:
    """What is added to the table is compared with the command line here, or it is said why not."""
    left = {name for name in OPERATIONS if name not in READS and name not in CHANGES}
    assert set() == {name for name in left if not {name, name.partition(".")[0]} & set(HTTP_ONLY)}


def test_what_is_read_is_the_same_on_all_faces(faces: Faces) -> None:
    """A post, a feed, an account and whatever else can be shown: the same keys and values, wherever one asks."""
    told: dict[str, list[Any]] = {}
    for name, asked in READS.items():
        operation = OPERATIONS[name]
        answer = faces.http(operation.method, asked.path, asked.body)
        told[name] = [faces.cli(asked.words, asked.unwrap), answer[asked.part] if asked.part else answer]
        if operation.tool is not None:
            document = faces.mcp(operation.tool, asked.arguments)
            told[name].append(document[asked.part] if asked.part else document)
    assert [] == [name for name, (first, *_) in told.items() if first in ([], {}) and name != "drafts.pull"]
    for name, (first, *others) in told.items():
        for other in others:
            assert first == other, name


def test_a_page_of_posts_says_when_they_go_out(faces: Faces) -> None:
    """Whichever page a post is on, and however one asks for it, the pace of its account makes it as late."""
    whole = [(post["id"], post["goes_out_at"]) for post in faces.cli(("queue", "--state", "scheduled"))]
    pages, path = [], "/posts?state=scheduled&limit=1"
    answer = faces.http("GET", path)
    while answer["next_cursor"]:
        pages += answer["posts"]
        answer = faces.http("GET", f"{path}&cursor={answer['next_cursor']}")
    pages += answer["posts"]
    assert whole == [(post["id"], post["goes_out_at"]) for post in pages]
    assert whole == [(number, faces.http("GET", f"/posts/{number}")["goes_out_at"]) for number, _ in whole]
    assert {"2040-01-05T09:10:00.000Z", "2040-01-05T09:20:00.000Z"} <= {at for _, at in whole}


def test_what_is_changed_has_the_same_keys_on_all_faces(faces: Faces) -> None:
    """The answer to a change is the thing as it is now, with the same keys."""
    for name, (words, path, body) in CHANGES.items():
        first = faces.cli(words)
        assert list(first) == list(faces.http(OPERATIONS[name].method, path, body)), name


def test_an_error_is_the_same_on_all_faces(faces: Faces) -> None:
    """It has a name, a code, a message and a hint, and its face only says the hint in its own words."""
    first = faces.shell("show", "99", "--json", code=None).json
    problem = faces.http("GET", "/posts/99")
    try:
        faces.mcp("get_post", {"id": 99})
        tool = {}
    except SkywriteError as error:
        tool = error_of(error)
    names = {"error", "code", "message", "hint"}
    assert names == set(first) == set(tool) == names & set(problem)
    errors = [(answer["error"], answer["code"], answer["message"]) for answer in (first, tool, problem)]
    assert 1 == len(set(errors)), errors


def test_a_webhook_says_of_a_post_what_all_faces_say(faces: Faces) -> None:
    """Its message has some keys of a post, with the values that the post has; only an error is told by name."""
    faces.shell("cancel", "2")
    (message,) = [
        json.loads(item.body)
        for item in Webhooks(faces.access.sky.context.store).deliveries(1, limit=50)
        if item.kind == "post.cancelled"
    ]
    post, data = faces.cli(("show", "2")), message["data"]
    assert {"error": None, "message": None} == {name: data.pop(name) for name in ("error", "message")}
    assert data == {name: post.get(name) for name in data}
