"""A rehearsed week, with reposts and pins, against the same week, really published on the reference PDS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from skywrite.app import Skywrite
from skywrite.core.clock import FakeClock
from skywrite.core.config import load_config
from skywrite.features.rehearsal.service import Span, rehearse
from skywrite.features.reposts.service import PROFILE, REPOST
from tests.features.rehearsal.test_rehearsal import (
    fill_with_reposts,
    reposts_that_happened,
    reposts_that_would,
    what_happened,
    what_would,
    work,
)
from tests.support.pds import Pds, PdsAccount
from tests.support.world import NOON

WEEK_END = NOON + timedelta(days=7)
# Two days in, for three hours.
OFF = Span(NOON + timedelta(days=2), NOON + timedelta(days=2, hours=3))


@pytest.fixture
def clock() -> FakeClock:
    """The week's clock: the server has its own, and takes tokens by that."""
    return FakeClock(NOON)


@pytest.fixture
def sky(pds: Pds, account: PdsAccount, clock: FakeClock, tmp_path: Path) -> Iterator[Skywrite]:
    """A queue with an account on the reference PDS."""
    environ = {"SKYWRITE_HOME": str(tmp_path / "home"), "SKYWRITE_PLC_URL": pds.plc_url, "SKYWRITE_VIDEO_SERVICE": ""}
    with Skywrite(config=load_config(environ), clock=clock) as queue:
        queue.accounts.login(account.handle, account.app_password, pds=pds.url)
        yield queue


def fill(sky: Skywrite, image: Callable[..., str]) -> None:
    """A week with a gap, a cap, a recurrence, a thread, an image, links, and posts that nobody approves or that miss
    their time."""
    sky.accounts.set(None, {"gap_seconds": 600, "max_per_day": 8, "approval": "api", "zone": "Europe/Berlin"})
    for number in range(10):
        sky.schedule(f"Burst {number} https://example.com", at=NOON + timedelta(hours=1), card="none")
    sky.schedule("Good morning #news", every="daily 9:00", late="skip:30m")
    sky.schedule("A thread", at=NOON + timedelta(days=1), thread=["its second", "and its third post"])
    sky.schedule("An image", at=NOON + timedelta(days=3), images=[{"path": image(), "alt": "red"}])
    sky.schedule("Nobody approves it", at=NOON + timedelta(days=4), source="api")
    for minutes, late in ((10, "skip:30m"), (20, "hold:30m"), (30, "publish")):
        sky.schedule(f"Due while nothing runs: {late}", at=OFF.start + timedelta(minutes=minutes), late=late)


def test_a_rehearsed_week_is_the_week_on_the_reference_pds(
    sky: Skywrite, pds: Pds, account: PdsAccount, clock: FakeClock, image: Callable[..., str]
) -> None:
    """The same posts at the same times, in the same order, under the same keys, byte for byte; the same are held and
    skipped."""
    fill(sky, image)
    rehearsal = rehearse(sky, WEEK_END, outage=["thursday 12:00 UTC - thursday 15:00 UTC"])
    assert [] == pds.records(account.did)
    work(sky, clock, WEEK_END, OFF)
    assert what_happened(sky) == what_would(rehearsal)
    assert {"published", "held", "skipped"} == {act.what for act in rehearsal.acts}
    published = [act for act in rehearsal.acts if act.what == "published"]
    records = pds.records(account.did)
    # The later posts of the thread are no posts of the queue's own.
    first = [record for record in records if not record["value"].get("reply")]
    by_time = sorted(first, key=lambda record: str(record["value"]["createdAt"]))
    assert [(act.post.uri, act.post.cid) for act in published] == [(one["uri"], one["cid"]) for one in by_time]
    assert (len(published) + 2, True) == (len(records), len(published) > 18)


def test_rehearsed_reposts_are_those_on_the_reference_pds(
    sky: Skywrite, pds: Pds, account: PdsAccount, clock: FakeClock
) -> None:
    """The same are reposted, pinned and undone at the same times; what is left is on the server, and nothing else."""
    fill_with_reposts(sky)
    until = NOON + timedelta(days=1, hours=7)
    rehearsal = rehearse(sky, until)
    assert [] == pds.records(account.did, REPOST)
    work(sky, clock, until)
    assert reposts_that_happened(sky) == reposts_that_would(rehearsal)
    *_, last = [deed for deed in rehearsal.deeds if deed.what == "reposted"]
    assert [(last.action.uri, last.at)] == [
        (one["value"]["subject"]["uri"], datetime.fromisoformat(one["value"]["createdAt"]))
        for one in pds.records(account.did, REPOST)
    ]
    (profile,) = pds.records(account.did, PROFILE)
    assert ("pinned", False) == (rehearsal.deeds[1].what, "pinnedPost" in profile["value"])
