"""The ledger: what each account spent and published, and what of it counts for the next decision."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from skywrite.core.clock import FakeClock
from skywrite.queue import ledger
from skywrite.queue.database import time_of
from skywrite.queue.ledger import Ledger
from skywrite.queue.model import AccountView, Post, Published, Take
from skywrite.queue.store import Store
from tests.support.stored import ALICE, BOB, NOON, claimed, later, post, raw, take

DONE = Published("at://did:plc:alice/app.bsky.feed.post/3kroot", "bafypost", ("3kroot",))


def publish(store: Store, clock: FakeClock, at: datetime, *, points: int = 3, did: str = ALICE) -> None:
    """Publish a post at a moment."""
    clock.set(at)
    store.posts.add([post(due=at, did=did)])
    store.claims.settle(claimed(store, take("F", points)), DONE)


def counted(view: AccountView) -> tuple[int, ...]:
    """Points of the last hour and day; posts of today, yesterday and the last 24 hours."""
    return (
        view.points_last_hour,
        view.points_last_day,
        view.published_today,
        view.published_yesterday,
        view.published_last_day,
    )


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-24 12:00:59", (3, 3, 1, 0, 1)),
        ("2026-11-24 11:00:59", (3, 3, 1, 0, 1)),
        ("2026-11-24 10:59:59", (0, 3, 1, 0, 1)),
        ("2026-11-24 00:00:00", (0, 3, 1, 0, 1)),
        ("2026-11-23 23:59:59", (0, 3, 0, 1, 1)),
        ("2026-11-23 12:00:00", (0, 3, 0, 1, 1)),
        ("2026-11-23 11:59:59", (0, 0, 0, 1, 0)),
        ("2026-11-23 00:00:00", (0, 0, 0, 1, 0)),
        ("2026-11-22 23:59:59", (0, 0, 0, 0, 0)),
    ],
)
def test_what_counts_a_moment_after_noon(store: Store, clock: FakeClock, at: str, expected: tuple[int, ...]) -> None:
    """Points are kept by the minute, and the minute that is not quite over counts; days begin at midnight."""
    publish(store, clock, datetime.fromisoformat(f"{at}+00:00"))
    clock.set(NOON + timedelta(seconds=59, microseconds=5))
    assert (expected, (0, 0, 0, 0, 0)) == (counted(store.claims.view(ALICE)), counted(store.claims.view(BOB)))


def test_what_happens_within_a_minute_is_added_up(store: Store, clock: FakeClock) -> None:
    """Points and posts, also of attempts that cost nothing; what one account spends is not the other's."""
    for seconds, points in ((1, 3), (2, 4), (3, 0)):
        publish(store, clock, later(seconds), points=points)
    publish(store, clock, later(4), points=20, did=BOB)
    assert ((7, 7, 3, 0, 3), (20, 20, 1, 0, 1)) == (counted(store.claims.view(ALICE)), counted(store.claims.view(BOB)))


def test_a_day_of_23_hours(store: Store, clock: FakeClock) -> None:
    """After midnight, the last 24 hours reach back to before the day when the clocks were put forward."""
    store.accounts.set_settings(ALICE, {"zone": "Europe/Berlin"})
    publish(store, clock, datetime.fromisoformat("2026-03-28 23:45+01:00"))
    publish(store, clock, datetime.fromisoformat("2026-03-29 23:59+02:00"))
    clock.set(datetime.fromisoformat("2026-03-30 00:30+02:00"))
    assert (3, 6, 0, 1, 2) == counted(store.claims.view(ALICE))


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus", "../etc/passwd", 5])
def test_a_zone_that_nobody_knows_is_utc(store: Store, clock: FakeClock, zone: object) -> None:
    """Whatever stands in the settings, posts are counted, by the days of UTC."""
    store.accounts.set_settings(ALICE, {"zone": zone})
    publish(store, clock, datetime.fromisoformat("2026-11-23 23:59+00:00"))
    clock.set(NOON)
    assert (0, 3, 0, 1, 1) == counted(store.claims.view(ALICE))


def test_each_account_of_a_batch_has_its_own_day(store: Store, clock: FakeClock) -> None:
    """Decisions about several accounts at once see each in its own zone."""
    store.accounts.set_settings(ALICE, {"zone": "Asia/Tokyo"})
    for did in (ALICE, BOB):
        publish(store, clock, NOON.replace(hour=14), did=did)
    clock.set(NOON.replace(hour=16))
    store.posts.add([post("a"), post("b", did=BOB)])
    seen = {}

    def decide(post: Post, view: AccountView, now: datetime) -> Take:
        seen[post.account_did] = counted(view)
        return Take("F")

    store.claims.claim_some("w", 60, decide, 2, lambda: ([], None))
    assert {ALICE: (0, 3, 0, 1, 1), BOB: (0, 3, 1, 0, 1)} == seen


def test_write_points(store: Store, clock: FakeClock) -> None:
    """The view sums write points over the last hour and the last 24 hours, in the eyes of every process."""
    for minutes, points in ((0, 100), (23 * 60, 20), (23 * 60 + 59, 3)):
        clock.set(NOON + timedelta(minutes=minutes))
        store.posts.add([post(due=clock.now())])
        store.claims.settle(claimed(store, take("F", points)), DONE)
    view = store.claims.view(ALICE)
    assert (23, 123, 0) == (view.points_last_hour, view.points_last_day, store.claims.view(BOB).points_last_day)
    clock.set(NOON + timedelta(hours=24, minutes=1))
    assert 23 == store.claims.view(ALICE).points_last_day


def test_published_today_follows_the_zone(store: Store, clock: FakeClock) -> None:
    """Posts are counted from midnight in the account's own zone."""
    clock.set(NOON.replace(hour=22))
    store.posts.add([post(due=clock.now())])
    store.claims.settle(claimed(store), DONE)
    clock.set(NOON.replace(hour=23, minute=30))
    utc = store.claims.view(ALICE)
    store.accounts.set_settings(ALICE, {"zone": "Europe/Berlin"})
    berlin = store.claims.view(ALICE)
    assert (1, 0, 1) == (utc.published_today, berlin.published_today, berlin.published_last_day)


@pytest.mark.parametrize("at_once", [1, 2, 1_000])
def test_old_entries_are_dropped(store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    """Three days and three hours are kept, which is all that a budget needs; any number of accounts is cleaned up."""
    monkeypatch.setattr(ledger, "ACCOUNTS_AT_ONCE", at_once)

    def kept(did: str) -> list[float]:
        rows = raw(store, f"SELECT minute FROM spend WHERE account_did = '{did}' ORDER BY minute")
        return [(at - NOON).total_seconds() / 3600 for row in rows if (at := time_of(row["minute"]))]

    publish(store, clock, NOON, did=BOB)
    for hours in (0, 1, 75, 76):
        publish(store, clock, later(hours * 3600))
    before = kept(ALICE)
    Ledger(store).prune(later(76 * 3600))
    assert ([0, 1, 75, 76], [1, 75, 76], []) == (before, kept(ALICE), kept(BOB))
