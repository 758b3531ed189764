"""What the sandbox's AppView answers: threads, counts, profiles, lists, packs, feeds and drafts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.http import Response
from skywrite.sandbox import Request, Sandbox

NOW = "2026-11-24T12:00:00.000Z"


class Person:
    """An account that writes and reads."""

    def __init__(self, box: Sandbox, handle: str) -> None:
        self.box, self.account = box, box.account(handle)
        credentials = {"identifier": handle, "password": self.account.app_password}
        self.jwt = ""
        self.jwt = self.tell("com.atproto.server.createSession", credentials).json()["accessJwt"]

    def tell(self, nsid: str, body: Any) -> Response:
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {self.jwt}"} if self.jwt else {})
        return self.box.handle(Request("POST", f"/xrpc/{nsid}", (), headers, json.dumps(body).encode()))

    def ask(self, nsid: str, *pairs: tuple[str, str]) -> Any:
        headers = {"authorization": f"Bearer {self.jwt}"}
        return self.box.handle(Request("GET", f"/xrpc/{nsid}", pairs, headers)).json()

    def write(self, collection: str, **fields: Any) -> dict[str, str]:
        record = {"$type": collection, "createdAt": NOW, **fields}
        body = {"repo": self.account.did, "collection": collection, "record": record}
        answer = self.tell("com.atproto.repo.createRecord", body).json()
        return {"uri": answer["uri"], "cid": answer["cid"]}

    def post(self, text: str, **fields: Any) -> dict[str, str]:
        return self.write("app.bsky.feed.post", text=text, **fields)


@pytest.fixture
def box() -> Sandbox:
    return Sandbox(clock=FakeClock(datetime(2026, 11, 24, 12, 0, tzinfo=UTC)))


@pytest.fixture
def alice(box: Sandbox) -> Person:
    return Person(box, "alice.test")


@pytest.fixture
def bob(box: Sandbox) -> Person:
    return Person(box, "bob.test")


def test_counts(alice: Person, bob: Person) -> None:
    """A post's likes, reposts, replies and quotes are counted."""
    ref = alice.post("look")
    bob.write("app.bsky.feed.like", subject=ref)
    bob.write("app.bsky.feed.repost", subject=ref)
    bob.post("yes", reply={"root": ref, "parent": ref})
    bob.post("see", embed={"$type": "app.bsky.embed.record", "record": ref})
    missing = ref["uri"][:-1] + "2"
    (view,) = alice.ask("app.bsky.feed.getPosts", ("uris", ref["uri"]), ("uris", missing))["posts"]
    counts = {name: view[f"{name}Count"] for name in ("like", "repost", "reply", "quote")}
    assert counts == {"like": 1, "repost": 1, "reply": 1, "quote": 1}
    assert (view["record"]["text"], view["author"]["handle"]) == ("look", "alice.test")


def test_thread(alice: Person, bob: Person) -> None:
    """A thread shows what a post answers and what answers it."""
    root = alice.post("1")
    middle = bob.post("2", reply={"root": root, "parent": root})
    alice.post("3", reply={"root": root, "parent": middle})
    thread = alice.ask("app.bsky.feed.getPostThread", ("uri", middle["uri"]))["thread"]
    assert thread["parent"]["post"]["uri"] == root["uri"]
    assert [reply["post"]["record"]["text"] for reply in thread["replies"]] == ["3"]


def test_thread_with_a_deleted_parent(alice: Person) -> None:
    """A deleted parent is shown as not found, and a deleted post is an error."""
    root = alice.post("1")
    reply = alice.post("2", reply={"root": root, "parent": root})
    where = {"repo": alice.account.did, "collection": "app.bsky.feed.post"}
    alice.tell("com.atproto.repo.deleteRecord", {**where, "rkey": root["uri"].rpartition("/")[2]})
    thread = alice.ask("app.bsky.feed.getPostThread", ("uri", reply["uri"]))["thread"]
    assert thread["parent"] == {
        "$type": "app.bsky.feed.defs#notFoundPost",
        "uri": root["uri"],
        "notFound": True,
    }
    assert alice.ask("app.bsky.feed.getPostThread", ("uri", root["uri"]))["error"] == "NotFound"


def test_feeds(alice: Person, bob: Person) -> None:
    """A timeline holds what one wrote and what those wrote whom one follows, newest first."""
    bob.post("by bob", createdAt="2026-11-24T11:00:00.000Z")
    alice.post("by alice", createdAt="2026-11-24T10:00:00.000Z")

    def texts(nsid: str, *pairs: tuple[str, str]) -> list[str]:
        return [item["post"]["record"]["text"] for item in alice.ask(nsid, *pairs)["feed"]]

    assert texts("app.bsky.feed.getTimeline") == ["by alice"]
    alice.write("app.bsky.graph.follow", subject=bob.account.did)
    assert texts("app.bsky.feed.getTimeline") == ["by bob", "by alice"]
    first = alice.ask("app.bsky.feed.getTimeline", ("limit", "1"))
    assert texts("app.bsky.feed.getTimeline", ("limit", "1"), ("cursor", first["cursor"])) == ["by alice"]
    assert texts("app.bsky.feed.getAuthorFeed", ("actor", "bob.test")) == ["by bob"]


def test_profile(alice: Person, bob: Person) -> None:
    """A profile has its record's words and counts."""
    pinned = alice.post("pinned")
    record = {"displayName": "Alice", "description": "Hi", "pinnedPost": pinned}
    where = {"repo": alice.account.did, "collection": "app.bsky.actor.profile", "rkey": "self"}
    alice.tell("com.atproto.repo.putRecord", {**where, "record": record})
    bob.write("app.bsky.graph.follow", subject=alice.account.did)
    assert alice.ask("app.bsky.actor.getProfile", ("actor", "alice.test")) == {
        "did": alice.account.did,
        "handle": "alice.test",
        **record,
        "followsCount": 0,
        "followersCount": 1,
        "postsCount": 1,
        "viewer": {"muted": False, "blockedBy": False},
    }
    profiles = alice.ask("app.bsky.actor.getProfiles", ("actors", "bob.test"), ("actors", "nobody.test"))["profiles"]
    assert [profile["handle"] for profile in profiles] == ["bob.test"]
    assert alice.ask("app.bsky.actor.getProfile", ("actor", "nobody.test"))["message"] == "Profile not found"


def test_lists_packs_and_feeds(alice: Person, bob: Person) -> None:
    """Lists, starter packs and feed generators can be looked at, and a missing one is an error."""
    friends = alice.write("app.bsky.graph.list", name="Friends", purpose="app.bsky.graph.defs#curatelist")
    alice.write("app.bsky.graph.listitem", list=friends["uri"], subject=bob.account.did)
    pack = alice.write("app.bsky.graph.starterpack", name="Start", list=friends["uri"])
    feed = alice.write("app.bsky.feed.generator", did="did:web:example.com", displayName="News")
    listed = bob.ask("app.bsky.graph.getList", ("list", friends["uri"]))
    assert (listed["list"]["name"], listed["list"]["cid"]) == ("Friends", friends["cid"])
    assert [item["subject"]["handle"] for item in listed["items"]] == ["bob.test"]
    seen = bob.ask("app.bsky.graph.getStarterPack", ("starterPack", pack["uri"]))["starterPack"]
    assert (seen["cid"], seen["record"]["name"]) == (pack["cid"], "Start")
    shown = bob.ask("app.bsky.feed.getFeedGenerator", ("feed", feed["uri"]))["view"]
    assert (shown["cid"], shown["displayName"]) == (feed["cid"], "News")
    assert bob.ask("app.bsky.graph.getList", ("list", pack["uri"]))["message"] == "List not found"


def test_drafts(alice: Person) -> None:
    """Drafts are kept, listed newest first, changed and thrown away."""

    def draft(text: str) -> dict[str, Any]:
        return {"posts": [{"text": text}]}

    ids = [
        alice.tell("app.bsky.draft.createDraft", {"draft": draft(text)}).json()["id"]
        for text in ("one", "two", "three")
    ]
    alice.tell("app.bsky.draft.updateDraft", {"draft": {"id": ids[0], "draft": draft("changed")}})
    alice.tell("app.bsky.draft.deleteDraft", {"id": ids[1]})
    first = alice.ask("app.bsky.draft.getDrafts", ("limit", "1"))
    second = alice.ask("app.bsky.draft.getDrafts", ("limit", "1"), ("cursor", first["cursor"]))
    texts = [one["draft"]["posts"][0]["text"] for page in (first, second) for one in page["drafts"]]
    assert sorted(texts) == ["changed", "three"]
    assert "cursor" not in second


def test_unknown_methods(alice: Person) -> None:
    """A method that the sandbox does not have says so."""
    assert alice.ask("app.bsky.feed.getQuotes")["error"] == "MethodNotImplemented"


def test_who_follows_whom(alice: Person, bob: Person, box: Sandbox) -> None:
    """Both ways, page by page, the latest first."""
    carol = Person(box, "carol.test")
    for person, subject in ((alice, bob), (alice, carol), (carol, bob)):
        person.write("app.bsky.graph.follow", subject=subject.account.did)
        box.clock.advance(1)  # type: ignore[attr-defined]
    first = alice.ask("app.bsky.graph.getFollows", ("actor", "alice.test"), ("limit", "1"))
    rest = alice.ask("app.bsky.graph.getFollows", ("actor", "alice.test"), ("cursor", first["cursor"]))
    assert ("alice.test", ["carol.test"], ["bob.test"], False) == (
        first["subject"]["handle"],
        [one["handle"] for one in first["follows"]],
        [one["handle"] for one in rest["follows"]],
        "cursor" in rest,
    )
    seen = [bool(one["viewer"].get("following")) for one in (first["subject"], *first["follows"], *rest["follows"])]
    assert [False, True, True] == seen
    followers = bob.ask("app.bsky.graph.getFollowers", ("actor", "bob.test"))["followers"]
    assert ["carol.test", "alice.test"] == [one["handle"] for one in followers]
    box.set_status("carol.test", "deactivated")
    assert 1 == len(bob.ask("app.bsky.graph.getFollowers", ("actor", "bob.test"))["followers"])


def test_who_likes_and_reposts_a_post(alice: Person, bob: Person) -> None:
    """And no other post."""
    post, other = alice.post("Hello"), alice.post("Other")
    bob.write("app.bsky.feed.like", subject=post)
    bob.write("app.bsky.feed.repost", subject=post)
    likes, reposts = "app.bsky.feed.getLikes", "app.bsky.feed.getRepostedBy"
    (like,) = alice.ask(likes, ("uri", post["uri"]))["likes"]
    assert ("bob.test", NOW) == (like["actor"]["handle"], like["createdAt"])
    assert ["bob.test"] == [one["handle"] for one in alice.ask(reposts, ("uri", post["uri"]))["repostedBy"]]
    assert ([], []) == (
        alice.ask(likes, ("uri", other["uri"]))["likes"],
        alice.ask(reposts, ("uri", other["uri"]))["repostedBy"],
    )


def test_notifications_that_were_seen(alice: Person, bob: Person, box: Sandbox) -> None:
    """What came until then is read, and what comes later is not."""
    post = alice.post("Hello")
    bob.post("First", reply={"root": post, "parent": post})
    alice.tell("app.bsky.notification.updateSeen", {"seenAt": NOW})
    box.clock.advance(60)  # type: ignore[attr-defined]
    bob.post("Second", reply={"root": post, "parent": post}, createdAt="2026-11-24T12:01:00.000Z")
    heard = alice.ask("app.bsky.notification.listNotifications")
    read = {one["record"]["text"]: one["isRead"] for one in heard["notifications"]}
    assert ({"First": True, "Second": False}, NOW) == (read, heard["seenAt"])


LIST = "app.bsky.notification.listNotifications"


def heard(person: Person, *pairs: tuple[str, str]) -> list[tuple[str, str, str | None]]:
    """What somebody is notified of: why, the text, and which of their posts it is about."""
    notifications = person.ask(LIST, *pairs)["notifications"]
    return [(one["reason"], one["record"].get("text", ""), one.get("reasonSubject")) for one in notifications]


def test_one_notification_for_each_post_and_the_first_reason(alice: Person, bob: Person) -> None:
    """A mention comes before a quote, and a quote before a reply, so a reason does not tell whether it is a reply."""
    post = alice.post("Hello")
    reply = {"root": post, "parent": post}
    quote = {"$type": "app.bsky.embed.record", "record": post}
    mention = {"$type": "app.bsky.richtext.facet#mention", "did": alice.account.did}
    facets = [{"index": {"byteStart": 0, "byteEnd": 1}, "features": [mention]}]
    bob.post("all", reply=reply, embed=quote, facets=facets)
    bob.post("two", reply=reply, embed=quote)
    bob.post("one", reply=reply)
    notifications = {text: (reason, subject) for reason, text, subject in heard(alice)}
    assert {"all": ("mention", None), "two": ("quote", post["uri"]), "one": ("reply", post["uri"])} == notifications


def test_replies_notify_the_authors_of_four_posts_above(alice: Person, bob: Person, box: Sandbox) -> None:
    """Two strangers who talk below a post notify its author, about that post, until it is five posts above."""
    carol = Person(box, "carol.test")
    root = alice.post("Hello")
    above = root
    for number in range(1, 8):
        above = (bob if number % 2 else carol).post(f"{number}", reply={"root": root, "parent": above})
    assert {("reply", f"{number}", root["uri"]) for number in range(1, 5)} == set(heard(alice))


def test_an_old_post_is_far_down(alice: Person, bob: Person) -> None:
    """The list is sorted by the earlier of what the author says and when it was seen; that is `indexedAt`."""
    post = alice.post("Hello")
    for text, at in (("new", NOW), ("future", "2027-01-01T00:00:00Z"), ("old", "2026-11-20T14:00:00+02:00")):
        bob.post(text, reply={"root": post, "parent": post}, createdAt=at)
    notifications = alice.ask(LIST)["notifications"]
    assert [NOW, NOW, "2026-11-20T12:00:00.000Z"] == [one["indexedAt"] for one in notifications]
    assert "old" == notifications[-1]["record"]["text"]


def test_a_page_may_be_empty_and_have_a_cursor(alice: Person, bob: Person, box: Sandbox) -> None:
    """Reasons are looked at after a page was read, and only so many pages are read for one."""
    post = alice.post("Hello")
    bob.post("Deep down", reply={"root": post, "parent": post})
    for _ in range(11):
        box.clock.advance(1)  # type: ignore[attr-defined]
        bob.write("app.bsky.feed.like", subject=alice.post("Like me"), createdAt="2027-01-01T00:00:00Z")
    first = alice.ask(LIST, ("limit", "1"), ("reasons", "reply"))
    second = alice.ask(LIST, ("limit", "1"), ("reasons", "reply"), ("cursor", first["cursor"]))
    assert ([], ["Deep down"]) == (first["notifications"], [one["record"]["text"] for one in second["notifications"]])
    assert 12 == len(heard(alice))


def test_priority_notifications(alice: Person, bob: Person) -> None:
    """Who set them sees only those of people they follow, unless the request says otherwise."""
    post = alice.post("Hello")
    bob.post("Who are you?", reply={"root": post, "parent": post})
    alice.account.priority_notifications = True
    assert ([], 1) == (heard(alice), len(heard(alice, ("priority", "false"))))
    alice.write("app.bsky.graph.follow", subject=bob.account.did)
    assert 1 == len(heard(alice))


def test_labels_of_authors_and_posts(alice: Person, bob: Person) -> None:
    """What an author says of itself stands in each notification; so does what a post says of itself."""
    post = alice.post("Hello")
    labels = {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "bot"}]}
    record = {"$type": "app.bsky.actor.profile", "labels": labels}
    body = {"repo": bob.account.did, "collection": "app.bsky.actor.profile", "rkey": "self", "record": record}
    bob.tell("com.atproto.repo.putRecord", body)
    bob.post("Beep", reply={"root": post, "parent": post})
    (notification,) = alice.ask(LIST)["notifications"]
    assert ([("bot", bob.account.did)], []) == (
        [(one["val"], one["src"]) for one in notification["author"]["labels"]],
        notification["labels"],
    )
    assert (
        400
        == alice.box.handle(
            Request("GET", f"/xrpc/{LIST}", (("seenAt", NOW),), {"authorization": f"Bearer {alice.jwt}"})
        ).status
    )
