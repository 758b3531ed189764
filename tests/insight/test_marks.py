"""What became of posts: counted at fixed ages, in few requests, and said without guessing."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from skywrite.app import Skywrite
from skywrite.app.marks import MarkTask
from skywrite.errors import InputError
from skywrite.insight.stats import grouped
from skywrite.queue.marks import AGES_HOURS, Mark, Marks, kind_of
from tests.app.conftest import NOON, World


@pytest.fixture
def counting(world: World) -> Skywrite:
    """A process that counts at the sandbox's AppView, where alice.test and bob.test are signed in."""
    sky = world.process(SKYWRITE_APPVIEW=world.box.url)
    for handle in ("bob.test", "alice.test"):
        sky.login(handle, world.box.account(handle).app_password, pds=world.box.url)
    sky.accounts.set_default("alice.test")
    return sky


def like(sky: Skywrite, uri: str, cid: str, collection: str = "app.bsky.feed.like") -> None:
    """Bob likes (or reposts) a post."""
    agent = sky.context.agent(sky.accounts.get("bob.test"))
    record = {"$type": collection, "subject": {"uri": uri, "cid": cid}, "createdAt": "2026-11-24T12:00:00.000Z"}
    body = {"repo": agent.did, "collection": collection, "record": record}
    agent.procedure("com.atproto.repo.createRecord", body)


def test_counts_are_taken_at_each_age_once(counting: Skywrite, world: World) -> None:
    """At 1, 6, 24, 72, 168 and 720 hours; what is counted later does not change what was."""
    sent = counting.post("Count me")
    like(counting, sent.uri, sent.cid)
    hours = 0
    for age in AGES_HOURS:
        world.clock.advance((age - hours) * 3600)
        hours = age
        MarkTask(counting.context).run()
        like(counting, sent.uri, sent.cid, "app.bsky.feed.repost")
        MarkTask(counting.context).run()
    found = [(mark.age_hours, mark.likes, mark.reposts) for mark in counting.stats.of(sent.id)]
    assert [(age, 1, min(number, 1)) for number, age in enumerate(AGES_HOURS)] == found


def test_a_count_that_would_come_too_late_is_left_out(counting: Skywrite, world: World) -> None:
    """A worker that was off for a day does not call a day an hour."""
    sent = counting.post("Missed")
    world.clock.advance(24 * 3600)
    MarkTask(counting.context).run()
    assert [24] == [mark.age_hours for mark in counting.stats.of(sent.id)]


def test_twenty_five_posts_are_one_request(counting: Skywrite, world: World) -> None:
    """So 10,000 posts a day are 2,400 requests, and no login goes along."""
    for number in range(51):
        counting.schedule(f"Post {number}", at=NOON + timedelta(seconds=1))
    world.clock.advance(2)
    counting.run_once()
    world.clock.advance(3600)
    world.box.calls.clear()
    MarkTask(counting.context).run()
    assert 3 == world.box.calls["app.bsky.feed.getPosts"] == sum(world.box.calls.values())
    assert 51 == len(Marks(counting.context.store).at(1, NOON))


def test_a_post_that_is_not_shown_is_noted_as_that(counting: Skywrite, world: World) -> None:
    """Deleted or taken down: nobody can know which, and no count is made up."""
    sent = counting.post("Gone soon")
    counting.posts.delete(sent.id)
    world.clock.advance(3600)
    MarkTask(counting.context).run()
    (mark,) = counting.stats.of(sent.id)
    assert (False, None) == (mark.is_shown, mark.likes)
    assert (0, 1) == (counting.stats.total(at=1).posts, counting.stats.total(at=1).not_shown)


def test_an_appview_that_is_away_delays_nothing(counting: Skywrite, world: World) -> None:
    """The task ends at its first failure, and asks again in its next turn."""
    sent = counting.post("Later")
    world.clock.advance(3600)
    world.box.faults.add("app.bsky.feed.getPosts", kind="error_500", times=1)
    logged: list[str] = []
    MarkTask(counting.context, lambda event, **facts: logged.append(event)).run()
    assert (["marks_failed"], []) == (logged, counting.stats.of(sent.id))
    MarkTask(counting.context).run()
    assert 1 == len(counting.stats.of(sent.id))


def test_who_wants_no_marks_gets_none(counting: Skywrite, sky: Skywrite, world: World) -> None:
    """By setting; and posts on a server of one's own computer are never asked for at the public AppView."""
    sent = counting.post("Private")
    counting.set(None, {"marks": "no"})
    world.clock.advance(3600)
    world.box.calls.clear()
    MarkTask(counting.context).run()
    counting.set(None, {"marks": "yes"})
    MarkTask(sky.context).run()
    assert ({}, []) == (dict(world.box.calls), counting.stats.of(sent.id))


def mark(**values: Any) -> Mark:
    """A mark of a post at noon."""
    known: dict[str, Any] = {
        "post_id": 1,
        "uri": "at://x",
        "account_did": "did:plc:a",
        "source": "feed:3",
        "published_at": NOON,
        "age_hours": 24,
        "taken_at": NOON,
        "kind": "text",
        **dict.fromkeys(("likes", "reposts", "replies", "quotes", "bookmarks"), 1),
    }
    return Mark(**(known | values))


def test_medians_of_few_posts_are_withheld() -> None:
    """Nineteen posts have a sum, twenty have a median too."""
    few = grouped([mark(likes=number) for number in range(19)], "kind", ZoneInfo("UTC"))[0]
    enough = grouped([mark(likes=number) for number in range(20)], "kind", ZoneInfo("UTC"))[0]
    assert (171, None) == (few.sums["likes"], few.medians)
    assert enough.medians is not None and 9.5 == enough.medians["likes"]


@pytest.mark.parametrize(
    ("by", "name"),
    [
        ("day", "2026-11-25"),
        ("hour", "01:00"),
        ("weekday", "Wednesday"),
        ("source", "feed"),
        ("kind", "text"),
        ("account", "did:plc:a"),
    ],
)
def test_groups_are_named_in_the_accounts_zone(by: str, name: str) -> None:
    """A post at noon UTC is at one in the night in Auckland."""
    assert name == grouped([mark()], by, ZoneInfo("Pacific/Auckland"))[0].name


def test_kinds_of_posts() -> None:
    """By what it holds; a thread is a thread."""

    def kind(*embeds: str) -> str:
        return kind_of({"records": [{"embed": {"$type": f"app.bsky.embed.{name}"}} if name else {} for name in embeds]})

    found = [kind(""), kind("images"), kind("video"), kind("external"), kind("recordWithMedia"), kind("", "")]
    assert ["text", "images", "video", "link", "quote", "thread"] == found


def test_the_command_and_its_csv(counting: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table by hour with what it counts, CSV line by line, and a clear error for another age."""
    from skywrite.cli.stats import stats_command

    monkeypatch.setattr("skywrite.app.Skywrite", lambda *_: world.process(SKYWRITE_APPVIEW=world.box.url))
    counting.set(None, {"zone": "UTC"})
    sent = counting.post("Count me")
    like(counting, sent.uri, sent.cid)
    world.clock.advance(3600)
    MarkTask(counting.context).run()
    run: Callable[..., Any] = CliRunner().invoke
    table = run(stats_command, ["--by", "hour", "--after", "1"]).output
    assert "12:00" in table and "Counted 1 h after publishing" in table
    rows = list(csv.DictReader(io.StringIO(run(stats_command, ["--csv"]).output)))
    assert [("1", "1", "0")] == [(row["age_hours"], row["likes"], row["reposts"]) for row in rows]
    assert isinstance(run(stats_command, ["--after", "2"]).exception, InputError)
