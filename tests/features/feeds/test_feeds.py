"""Feeds from their server to the queue and the network: each item once, whatever the feed and its server do."""

from __future__ import annotations

import multiprocessing
import os
import random
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from skywrite.app import Skywrite
from skywrite.core.clock import FakeClock
from skywrite.core.errors import InputError
from skywrite.features.feeds.cli import next_poll
from skywrite.features.feeds.reading import poll as feed_poll
from skywrite.features.feeds.reading import post as feed_post
from skywrite.features.feeds.reading.entry import FeedUnreadable
from skywrite.features.feeds.store import FeedStore
from skywrite.features.feeds.task import FeedChecks, FeedTask
from skywrite.posting.publish.rounds import Rounds
from skywrite.posting.schedule.times import local_zone
from skywrite.protocol.fetch.fetch import FetchRejected
from skywrite.queue.authors import written_by
from skywrite.queue.leases import Leases
from tests.features.feeds.support import START, environment, ledger, queued, sandboxed
from tests.support.errors import fails
from tests.support.feed_server import Asked, FeedServer, Reply, feed_server, gzip_bomb, item, rss
from tests.support.processes import PATIENCE_SECONDS

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde"
    b"\x00\x00\x00\x0cIDATx\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00IEND\xaeB`\x82"
)


@pytest.fixture
def web() -> Iterator[FeedServer]:
    """A feed server of this test alone."""
    with feed_server() as server:
        yield server


@pytest.fixture
def sky(tmp_path: Path) -> Iterator[Skywrite]:
    """A `Skywrite` with alice and bob in a sandbox, at noon."""
    with sandboxed(tmp_path, handles=("alice.test", "bob.test")) as opened:
        yield opened


def add(sky: Skywrite, web: FeedServer, path: str = "/feed", **options: Any) -> int:
    """Add the feed at a path, without cards; its number."""
    status, _ = sky.feeds.add(web.url + path, **{"images": "none", **options})
    return status.feed.id


def pass_time(sky: Skywrite, **delta: float) -> None:
    """Move the clock forward."""
    assert isinstance(sky.context.clock, FakeClock)
    sky.context.clock.advance(timedelta(**delta).total_seconds())


# The clock


def test_a_run_polls_what_a_clock_that_ran_ahead_has_put_off(sky: Skywrite, web: FeedServer) -> None:
    """Whoever adds a feed next year, and comes back, need not wait until then."""
    web.pages["/feed"] = rss(item("old"))
    pass_time(sky, days=365)
    add(sky, web)
    pass_time(sky, days=-365)
    web.pages["/feed"] = rss(item("new"), item("old"))
    asked = len(web.asked)
    sky.run_once()
    assert (asked + 1, 1) == (len(web.asked), len(sky.feeds.items(1)) - 1)


# Who wrote it


@pytest.mark.parametrize("way", ["add", "edit"])
def test_what_an_agents_feed_posts_is_the_agents(sky: Skywrite, web: FeedServer, way: str) -> None:
    """Where agents need approval, so do the posts of a feed that an agent added, or whose template it wrote."""
    sky.accounts.set(None, {"approval": "agents"})
    web.pages["/feed"] = rss(item("one"))
    web.pages["/other"] = rss(item("three"))
    with written_by("key 3", agent=True) if way == "add" else nullcontext():
        added = add(sky, web)
    other = add(sky, web, "/other")
    if way == "edit":
        with written_by("key 3", agent=True):
            sky.feeds.edit(added, template="Buy {{ title }}")
    web.pages["/feed"] = rss(item("one"), item("two"))
    web.pages["/other"] = rss(item("three"), item("four"))
    by_agent, by_hand = sky.feeds.check(added).posts, sky.feeds.check(other).posts
    assert ([True], [False]) == (
        [sky.approvals.look(number).wanted for number in by_agent],
        [sky.approvals.look(number).wanted for number in by_hand],
    )


# What goes wrong


@pytest.mark.parametrize("count", [1, 12])
def test_a_surprise_in_one_feed_stops_no_other(
    sky: Skywrite, web: FeedServer, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """It is told as the problem of its feed, the feeds behind it are looked at, and posts go out."""
    for path in (*(f"/bad{number}" for number in range(count)), "/good"):
        web.pages[path] = rss(item("old"))
        add(sky, web, path)
    web.pages["/good"] = rss(item("new"), item("old"))
    look = feed_poll.poll_feed

    def poll_feed(fetch: Any, feed: Any) -> Any:
        return 1 / 0 if "/bad" in feed.url else look(fetch, feed)

    monkeypatch.setattr(feed_poll, "poll_feed", poll_feed)
    pass_time(sky, hours=2)
    told: list[str] = []
    sky.run_once(log=lambda event, **facts: told.append(facts["code"]) if event == "feed" and facts["code"] else None)
    assert (["skywrite.bug"] * count, 1) == (told, sky.context.store.listing.count()["published"])


# The thin path


def test_the_first_look_posts_nothing(sky: Skywrite, web: FeedServer) -> None:
    """What is there when a feed is added is not posted; what comes later is."""
    web.pages["/feed"] = rss(item("one"), item("two"))
    add(sky, web)
    assert ([], {"passed": 2}) == (queued(sky), ledger(sky))
    web.pages["/feed"] = rss(item("three"), item("one"), item("two"))
    check = sky.feeds.check(1)
    assert (1, ["three"]) == (check.new, queued(sky))


def test_backfill_posts_the_latest_oldest_first(sky: Skywrite, web: FeedServer) -> None:
    """`backfill` posts so many of the latest items, the oldest of them first."""
    web.pages["/feed"] = rss(*(item(name) for name in "edcba"))
    add(sky, web, backfill=3)
    assert (["c", "d", "e"], {"passed": 2, "queued": 3}) == (queued(sky), ledger(sky))


def test_items_go_out_on_the_network(sky: Skywrite, web: FeedServer) -> None:
    """What a feed says is posted by the worker, with its link as a facet."""
    web.pages["/feed"] = rss(item("hello"))
    add(sky, web, backfill=1)
    tally = sky.run_once()
    posts = sky.box.posts("alice.test")  # type: ignore[attr-defined]
    assert (1, ["hello\n\nsite.example/hello"]) == (tally.published, [post.text for post in posts])
    assert "https://site.example/hello" == posts[0].record["facets"][0]["features"][0]["uri"]


def test_running_once_looks_at_feeds_that_are_due(sky: Skywrite, web: FeedServer) -> None:
    """`run --once` looks at feeds whose time has come, and only at those."""
    web.pages["/feed"] = rss(item("one"))
    add(sky, web)
    web.pages["/feed"] = rss(item("two"), item("one"))
    sky.run_once()
    assert [] == queued(sky)
    pass_time(sky, minutes=40)
    assert 1 == sky.run_once().published


def test_a_feed_is_found_from_its_page(sky: Skywrite, web: FeedServer) -> None:
    """The address of a page will do when it names its feed; feeds of comments come last."""
    web.pages["/blog"] = Reply(
        b"<html><head><base href='/x/'><link rel='alternate' type='application/rss+xml' href='comments/feed'>"
        b"<link rel='alternate' type='application/atom+xml' href='../real'></head></html>",
        headers={"content-type": "text/html"},
    )
    web.pages["/real"] = rss(item("one"), title="Real")
    add(sky, web, "/blog")
    assert (f"{web.url}/real", "Real") == (sky.feeds.get(1).feed.url, sky.feeds.get(1).feed.title)


def test_a_page_without_a_feed_is_reported(sky: Skywrite, web: FeedServer) -> None:
    """A page that names no feed is the user's mistake, and nothing is stored."""
    web.pages["/blog"] = Reply(b"<html><title>Blog</title></html>", headers={"content-type": "text/html"})
    with fails("feed.not_found", match="links to none"):
        add(sky, web, "/blog")
    assert [] == sky.feeds.list()


def test_a_feed_is_added_once(sky: Skywrite, web: FeedServer) -> None:
    """The same address twice is refused."""
    web.pages["/feed"] = rss()
    add(sky, web)
    with fails("feed.exists", match="feed 1 already"):
        add(sky, web)


def test_one_feed_for_many_accounts(sky: Skywrite, web: FeedServer) -> None:
    """Each account of a feed posts each item."""
    web.pages["/feed"] = rss(item("one"))
    add(sky, web, backfill=1, accounts=["alice.test", "bob.test"])
    assert ["alice.test", "bob.test"] == sorted(entry.account.handle for entry in sky.posts.list())
    assert {"queued": 1} == ledger(sky)


def test_posts_keep_the_accounts_gap(sky: Skywrite, web: FeedServer) -> None:
    """Posts of one check are spread by the account's gap, also around what waits already."""
    sky.context.store.accounts.set_settings(sky.accounts.get().did, {"gap_seconds": 300})
    sky.schedule("mine", at=START + timedelta(minutes=4))
    web.pages["/feed"] = rss(*(item(name) for name in "cba"))
    add(sky, web, backfill=3)
    due = [
        (entry.post.text[0], int((entry.post.due_at - START).total_seconds()))
        for entry in sky.posts.list()
        if entry.post.due_at
    ]
    assert [("m", 240), ("a", 540), ("b", 840), ("c", 1140)] == due


def test_posts_take_slots(sky: Skywrite, web: FeedServer) -> None:
    """With spacing "slots" posts take the account's next free slots."""
    from skywrite.posting.schedule.slots import parse_slots

    sky.context.store.recurrences.set_slots(sky.accounts.get().did, parse_slots("daily 13:00", "UTC"))
    web.pages["/feed"] = rss(item("b"), item("a"))
    add(sky, web, backfill=2, spacing="slots")
    due = [entry.post.due_at - START for entry in sky.posts.list() if entry.post.due_at]
    assert [timedelta(hours=1), timedelta(hours=25)] == due


def test_a_slot_that_is_taken_meanwhile(sky: Skywrite, web: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that is overtaken between looking and storing takes the next slot, for the account that needs one."""
    from skywrite.posting.schedule.slots import parse_slots

    for account in sky.accounts.list():
        sky.context.store.recurrences.set_slots(account.did, parse_slots("daily 13:00", "UTC"))
    store = FeedStore.queue_item

    def overtaken(*values: Any) -> Any:
        monkeypatch.setattr(FeedStore, "queue_item", store)
        sky.schedule("Quick", account="bob.test")
        return store(*values)

    monkeypatch.setattr(FeedStore, "queue_item", overtaken)
    web.pages["/feed"] = rss(item("a"))
    add(sky, web, backfill=1, spacing="slots", accounts=["alice.test", "bob.test"])
    due = sorted(
        (entry.account.handle, (entry.post.due_at - START) // timedelta(hours=1))
        for entry in sky.posts.list()
        if entry.post.due_at
    )
    assert [("alice.test", 1), ("bob.test", 1), ("bob.test", 25)] == due


def test_what_does_not_fit_into_a_check_goes_next_time(sky: Skywrite, web: FeedServer) -> None:
    """At most so many posts a check; the rest waits in the ledger, even when the feed forgets it."""
    web.pages["/feed"] = rss()
    add(sky, web, most=2)
    web.pages["/feed"] = rss(*(item(name) for name in "edcba"))
    assert 3 == sky.feeds.check(1).waiting
    web.pages["/feed"] = rss()
    sky.feeds.check(1)
    web.pages["/feed"] = Reply(status=304)
    sky.feeds.check(1)
    assert ["a", "b", "c", "d", "e"] == queued(sky)


# Pace


def test_requests_are_conditional(sky: Skywrite, web: FeedServer) -> None:
    """What the server said of a feed's version is sent back, and a 304 is no news."""
    web.pages["/feed"] = Reply(
        rss(item("one")), headers={"etag": '"v1"', "last-modified": "Tue, 24 Nov 2026 10:00:00 GMT"}
    )
    add(sky, web)
    web.pages["/feed"] = Reply(status=304)
    check = sky.feeds.check(1)
    sky.feeds.check(1)
    sent = [(asked.headers.get("if-none-match"), asked.headers.get("if-modified-since")) for asked in web.asked]
    assert (0, None) == (check.new, check.problem)
    assert [(None, None), *[('"v1"', "Tue, 24 Nov 2026 10:00:00 GMT")] * 2] == sent


def test_a_feed_that_failed_to_read_is_not_remembered_as_seen(sky: Skywrite, web: FeedServer) -> None:
    """The version of an answer that could not be read is not sent back, so that nothing in it is missed."""
    web.pages["/feed"] = Reply(rss(item("one")), headers={"etag": '"v1"'})
    add(sky, web)
    web.pages["/feed"] = Reply(b"<html>back soon</html>", headers={"etag": '"v2"'})
    assert "feed.unreadable" == getattr(sky.feeds.check(1).problem, "code", None)
    sky.feeds.check(1)
    assert '"v1"' == web.asked[-1].headers.get("if-none-match")


@pytest.mark.parametrize(
    ("head", "headers", "minutes"),
    [
        ("", {}, 30),
        ("<ttl>120</ttl>", {}, 120),
        ("<ttl>1</ttl>", {}, 30),
        ("", {"cache-control": "public, max-age=7200"}, 120),
        ("<ttl>9999999</ttl>", {}, 1440),
        (
            '<sy:updatePeriod xmlns:sy="http://purl.org/rss/1.0/modules/syndication/">hourly</sy:updatePeriod>',
            {},
            60,
        ),
    ],
)
def test_feeds_are_asked_as_seldom_as_they_wish(
    sky: Skywrite, web: FeedServer, head: str, headers: dict[str, str], minutes: int
) -> None:
    """The next look follows ttl, sy:updatePeriod and max-age, within limits, give or take a tenth."""
    web.pages["/feed"] = Reply(rss(head=head), headers=headers)
    add(sky, web)
    planned = sky.feeds.get(1).feed.next_check_at
    assert planned is not None
    assert 0.9 * minutes <= (planned - START) / timedelta(minutes=1) <= 1.1 * minutes


def test_errors_make_looks_rarer_and_a_good_one_ends_that(sky: Skywrite, web: FeedServer) -> None:
    """The interval doubles with each error in a row, and is the usual one after a good look."""
    web.pages["/feed"] = rss()
    add(sky, web)
    web.pages["/feed"] = Reply(status=500)
    waits = []
    for _ in range(8):
        sky.feeds.check(1)
        feed = sky.feeds.get(1).feed
        assert feed.next_check_at is not None and feed.problem is not None
        waits.append(round((feed.next_check_at - START) / timedelta(minutes=30)))
    assert 8 == feed.failures
    assert waits[0] == 1 and waits[2] in (4, 5) and max(waits) <= 53 and waits[-1] >= 43
    web.pages["/feed"] = rss()
    sky.feeds.check(1)
    assert (0, None) == (sky.feeds.get(1).feed.failures, sky.feeds.get(1).feed.problem)


def test_retry_after_is_obeyed(sky: Skywrite, web: FeedServer) -> None:
    """A server that names a time is left alone until then."""
    web.pages["/feed"] = rss()
    add(sky, web)
    web.pages["/feed"] = Reply(status=429, headers={"retry-after": "18000"})
    sky.feeds.check(1)
    assert START + timedelta(hours=5) == sky.feeds.get(1).feed.next_check_at


def test_asking_too_often_is_refused(sky: Skywrite, web: FeedServer) -> None:
    """Nobody may ask for looks more often than every five minutes."""
    web.pages["/feed"] = rss()
    with fails("feed.interval_too_short", match="5 minutes"):
        add(sky, web, every="1m")


def test_a_feed_that_is_gone_is_asked_no_more(sky: Skywrite, web: FeedServer) -> None:
    """410 three times in a row ends the looks; asked by hand, a feed that is back lives on."""
    web.pages["/feed"] = rss(item("one"))
    add(sky, web)
    web.pages["/feed"] = Reply(status=410)
    for _ in range(3):
        sky.feeds.check(1)
    feed = sky.feeds.get(1).feed
    assert ("gone", None, None) == (feed.state, feed.next_check_at, FeedStore(sky.context.store).next_feed_at())
    web.pages["/feed"] = rss(item("two"), item("one"))
    assert (1, "active") == (sky.feeds.check(1).new, sky.feeds.get(1).feed.state)


def test_a_feed_that_has_moved_is_followed(sky: Skywrite, web: FeedServer) -> None:
    """A permanent redirect seen three times changes the address; nothing is posted twice or lost on the way."""
    web.pages["/feed"] = rss(item("one"))
    add(sky, web)
    web.pages["/feed"] = Reply(status=301, headers={"location": "/new"})
    web.pages["/new"] = rss(item("two"), item("one"))
    urls = []
    for _ in range(4):
        sky.feeds.check(1)
        urls.append(sky.feeds.get(1).feed.url.removeprefix(web.url))
    assert ["/feed", "/feed", "/new", "/new"] == urls
    assert ["two"] == queued(sky)


def test_a_redirect_for_now_changes_no_address(sky: Skywrite, web: FeedServer) -> None:
    """A temporary redirect is followed, and never kept."""
    web.pages["/feed"] = Reply(status=302, headers={"location": "/elsewhere"})
    web.pages["/elsewhere"] = rss(item("one"))
    add(sky, web)
    for _ in range(4):
        sky.feeds.check(1)
    assert f"{web.url}/feed" == sky.feeds.get(1).feed.url


# Evils


def evil_replies(web: FeedServer) -> dict[str, Reply]:
    """Answers that no feed reader should fall for."""
    laughs = "".join('<!ENTITY l{} "{}">'.format(n, f"&l{n - 1};" * 10) for n in range(1, 12))
    return {
        "gzip bomb": gzip_bomb(200),
        "endless": web.endless(),
        "billion laughs": Reply(
            f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY l0 "ha">{laughs}]><rss><channel><title>&l11;</title>'
            f"</channel></rss>".encode()
        ),
        "external entity": Reply(
            b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><item>'
            b"<title>&x;</title></item></channel></rss>"
        ),
        "quadratic blow-up": Reply(
            f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "{"a" * 50_000}">]><rss><channel><title>{"&a;" * 50_000}'
            f"</title></channel></rss>".encode()
        ),
        "deep": Reply(b"<rss><channel>" + b"<a>" * 300_000),
        "many items": Reply(b"<rss><channel>" + b"<item/>" * 400_000 + b"</channel></rss>"),
        "redirect loop": Reply(status=301, headers={"location": "/feed"}),
        "redirect inside": Reply(status=302, headers={"location": "http://169.254.169.254/latest/meta-data"}),
        "redirect to a file": Reply(status=302, headers={"location": "file:///etc/passwd"}),
        "no XML": Reply(b"<rss><channel><item><title>half"),
        "empty": Reply(b""),
        "a page": Reply(b"<!doctype html><title>Maintenance</title>", headers={"content-type": "text/html"}),
        "JSON of depth": Reply(b'{"items":' + b"[" * 100_000),
        "JSON of another kind": Reply(b'{"items": 3}'),
        "NULs": Reply(b"\0" * 100_000),
        "an image": Reply(PNG, headers={"content-type": "image/png"}),
        "server error": Reply(b"oops", status=503),
        "not found": Reply(b"nope", status=404),
    }


def test_every_evil_is_reported_and_harmless(sky: Skywrite, web: FeedServer) -> None:
    """Whatever a server answers: the check tells one problem, nothing is posted or forgotten, and it goes on after."""
    web.pages["/feed"] = rss(item("one"))
    add(sky, web)
    for name, reply in evil_replies(web).items():
        web.pages["/feed"] = reply
        check = sky.feeds.check(1)
        assert check.problem is not None and check.problem.message, name
        assert (0, (), "active") == (check.new, check.posts, sky.feeds.get(1).feed.state), name
    web.pages["/feed"] = rss(item("two"), item("one"))
    sky.feeds.check(1)
    assert ["two"] == queued(sky)


def test_a_slow_feed_is_left(sky: Skywrite, web: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that sends a byte a second is given up at the time limit."""
    web.pages["/feed"] = rss(item("one"))
    add(sky, web)
    monkeypatch.setattr(feed_poll, "FEED_TIMEOUT_SECONDS", 1.5)
    web.pages["/feed"] = web.slow()
    check = sky.feeds.check(1)
    assert "fetch.failed" == getattr(check.problem, "code", None)


def test_evils_at_the_beginning_store_nothing(sky: Skywrite, web: FeedServer) -> None:
    """A feed that cannot be read cannot be added."""
    entity = b'<!DOCTYPE r [<!ENTITY a "b">]><rss><channel/></rss>'
    for path, reply, error in (
        ("/laughs", Reply(entity), FeedUnreadable),
        ("/missing", Reply(status=404), FetchRejected),
    ):
        web.pages[path] = reply
        with pytest.raises(error):
            add(sky, web, path)
    assert [] == sky.feeds.list()


def test_a_feed_cut_in_the_middle_loses_and_repeats_nothing(sky: Skywrite, web: FeedServer) -> None:
    """A document that ends inside an item gives its whole items; the cut one comes when it is whole."""
    web.pages["/feed"] = rss()
    add(sky, web)
    whole = rss(item("one"), item("two", guid=""), item("three", guid=""))
    for end in range(len(whole) - 30, 120, -23):
        web.pages["/feed"] = whole[:end]
        sky.feeds.check(1)
        web.pages["/feed"] = rss()
        sky.feeds.check(1)
    web.pages["/feed"] = whole
    sky.feeds.check(1)
    assert ["one", "three", "two"] == sorted(queued(sky))


@pytest.mark.parametrize(
    ("label", "encoding", "content_type"),
    [
        ("", "utf-8", "text/xml; charset=iso-8859-1"),
        ("utf-8", "cp1252", "application/rss+xml; charset=utf-8"),
        ("utf-16", "utf-16", ""),
        ("windows-1252", "cp1252", "text/xml"),
        ("unicode_escape", "utf-8", "text/xml; charset=punycode"),
    ],
)
def test_wrong_charsets_are_seen_through(
    sky: Skywrite, web: FeedServer, label: str, encoding: str, content_type: str
) -> None:
    """What a server and a document say of their encoding may be wrong; the text is right."""
    declaration = f'<?xml version="1.0" encoding="{label}"?>' if label else ""
    text = f"{declaration}<rss><channel><item><title>Grüße — ok</title></item></channel></rss>"
    web.pages["/feed"] = Reply(text.encode(encoding), headers={"content-type": content_type})
    add(sky, web, backfill=1)
    assert ["Grüße — ok"] == queued(sky)


# What posts say


def test_templates_say_what_posts_say(sky: Skywrite, web: FeedServer) -> None:
    """A template chooses the text; it is fitted by shortening the summary, so that the link survives."""
    web.pages["/feed"] = rss(item("News", description="word " * 200, category="Sea watch"))
    add(sky, web, backfill=1, template="{{ title }}: {{ summary }} {{ hashtags }}\n{{ link }}")
    text = sky.posts.list()[0].post.text
    assert text.startswith("News: word word") and text.endswith("word… #SeaWatch\nhttps://site.example/News")


def test_a_wrong_template_is_reported_before_anything_is_stored(sky: Skywrite, web: FeedServer) -> None:
    """Mistakes in a template are found when the feed is added."""
    web.pages["/feed"] = rss(item("one"))
    with fails("template.invalid", match="cannot be read"):
        add(sky, web, template="{{ title ")
    assert [] == sky.feeds.list()


def test_filters_choose_items(sky: Skywrite, web: FeedServer) -> None:
    """Items that are not wanted are noted, and never posted, also when they are edited later."""
    web.pages["/feed"] = rss()
    add(sky, web, include=["release"], exclude=["/\\bbeta\\b/"])
    web.pages["/feed"] = rss(item("Release 2"), item("Talk"), item("Release 3 beta"))
    sky.feeds.check(1)
    web.pages["/feed"] = rss(item("Talk", title="Release talk"), item("Release 2"))
    sky.feeds.check(1)
    assert (["Release 2"], {"filtered": 2, "queued": 1}) == (queued(sky), ledger(sky))


def test_a_slow_pattern_fails_its_item_alone(sky: Skywrite, web: FeedServer) -> None:
    """A pattern that takes for ever on an item is told with the item; the others are posted."""
    web.pages["/feed"] = rss()
    add(sky, web, exclude=["/^(a|aa|aaa)+$/"])
    web.pages["/feed"] = rss(item("fine"), item("evil", title="a" * 3000 + "!"))
    sky.feeds.check(1)
    failed = [entry for entry in sky.feeds.items(1) if entry.state == "failed"]
    assert (["fine"], ["filter.too_slow"]) == (queued(sky), [entry.problem.code for entry in failed if entry.problem])


def test_images_with_descriptions_are_posted(sky: Skywrite, web: FeedServer) -> None:
    """An item's image that has a description is posted with it, in the language of the feed."""
    web.pages["/a.png"] = Reply(PNG, headers={"content-type": "image/png"})
    html = f"&lt;img src='{web.url}/a.png' alt='A red dot'&gt;"
    web.pages["/feed"] = rss(item("dot", description=html), head="<language>pt-br</language>")
    add(sky, web, backfill=1, images="auto")
    post = sky.posts.list()[0].post
    assert (["A red dot"], ["pt-BR"]) == ([image["alt"] for image in post.draft["images"]], post.draft["langs"])


def test_an_image_that_is_gone_does_not_stop_an_item(sky: Skywrite, web: FeedServer) -> None:
    """An item whose image cannot be had is posted without it, and that is told."""
    html = f"&lt;img src='{web.url}/gone.png' alt='A dot'&gt;"
    web.pages["/feed"] = rss(item("dot", description=html, link=f"{web.url}/page"))
    _, check = sky.feeds.add(f"{web.url}/feed", backfill=1, images="auto")
    assert ["dot"] == queued(sky)
    assert any("without some of its media" in warning for warning in check.warnings)


def test_one_image_that_is_gone_takes_no_other_with_it(sky: Skywrite, web: FeedServer) -> None:
    """Of several images those that can be had are posted."""
    for name in ("a", "c"):
        web.pages[f"/{name}.png"] = Reply(PNG, headers={"content-type": "image/png"})
    html = "".join(f"&lt;img src='{web.url}/{name}.png' alt='{name}'&gt;" for name in "abc")
    web.pages["/feed"] = rss(item("dots", description=html))
    _, check = sky.feeds.add(f"{web.url}/feed", backfill=1, images="auto")
    assert ["a", "c"] == [image["alt"] for image in sky.posts.list()[0].post.draft["images"]]
    assert any("without some of its media" in warning for warning in check.warnings)


def test_a_video_that_cannot_be_had_leaves_the_images(sky: Skywrite, web: FeedServer) -> None:
    """A video of an item is tried first; where it cannot be posted, the item's images are."""
    web.pages["/a.png"] = Reply(PNG, headers={"content-type": "image/png"})
    video = f"<enclosure url='{web.url}/gone.mp4' type='video/mp4'/>"
    html = f"&lt;img src='{web.url}/a.png' alt='A'&gt;"
    one = item("dot", description=html).replace("</item>", f"{video}</item>")
    web.pages["/feed"] = rss(one)
    sky.feeds.add(f"{web.url}/feed", backfill=1, images="auto")
    assert ["A"] == [image["alt"] for image in sky.posts.list()[0].post.draft["images"]]
    assert f"{web.url}/gone.mp4" in [web.url + asked.path for asked in web.asked]


def test_items_that_failed_are_tried_again_after_an_edit(sky: Skywrite, web: FeedServer) -> None:
    """What a wrong setting kept back is posted when the setting is right; the filter counts as it is then."""
    web.pages["/feed"] = rss()
    number = add(sky, web, template="{{ summary }}", exclude=["/^(a|aa|aaa)+$/"])
    web.pages["/feed"] = rss(item("empty"), item("evil", title="a" * 3000 + "!"), item("beta"))
    sky.feeds.check(number)
    assert ([], {"failed": 3}) == (queued(sky), ledger(sky))
    sky.feeds.edit(number, template="{{ title }}", exclude=["beta", "aaa"], include=["empty", "beta"])
    sky.feeds.check(number)
    assert (["empty"], {"queued": 1, "filtered": 2}) == (queued(sky), ledger(sky))


def test_a_surprise_in_one_item_stops_no_other(sky: Skywrite, web: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of ours in one item is that item's problem, and the others are posted."""
    web.pages["/feed"] = rss()
    number = add(sky, web)
    make = feed_post.draft_row

    def surprise(content: Any, *rest: Any) -> Any:
        if content["title"] == "bad":
            raise KeyError("x")
        return make(content, *rest)

    monkeypatch.setattr(feed_post, "draft_row", surprise)
    web.pages["/feed"] = rss(item("good"), item("bad"), item("better"))
    check = sky.feeds.check(number)
    assert (2, {"queued": 2, "failed": 1}) == (len(queued(sky)), ledger(sky))
    assert any("KeyError" in warning for warning in check.warnings)


def test_mentions_notify_only_where_they_are_asked_for(sky: Skywrite, web: FeedServer) -> None:
    """A handle in a title is text; with the setting it is a mention."""
    web.pages["/feed"] = rss()
    number = add(sky, web)
    web.pages["/feed"] = rss(item("Thanks @bob.test"))
    sky.feeds.check(number)
    sky.feeds.edit(number, mentions=True)
    web.pages["/feed"] = rss(item("Again @bob.test"))
    sky.feeds.check(number)
    kinds = [facet["features"][0]["$type"].rpartition("#")[2] for entry in sky.posts.list() for facet in facets(entry)]
    assert ["link", "mention", "link"] == kinds


def facets(entry: Any) -> list[dict[str, Any]]:
    """The facets of a post that waits."""
    facets: list[dict[str, Any]] = entry.post.prepared["records"][0]["facets"]
    return facets


@pytest.mark.parametrize("wrong", [{"labels": ["foo"]}, {"langs": ["english!"]}])
def test_settings_are_checked_before_a_feed_is_kept(sky: Skywrite, web: FeedServer, wrong: dict[str, Any]) -> None:
    """A label or language that no post may have refuses the feed, instead of each of its items."""
    web.pages["/feed"] = rss(item("one"))
    with pytest.raises(InputError):
        add(sky, web, **wrong)
    assert [] == sky.feeds.list()


def test_the_card_is_the_pages(sky: Skywrite, web: FeedServer) -> None:
    """Without an image of its own an item is posted with the card of its page."""
    web.pages["/page"] = Reply(b"<title>The page</title>", headers={"content-type": "text/html"})
    web.pages["/feed"] = rss(item("one", link=f"{web.url}/page"))
    add(sky, web, backfill=1, images="auto")
    assert "The page" == sky.posts.list()[0].post.draft["card"]["title"]


def test_a_link_to_a_private_place_gives_no_card(sky: Skywrite, web: FeedServer) -> None:
    """A feed cannot make us open private addresses: the item is posted without a card."""
    web.pages["/feed"] = rss(item("one", link="http://10.0.0.7/secret"))
    add(sky, web, backfill=1, images="auto", template="{{ title }}")
    assert (["one"], "none") == (queued(sky), sky.posts.list()[0].post.draft.get("card", "auto"))


def test_preview_shows_and_stores_nothing(sky: Skywrite, web: FeedServer) -> None:
    """A preview shows the latest items as posts, with what the ledger and the filters say of each."""
    web.pages["/feed"] = rss(item("three"), item("two"), item("one"))
    add(sky, web, exclude=["two"])
    web.pages["/feed"] = rss(item("five"), item("two again"), item("three"))
    shown = sky.feeds.preview("1", limit=5, images="none")
    told = [(one.title, one.state, one.ready is not None) for one in shown]
    assert [("five", "new", True), ("two again", "filtered", True), ("three", "passed", True)] == told
    assert ([], {"passed": 3}) == (queued(sky), ledger(sky))


def test_a_preview_names_items_that_are_the_same(sky: Skywrite, web: FeedServer) -> None:
    """Two items with one guid, or with everything else in common, are one: only one is posted, and it says which."""
    same = {"link": "https://blog.test/x", "pubDate": "Tue, 24 Nov 2026 10:00:00 GMT"}
    web.pages["/feed"] = rss(item("a", title="First"), item("a", title="Second", link="https://blog.test/other"))
    shown = sky.feeds.preview(web.url + "/feed", limit=5, images="none")
    assert [
        ("First", "new", "", True),
        ("Second", "repeated", "the same item as 'First': it has the same guid, guid-a", False),
    ] == [(one.title, one.state, one.same_as, one.ready is not None) for one in shown]
    web.pages["/feed"] = rss(item("b", title="T", **same), item("c", title="T", **same))
    (reason,) = [one.same_as for one in sky.feeds.preview(web.url + "/feed", limit=5, images="none") if one.same_as]
    assert "the same item as 'T': it has the same title, link and date" == reason


def test_an_edit_before_its_turn_is_posted_as_edited(sky: Skywrite, web: FeedServer) -> None:
    """An item that waits says what the feed said last."""
    web.pages["/feed"] = rss()
    add(sky, web, most=1)
    web.pages["/feed"] = rss(item("b", title="Tpyo"), item("a"))
    sky.feeds.check(1)
    web.pages["/feed"] = rss(item("b", title="Typo"), item("a"))
    sky.feeds.check(1)
    assert ["a", "Typo"] == queued(sky)


def test_an_item_that_cannot_be_posted_stops_no_other(sky: Skywrite, web: FeedServer) -> None:
    """An item whose text would be empty is told as failed; the others go out."""
    web.pages["/feed"] = rss()
    add(sky, web, template="{{ summary }}")
    web.pages["/feed"] = rss(item("b", description="Fine"), item("a"))
    check = sky.feeds.check(1)
    assert (["Fine"], {"failed": 1, "queued": 1}) == (queued(sky), ledger(sky))
    assert any("empty text" in warning for warning in check.warnings)


def test_a_changed_feed_goes_on_where_it_was(sky: Skywrite, web: FeedServer) -> None:
    """Another template, another account: what was posted stays posted, and what was not given stays as it was."""
    web.pages["/feed"] = rss(item("one"))
    number = add(sky, web, backfill=1, labels=["porn"])
    sky.feeds.edit(number, accounts=["bob.test"], template="New: {{ title }}")
    web.pages["/feed"] = rss(item("two"), item("one"))
    sky.feeds.check(number)
    waiting = [(entry.account.handle, entry.post.text, entry.post.draft["labels"]) for entry in sky.posts.list()]
    assert [("alice.test", "one\n\nhttps://site.example/one", ["porn"]), ("bob.test", "New: two", ["porn"])] == sorted(
        waiting
    )


def test_an_empty_option_is_the_default_again(sky: Skywrite, web: FeedServer) -> None:
    """A template or a filter is taken back."""
    web.pages["/feed"] = rss(item("one"))
    number = add(sky, web, template="{{ title }}", include=["two"])
    changed = sky.feeds.edit(number, template="", include=[])
    assert set() == {"template", "include"} & set(changed.feed.settings)


@pytest.mark.parametrize(
    "wrong",
    [{"template": "{{"}, {"most": 0}, {"spacing": "never"}, {"spacing": "slots"}, {"backfill": 3}, {"every": "1s"}],
)
def test_a_wrong_change_leaves_a_feed_as_it_was(sky: Skywrite, web: FeedServer, wrong: dict[str, Any]) -> None:
    """Each option is checked as when a feed is added."""
    web.pages["/feed"] = rss(item("one"))
    number = add(sky, web)
    before = sky.feeds.get(number)
    with pytest.raises(InputError):
        sky.feeds.edit(number, **wrong)
    assert before == sky.feeds.get(number)


def test_removing_a_feed_leaves_its_posts(sky: Skywrite, web: FeedServer) -> None:
    """A feed that is removed leaves its posts in the queue; asking for it is an error."""
    web.pages["/feed"] = rss(item("one"))
    add(sky, web, backfill=1)
    sky.feeds.remove(1)
    assert (["one"], []) == (queued(sky), sky.feeds.list())
    with fails("feed.unknown"):
        sky.feeds.check(1)


# Many at once, and sudden ends


def test_a_feed_is_checked_by_one_at_a_time(sky: Skywrite, web: FeedServer) -> None:
    """While one process holds a feed, another is told so."""
    web.pages["/feed"] = rss()
    add(sky, web)
    FeedStore(sky.context.store).claim_feed(1, "elsewhere/1/x", 300)
    with fails("feed.busy", match="another process"):
        sky.feeds.check(1)


def test_two_checkers_racing_post_each_item_once(tmp_path: Path, web: FeedServer) -> None:
    """Two processes' worth of checkers at one feed: the one that lost its lease stores nothing."""
    from skywrite.core.config import load_config

    with sandboxed(tmp_path) as sky:
        web.pages["/feed"] = rss(item("old"))
        add(sky, web)
        news = rss(*(item(f"n{n}") for n in range(4)), item("old"))
        both = threading.Barrier(2, timeout=PATIENCE_SECONDS)

        def serve(asked: Asked) -> Reply:
            both.wait()
            return Reply(news)

        web.pages["/feed"] = serve
        with Skywrite(config=load_config(environment(tmp_path)), clock=sky.context.clock) as other:
            first = FeedStore(sky.context.store).claim_feed(1, "one", 300)
            assert first is not None
            pass_time(sky, seconds=301)
            second = FeedStore(other.context.store).claim_feed(1, "two", 300)
            assert second is not None
            checks = []
            late = threading.Thread(target=lambda: checks.append(FeedChecks(sky.context, sky._drafting).run(first)))
            late.start()
            checks.append(FeedChecks(other.context, other._drafting).run(second))
            late.join()
        assert ["n0", "n1", "n2", "n3"] == sorted(queued(sky))
        assert [None, "feed.lease_lost"] == sorted(
            (check.problem.code if check.problem else None for check in checks), key=str
        )


def check_and_die(environ: dict[str, str], place: str, count: int) -> None:
    """Check feed 1 in a process that is killed in the middle: the `count`-th time it comes to `place`."""
    os.environ.update(environ)
    from skywrite.queue.database import Transaction

    seen = 0

    def dying(inner: Any) -> Any:
        def call(*arguments: Any, **values: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen == count:
                os.kill(os.getpid(), 9)
            return inner(*arguments, **values)

        return call

    owner: Any = Transaction if place in ("run", "run_many") else FeedStore
    setattr(owner, place, dying(getattr(owner, place)))
    with Skywrite() as sky:
        sky.feeds.check(1)


@pytest.mark.parametrize("place", ["known_items", "record_poll", "pending_items", "queue_item", "run"])
def test_a_kill_between_fetch_and_queue_loses_and_repeats_nothing(tmp_path: Path, web: FeedServer, place: str) -> None:
    """kill -9 before any step, and inside the transactions: after the next check each item is in the queue once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.features.feeds.test_feeds"])
    counts = (1, 2, 3) if place in ("queue_item",) else (5, 8, 11, 14, 18, 25) if place == "run" else (1,)
    with sandboxed(tmp_path) as sky:
        web.pages["/feed"] = rss(item("old"))
        add(sky, web)
        web.pages["/feed"] = rss(item("c"), item("b"), item("a"), item("old"))
        kills = 0
        for count in counts:
            process = context.Process(target=check_and_die, args=(environment(tmp_path), place, count))
            process.start()
            process.join()
            kills += process.exitcode == -9
            pass_time(sky, minutes=10)
        sky.feeds.check_due()
        sky.feeds.check(1)
        keys = [entry.post.key for entry in sky.posts.list()]
        assert (["a", "b", "c"], 3) == (sorted(queued(sky)), len(set(keys)))
        assert kills >= 1


def test_the_lease_of_a_dead_checker_ends_at_once(tmp_path: Path, web: FeedServer) -> None:
    """After kill -9 nobody waits for the lease when the process is seen to be gone."""
    context = multiprocessing.get_context("forkserver")
    with sandboxed(tmp_path) as sky:
        web.pages["/feed"] = rss()
        add(sky, web)
        process = context.Process(target=check_and_die, args=(environment(tmp_path), "record_poll", 1))
        process.start()
        process.join()
        assert -9 == process.exitcode
        assert None is sky.feeds.check(1).problem


def test_many_feeds_are_checked_in_one_go(sky: Skywrite, web: FeedServer) -> None:
    """Every feed that is due is checked once."""
    for number in range(40):
        web.pages[f"/{number}"] = rss(item(f"old{number}"))
        add(sky, web, f"/{number}")
        web.pages[f"/{number}"] = rss(item(f"new{number}"), item(f"old{number}"))
    web.asked.clear()
    pass_time(sky, hours=1)
    assert (40, 40) == (len(sky.feeds.check_due()), len({asked.path for asked in web.asked}))
    assert sorted(f"new{number}" for number in range(40)) == sorted(queued(sky))


@pytest.mark.parametrize("stopped", ["before", "meanwhile"])
def test_a_stopped_worker_gives_its_feeds_back(sky: Skywrite, web: FeedServer, stopped: str) -> None:
    """It begins with no other feed, and leaves none held; none counts as failed."""
    for number in range(4):
        web.pages[f"/{number}"] = rss()
        add(sky, web, f"/{number}")
    pass_time(sky, hours=1)
    stopping = threading.Event()

    def end(asked: Asked) -> Reply:
        stopping.set()
        sky.context.ending.come()
        return Reply(rss())

    if stopped == "before":
        stopping.set()
    web.pages = dict.fromkeys(web.pages, end)
    task = FeedTask(FeedChecks(sky.context, sky._drafting))
    Rounds(task, sky.context.clock, stopping, wait=True, threads=1).run()
    feeds = FeedStore(sky.context.store).feeds()
    # The one that was asked for may have answered before the end of its request was noticed.
    looked_at = [check.feed_id for check in task.done]
    assert len(looked_at) <= (stopped == "meanwhile")
    assert ([], 4) == (
        Leases(sky.context.store).owners(),
        len(looked_at) + len(FeedStore(sky.context.store).due_feeds()),
    )
    assert {0} == {feed.failures for feed in feeds}


def test_a_long_life_posts_each_item_once(sky: Skywrite, web: FeedServer) -> None:
    """Hundreds of items over sixty looks, with every change and every fault in between: each is queued once."""
    chance = random.Random(7)
    web.pages["/feed"] = rss()
    add(sky, web, most=3)
    shown: list[str] = []
    for number in range(60):
        shown += [f"n{number}x{place}" for place in range(chance.randrange(4))]
        part = [name for name in shown[-12:] if chance.random() < 0.9]
        chance.shuffle(part)
        whole = rss(*(changed(name, chance) for name in part))
        fault = chance.random()
        web.pages["/feed"] = (
            Reply(status=503)
            if fault < 0.1
            else Reply(b"")
            if fault < 0.2
            else whole[: len(whole) // 2]
            if fault < 0.3
            else whole
        )
        sky.feeds.check(1)
        pass_time(sky, minutes=35)
    web.pages["/feed"] = rss(*(item(name) for name in reversed(shown)))
    while sky.feeds.check(1).waiting:
        pass
    names = [text.split()[0] for text in queued(sky)]
    assert sorted(shown) == sorted(names)


def changed(name: str, chance: random.Random) -> str:
    """An item as a careless feed shows it."""
    return item(
        name,
        title=chance.choice([name, f"{name} corrected", f"{name} (updated)"]),
        guid=chance.choice([f"guid-{name}", f"GUID-{name.upper()}"]),
        link=f"https://site.example/{name}" + chance.choice(["", "/", "?utm_source=a", "?utm_medium=b&amp;fbclid=c"]),
        description=chance.choice(["", "words"]),
    )


def test_the_next_poll_is_shown_in_the_zone_of_its_account(sky: Skywrite, web: FeedServer) -> None:
    """As all other times are, with the zone's name; in the computer's, if the account is gone."""
    web.pages["/feed"] = Reply(rss())
    add(sky, web)
    sky.accounts.set(None, {"zone": "Asia/Tokyo"})
    status = sky.feeds.get(1)
    assert status.feed.next_check_at is not None
    tokyo = status.feed.next_check_at.astimezone(ZoneInfo("Asia/Tokyo"))
    assert f"{tokyo:%Y-%m-%d %H:%M} Asia/Tokyo" == next_poll(sky, status)
    assert next_poll(sky, replace(status, accounts=())).endswith(f" {local_zone()}")
