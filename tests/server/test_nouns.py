"""Feeds, accounts, slots, recurrences and what can be done with a post, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.feed_server import FeedServer, feed_server
from tests.support.serving import Api, Server

AT = "2030-01-01T10:00:00Z"
FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>Blog</title><link>{url}/</link>
<item><title>Old news</title><link>{url}/old</link><guid>old</guid></item>{more}</channel></rss>"""
ITEM = "<item><title>{title}</title><link>{url}/{title}</link><guid>{title}</guid></item>"


@pytest.fixture
def blog() -> Iterator[FeedServer]:
    """A blog with one old item."""
    with feed_server() as blog:
        blog.pages["/feed"] = FEED.format(url=blog.url, more="").encode()
        yield blog


def test_a_feed_posts_what_is_new(everything: Api, blog: FeedServer) -> None:
    """A feed is previewed, added, changed, checked and forgotten; what is new becomes a post, once."""
    url = f"{blog.url}/feed"
    shown = everything.post("/feeds/preview", {"url": url, "template": "{{ title }}!"}).json()
    assert ["Old news!"] == [item["text"] for item in shown["items"]]
    response = everything.post("/feeds", {"url": url, "accounts": ["bob.test"], "images": "none"})
    assert (201, "Blog", ["bob.test"], []) == (
        response.status_code,
        response.json()["title"],
        response.json()["accounts"],
        response.json()["posts"],
    )
    path = f"/feeds/{response.json()['id']}"
    assert 409 == everything.post("/feeds", {"url": url}).status_code
    assert (
        "News: {{ title }}" == everything.patch(path, {"template": "News: {{ title }}"}).json()["settings"]["template"]
    )
    blog.pages["/feed"] = FEED.format(url=blog.url, more=ITEM.format(url=blog.url, title="fresh")).encode()
    checked = everything.post(f"{path}/check").json()
    assert 1 == len(checked["posts"])
    post = everything.get(f"/posts/{checked['posts'][0]}").json()
    assert ("bob.test", True) == (post["account"], post["text"].startswith("News: fresh"))
    assert response.json()["id"] in [feed["id"] for feed in everything.get("/feeds").json()["feeds"]]
    assert {"ok": True} == everything.delete(path).json()
    assert 404 == everything.get(path).status_code


def test_feeds_of_others_are_not_there(server: Server, everything: Api, blog: FeedServer) -> None:
    """A key for one account sees no feed of another, and previews none by its number."""
    alice = server.with_key("read", "manage", accounts=("alice.test",))
    new_feed = everything.post("/feeds", {"url": f"{blog.url}/feed", "accounts": ["bob.test"]}).json()
    assert [] == [feed for feed in alice.get("/feeds").json()["feeds"] if feed["id"] == new_feed["id"]]
    answers = [
        alice.get(f"/feeds/{new_feed['id']}"),
        alice.delete(f"/feeds/{new_feed['id']}"),
        alice.post("/feeds/preview", {"url": str(new_feed["id"])}),
    ]
    assert [404, 404, 404] == [answer.status_code for answer in answers]
    everything.delete(f"/feeds/{new_feed['id']}")


@pytest.mark.parametrize("url", ["not an address", "http://169.254.169.254/feed", "file:///etc/passwd"])
def test_feeds_that_are_none(everything: Api, url: str) -> None:
    """What is no public address is refused with a reason."""
    answer = everything.post("/feeds", {"url": url})
    assert (422, True) == (answer.status_code, bool(answer.json()["detail"]))


def test_accounts_are_set(everything: Api) -> None:
    """Settings are changed one by one; null takes one back; what is wrong is refused and changes nothing."""
    path = "/accounts/bob.test"
    before = everything.get(path).json()["settings"]
    changed = everything.patch(path, {"gap_seconds": 30, "zone": "Asia/Kolkata"}).json()["settings"]
    assert {**before, "gap_seconds": 30, "zone": "Asia/Kolkata"} == changed
    for wrong in ({"zone": "Mars/Base"}, {"gap_seconds": -1}, {"gap_seconds": "30"}, {"colour": "red"}):
        assert 422 == everything.patch(path, wrong).status_code
    assert changed == everything.get(path).json()["settings"]
    assert before == everything.patch(path, {"gap_seconds": None, "zone": None}).json()["settings"]


def test_slots_are_replaced(everything: Api, fresh_key: str) -> None:
    """Weekly slots are replaced as a whole, and the next post without a time takes one, in the account's zone."""
    path = "/accounts/bob.test/slots"
    wanted = [{"weekday": day, "minute": 330, "zone": "Asia/Kolkata"} for day in range(7)]
    assert {"slots": wanted} == everything.send("PUT", path, json={"slots": wanted}).json()
    post = everything.post("/posts", {"text": f"Slot {fresh_key}", "account": "bob.test"}).json()
    assert post["due_at"].endswith("T00:00:00.000Z")
    for wrong in ([{"weekday": 7, "minute": 0}], [{"weekday": 0, "minute": 1440}], [{"minute": 5}], "daily"):
        assert 422 == everything.send("PUT", path, json={"slots": wrong}).status_code
    assert {"slots": []} == everything.send("PUT", path, json={"slots": []}).json()
    everything.delete(f"/posts/{post['id']}")


def test_one_occurrence_is_moved_and_left_out(everything: Api, fresh_key: str) -> None:
    """One occurrence of a recurrence moves, another is left out; the others stay."""
    recurrence = everything.post(
        "/recurrences", {"text": fresh_key, "every": "0 9 * * *", "zone": "UTC", "starts": "2033-01-01T00:00:00Z"}
    ).json()
    path = f"/recurrences/{recurrence['id']}/occurrences"
    everything.post(path, {"occurrence": "2033-01-02T09:00:00Z", "to": "2033-01-02T15:00:00Z"})
    everything.post(path, {"occurrence": "2033-01-03T09:00:00Z"})
    plan = everything.get("/plan?from=2033-01-01&to=2033-01-05").json()
    coming = [item["at"] for item in plan["occurrences"] if item["recurrence"] == recurrence["id"]]
    assert ["2033-01-02T15:00:00.000Z", "2033-01-04T09:00:00.000Z"] == coming
    assert ["2033-01-01T09:00:00.000Z"] == [
        post["at"] for post in plan["posts"] if post["recurrence"] == recurrence["id"]
    ]
    everything.delete(f"/recurrences/{recurrence['id']}")


def test_posts_are_held_released_and_cancelled(everything: Api, fresh_key: str) -> None:
    """A scheduled post is held, released, cancelled; what does not fit its state is refused with 409 and says why."""
    path = f"/posts/{everything.post('/posts', {'text': fresh_key, 'at': AT}).json()['id']}"
    held = everything.post(f"{path}/hold").json()
    assert ("held", "HeldByUser") == (held["state"], held["error"]["error"])
    assert f"POST /api/v1{path}/release" in held["error"]["hint"]
    assert "scheduled" == everything.post(f"{path}/release").json()["state"]
    refused = everything.post(f"{path}/retry")
    assert (409, "post.wrong_state") == (refused.status_code, refused.json()["code"])
    assert "cancelled" == everything.delete(path).json()["state"]
    assert "cancelled" == everything.delete(path).json()["state"]
    edited = everything.patch(path, {"text": "Too late"})
    assert (409, "post.not_editable") == (edited.status_code, edited.json()["code"])
    assert path.removeprefix("/posts/") in [str(post["id"]) for post in everything.get("/history").json()["posts"]]


def test_published_posts_are_taken_off_the_network(everything: Api, fresh_key: str) -> None:
    """A published post is deleted from the network; the queue remembers that it was published."""
    post = everything.post("/posts", {"text": fresh_key, "now": True, "account": "bob.test"}).json()
    assert "published" == post["state"], post
    assert post["uri"] == everything.post(f"/posts/{post['id']}/unpublish").json()["uri"]


def test_history_is_searched_page_by_page(everything: Api, fresh_key: str) -> None:
    """What is done with is found by its text, the latest change first, page by page."""
    numbers = []
    for number in range(4):
        entry = everything.post("/posts", {"text": f"Find {fresh_key} {number}", "at": AT}).json()
        everything.delete(f"/posts/{entry['id']}")
        numbers.append(entry["id"])
    first = everything.get(f"/history?text=find {fresh_key}&limit=3")
    second = everything.get(first.headers["link"].partition("/api/v1")[2].partition(">")[0])
    assert numbers[::-1] == [post["id"] for page in (first, second) for post in page.json()["posts"]]


def test_texts_are_measured_as_they_are_typed(everything: Api) -> None:
    """A text is measured as it will be published: links shortened, emoji one character, threads split."""
    text = "\U0001f468\u200d\U0001f469\u200d\U0001f467 https://example.com/a/very/long/path/that/is/cut"
    short = everything.post("/posts/text", {"text": text}).json()["posts"][0]
    assert (True, ["link"]) == (short["fits"], [facet["kind"] for facet in short["facets"]])
    assert 300 == short["graphemes"] + short["left"] and short["graphemes"] < 40
    long = everything.post("/posts/text", {"text": "a " * 200}).json()
    assert (False, True) == (long["posts"][0]["fits"], long["posts"][0]["left"] < 0)
    thread = everything.post("/posts/text", {"text": "A sentence. " * 60, "split": True, "numbering": "1/n"}).json()
    assert len(thread["posts"]) > 2 and all(post["fits"] for post in thread["posts"])
    stuck = everything.post("/posts/text", {"text": f"[{'a' * 400}](https://example.com)", "split": True}).json()
    assert "text.unsplittable" == stuck["error"]["code"]
