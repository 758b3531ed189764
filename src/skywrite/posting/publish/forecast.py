"""When posts really go out: an account's gaps and daily cap push what is too close together. Pure.

What lives here: the forecast that the plan and the queue show. What does not: the decision itself, which is made when a
post is due (`publish.budget`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from skywrite.posting.publish.budget import CATCH_UP_GAP_SECONDS, catch_up_gap, is_overdue, next_midnight

GAP = "the gap"
CAP = "the daily cap"
CATCH_UP = "the gap between overdue posts"
LONG_AGO = datetime(2, 1, 1, tzinfo=UTC)


class Push(NamedTuple):
    """A post that goes out later than it is due: when, and why."""

    at: datetime
    reason: str


class Pace(NamedTuple):
    """What an account allows: the minimum of seconds between posts, the maximum of posts a day, and the days' time
    zone.
    """

    gap_seconds: int
    max_per_day: int
    zone: str
    catch_up_gap_seconds: int = 0

    def reach(self, due_at: datetime, now: datetime, posts: int) -> datetime:
        """From when on those are due that can push a post which is due at a time and has `posts` before it.

        Each post takes a gap and its part of a day at most. Two days are for those that are begun at either end, and
        for hours that clocks are put back. Overdue posts all go out from now on.
        """
        gap_seconds = max(self.gap_seconds, self.catch_up_gap_seconds)
        days = posts // self.max_per_day + 2 if self.max_per_day else 0
        longest = timedelta(seconds=posts * gap_seconds, days=days)
        return LONG_AGO if due_at - now <= longest else due_at - longest


def pace_of(settings: Mapping[str, Any], zone: str) -> Pace:
    """The pace that an account has set, or the default of a worker that keeps running."""
    gap, most = int(settings.get("gap_seconds") or 0), int(settings.get("max_per_day") or 0)
    return Pace(gap, most, zone, catch_up_gap(settings, CATCH_UP_GAP_SECONDS))


class Forecast:
    """The forecast for one account, whose posts are passed one by one, in due order.

    `last`: when it last published. `now`: due posts go out now at the earliest; without it, at their time.
    `published_today` counts posts that are not passed.
    """

    def __init__(
        self, pace: Pace, last: datetime | None = None, now: datetime | None = None, *, published_today: int = 0
    ) -> None:
        self._pace, self._last, self._now = pace, last, now
        self._zone = ZoneInfo(pace.zone)
        self._days: Counter[date] = Counter({self._day(now): published_today} if now else {})

    def push(self, due_at: datetime, *, is_out: bool = False) -> Push | None:
        """How the next post is delayed; None if it is already out, or goes out when it is due."""
        at, reason = (due_at, "") if is_out else self._pushed(due_at)
        if self._pace.max_per_day:
            self._days[self._day(at)] += 1
        self._last = at if self._last is None else max(self._last, at)
        return Push(at, reason) if reason else None

    def _pushed(self, due_at: datetime) -> tuple[datetime, str]:
        pace, reason = self._pace, ""
        at = due_at if self._now is None else max(due_at, self._now)
        if self._last is not None:
            gaps = [(pace.gap_seconds, GAP)]
            if is_overdue(due_at, at):
                gaps.append((pace.catch_up_gap_seconds, CATCH_UP))
            for seconds, name in gaps:
                until = self._last + timedelta(seconds=seconds)
                if seconds and at < until:
                    at, reason = until, name
        while pace.max_per_day and self._days[self._day(at)] >= pace.max_per_day:
            at, reason = next_midnight(at, pace.zone), CAP
        return at, reason

    def _day(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()


def pushes(
    posts: Iterable[tuple[int, datetime, bool]], pace: Pace, last: datetime | None = None, now: datetime | None = None
) -> dict[int, Push]:
    """Which posts are delayed. `posts`: number, due time, and whether it is already out."""
    forecast = Forecast(pace, last, now)
    by_number = {
        number: forecast.push(due_at, is_out=is_out)
        for number, due_at, is_out in sorted(posts, key=lambda post: (post[1], post[0]))
    }
    return {number: push for number, push in by_number.items() if push is not None}
