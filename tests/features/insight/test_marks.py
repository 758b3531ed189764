"""What became of posts: counted at fixed ages, in few requests, and said without guessing."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from skywrite.app import Skywrite
from skywrite.core.errors import InputError
from skywrite.features.insight.service import EVERY, MarkTask, _counted, batches
from skywrite.features.insight.stats import grouped
from skywrite.posting.publish.rounds import take_all
from skywrite.queue.marks import AGES_HOURS, LATE_MIN, LATE_PART, Mark, Marks, ToMark, kind_of
from tests.support.world import NOON, World


@pytest.fixture
def counting(world: World) -> Skywrite:
    """A process that counts at the sandbox's AppView, where alice.test and bob.test are signed in."""
    sky = world.process(SKYWRITE_APPVIEW=world.box.url)
    for handle in ("bob.test", "alice.test"):
        sky.accounts.login(handle, world.box.account(handle).app_password, pds=world.box.url)
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
        take_all(MarkTask(counting.context))
        like(counting, sent.uri, sent.cid, "app.bsky.feed.repost")
        take_all(MarkTask(counting.context))
    counts = [(mark.age_hours, mark.likes, mark.reposts) for mark in counting.stats.of(sent.id)]
    assert [(age, 1, min(number, 1)) for number, age in enumerate(AGES_HOURS)] == counts


def test_a_count_that_would_come_too_late_is_left_out(counting: Skywrite, world: World) -> None:
    """A worker that was off for a day does not call a day an hour."""
    sent = counting.post("Missed")
    world.clock.advance(24 * 3600)
    take_all(MarkTask(counting.context))
    assert [24] == [mark.age_hours for mark in counting.stats.of(sent.id)]


def test_twenty_five_posts_are_one_request(counting: Skywrite, world: World) -> None:
    """One that is not full waits for the next turn, and no login goes along."""
    for number in range(51):
        counting.schedule(f"Post {number}", at=NOON + timedelta(seconds=1))
    world.clock.advance(2)
    counting.run_once()
    world.clock.advance(3600)
    world.box.calls.clear()
    for requests, posts in ((2, 50), (3, 51)):
        take_all(MarkTask(counting.context))
        assert requests == world.box.calls["app.bsky.feed.getPosts"] == sum(world.box.calls.values())
        assert posts == len(Marks(counting.context.store).at(1, NOON))
        world.clock.advance(EVERY.total_seconds())


def test_ten_thousand_posts_a_day_are_2400_requests() -> None:
    """In any day in which posts of all six ages are due, turn by turn; each is counted in time, and none is left."""
    day, posts = 86_400, 10_000
    due, requests, counted = list[ToMark](), 0, 0
    arriving = iter(
        [
            (second, age)
            for second in range(day)
            if second * posts // day != (second + 1) * posts // day
            for age in AGES_HOURS
        ]
    )
    item = next(arriving, None)
    for turn in range(1, 146):
        now = NOON + turn * EVERY
        while item is not None and NOON + timedelta(seconds=item[0]) <= now:
            patience = max(timedelta(hours=item[1]) * LATE_PART, LATE_MIN)
            due.append(ToMark(item[0], "at://x", "did", item[1], "text", NOON + timedelta(seconds=item[0]) + patience))
            item = next(arriving, None)
        asked = batches(due, now)
        assert all(one.late_at >= now for batch in asked for one in batch)
        requests, counted = requests + len(asked), counted + sum(map(len, asked))
        gone = {(one.post_id, one.age_hours) for batch in asked for one in batch}
        due = [one for one in due if (one.post_id, one.age_hours) not in gone]
    assert (posts * len(AGES_HOURS), []) == (counted, due)
    assert requests <= 2400


def test_a_busy_day_is_counted_with_full_requests(counting: Skywrite, world: World) -> None:
    """The task itself, on a database with half of that: 25 counts for each request."""
    sent = counting.post("One of many")
    copy_posts(counting, sent.id, 5000)
    world.box.calls.clear()
    for _ in range(12):
        world.clock.advance(EVERY.total_seconds())
        take_all(MarkTask(counting.context))
    noted = sum(len(Marks(counting.context.store).at(age, NOON - timedelta(days=9))) for age in AGES_HOURS)
    assert noted == 25 * world.box.calls["app.bsky.feed.getPosts"] > 500


def copy_posts(sky: Skywrite, post_id: int, count: int) -> None:
    """Copies of a published post under addresses of their own, spread over the day before."""
    with closing(sqlite3.connect(sky.context.config.database)) as database, database:
        own_columns = ("id", "published_at", "updated_at", "uri", "key", "text")
        columns = [row[1] for row in database.execute("PRAGMA table_info(post)") if row[1] not in own_columns]
        names = ", ".join(columns)
        insert = (
            f"INSERT INTO post ({names}, published_at, updated_at, uri) SELECT {names}, ?, ?, ? FROM post WHERE id = ?"
        )
        times = [NOON - timedelta(days=1) * number / count for number in range(count)]
        texts = [at.strftime("%Y-%m-%dT%H:%M:%S.000000Z") for at in times]
        rows = [(text, text, f"at://did:plc:copy/app.bsky.feed.post/{at}", post_id) for at, text in enumerate(texts)]
        database.executemany(insert, rows)


def test_a_post_that_is_not_shown_is_noted_as_that(counting: Skywrite, world: World) -> None:
    """Deleted or taken down: nobody can know which, and no count is made up."""
    sent = counting.post("Gone soon")
    counting.posts.delete(sent.id)
    world.clock.advance(3600)
    take_all(MarkTask(counting.context))
    (mark,) = counting.stats.of(sent.id)
    assert (False, None) == (mark.is_shown, mark.likes)
    total = counting.stats.total(at=1)
    assert (0, 1, ("1 deleted here",)) == (total.posts, total.not_shown, total.notes)


def test_labels_and_disappearances_are_said_as_what_they_are(
    counting: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A label with its name and number; what is gone by another hand is not called a takedown. Also in the CSV."""
    texts = ("Labelled", "Fine", "Gone elsewhere")
    sent = [counting.post(text, labels=["graphic-media"] if text == "Labelled" else []) for text in texts]
    counting.context.agent(counting.accounts.get()).procedure(
        "com.atproto.repo.deleteRecord",
        {"repo": sent[2].uri.split("/")[2], "collection": "app.bsky.feed.post", "rkey": sent[2].uri.split("/")[4]},
    )
    world.clock.advance(3600)
    take_all(MarkTask(counting.context))
    notes = ("1 not shown by the network: deleted elsewhere, or taken down", "1 labelled graphic-media by you")
    assert notes == counting.stats.total(at=1).notes
    text = counting.stats.csv()
    rows = list(csv.DictReader(io.StringIO(text)))
    # Terminals escape carriage returns.
    assert (False, {"alice.test"}) == ("\r" in text, {row["account"] for row in rows})
    assert [("self:graphic-media", "shown"), ("", "shown"), ("", "not shown")] == [
        (row["labels"], row["seen"]) for row in rows
    ]


def test_labels_of_moderators_are_not_called_ones_own() -> None:
    """Nor are labels kept that were taken back, or are none."""
    raw_labels: list[Any] = [
        {"src": "did:plc:mod", "val": "spam"},
        {"src": "did:plc:mod", "val": "rude", "neg": True},
        {"src": "did:plc:a", "val": "porn"},
        "spam",
        {},
    ]
    counts, labels = _counted({"uri": "at://did:plc:a/app.bsky.feed.post/1", "likeCount": 2, "labels": raw_labels})
    assert (2, ["self:porn", "spam"]) == ((counts or {})["likes"], labels)
    notes = grouped([mark(labels=tuple(labels))], "kind", ZoneInfo("UTC"))[0].notes
    assert ("1 labelled porn by you", "1 labelled spam by a moderation service") == notes


def test_an_appview_that_is_away_delays_nothing(counting: Skywrite, world: World) -> None:
    """The task ends at its first failure, and asks again in its next turn."""
    sent = counting.post("Later")
    world.clock.advance(3600)
    world.box.faults.add("app.bsky.feed.getPosts", kind="error_500", times=1)
    logged: list[str] = []
    take_all(MarkTask(counting.context, lambda event, **facts: logged.append(event)))
    assert (["marks_failed"], []) == (logged, counting.stats.of(sent.id))
    take_all(MarkTask(counting.context))
    assert 1 == len(counting.stats.of(sent.id))


def test_who_wants_no_marks_gets_none(counting: Skywrite, sky: Skywrite, world: World) -> None:
    """By setting; and posts on a server of one's own computer are never asked for at the public AppView."""
    sent = counting.post("Private")
    counting.accounts.set(None, {"marks": "no"})
    world.clock.advance(3600)
    world.box.calls.clear()
    take_all(MarkTask(counting.context))
    counting.accounts.set(None, {"marks": "yes"})
    take_all(MarkTask(sky.context))
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

    kinds = [kind(""), kind("images"), kind("video"), kind("external"), kind("recordWithMedia"), kind("", "")]
    assert ["text", "images", "video", "link", "quote", "thread"] == kinds


def test_the_command_and_its_csv(counting: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table by hour with what it counts, CSV line by line, and a clear error for another age."""
    from skywrite.features.insight.cli import stats_command

    monkeypatch.setattr("skywrite.app.Skywrite", lambda *_: world.process(SKYWRITE_APPVIEW=world.box.url))
    counting.accounts.set(None, {"zone": "UTC"})
    sent = counting.post("Count me")
    like(counting, sent.uri, sent.cid)
    world.clock.advance(3600)
    take_all(MarkTask(counting.context))
    run: Callable[..., Any] = CliRunner().invoke
    table = run(stats_command, ["--by", "hour", "--after", "1"]).output
    assert "12:00" in table and "Counted 1 h after publishing" in table
    rows = list(csv.DictReader(io.StringIO(run(stats_command, ["--csv"]).output)))
    assert [("1", "1", "0")] == [(row["age_hours"], row["likes"], row["reposts"]) for row in rows]
    assert isinstance(run(stats_command, ["--after", "2"]).exception, InputError)
