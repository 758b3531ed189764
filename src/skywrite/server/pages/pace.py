"""When posts really go out: an account's gap and daily cap push what stands too close together. Pure.

What lives here: the forecast that the plan shows. What does not: the decision itself, which is made when a post is due
(`publish.budget`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from skywrite.publish.budget import next_midnight

GAP = "the gap"
CAP = "the daily cap"


class Push(NamedTuple):
    """A post goes out later than it is due: when, and because of what."""

    at: datetime
    reason: str


class Pace(NamedTuple):
    """What an account allows: the least seconds between two posts, the most posts a day, and whose days those are."""

    gap_seconds: int
    max_per_day: int
    zone: str


def pushes(posts: Iterable[tuple[int, datetime, bool]], pace: Pace, last: datetime | None = None) -> dict[int, Push]:
    """Which posts are pushed. `posts`: number, due time, and whether it is out already; `last`: the last one before."""
    zone, gap = ZoneInfo(pace.zone), timedelta(seconds=pace.gap_seconds)
    days: Counter[date] = Counter()
    found: dict[int, Push] = {}
    for number, due_at, is_out in sorted(posts, key=lambda post: (post[1], post[0])):
        at, reason = due_at, ""
        if not is_out:
            if pace.gap_seconds and last is not None and at < last + gap:
                at, reason = last + gap, GAP
            while pace.max_per_day and days[at.astimezone(zone).date()] >= pace.max_per_day:
                at, reason = next_midnight(at, pace.zone), CAP
            if reason:
                found[number] = Push(at, reason)
        days[at.astimezone(zone).date()] += 1
        last = at if last is None else max(last, at)
    return found
