"""The pace of an account: write points, gap, daily cap, and the gap between overdue posts. Pure.

Write points are what a PDS counts per account: a create costs 3, an update 2, a delete 1; 5000 an hour and 35,000 a day
(the reference PDS's limits). They cannot be queried, so the queue keeps its own ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from skywrite.queue.model import AccountView, Defer

CREATE_POINTS = 3
HOUR_POINTS_MAX = 5000
DAY_POINTS_MAX = 35_000
LEDGER_SECONDS = 60
# What a worker that keeps running leaves between overdue posts, and how late a post is then.
CATCH_UP_GAP_SECONDS = 30
OVERDUE = timedelta(minutes=5)
# An account that has published nothing for so long after its gap was not catching up: its worker was away.
CATCH_UP_SLACK = timedelta(minutes=2)


def check_pace(view: AccountView, points: int, now: datetime) -> Defer | None:
    """When the account may continue, or None if it may now."""
    return _gap(view, now) or _day(view, now) or _points(view, points, now)


def ready_since(view: AccountView, due_at: datetime, now: datetime) -> datetime:
    """Since when a due post could have gone out if the worker had run: the account's own pace does not count as
    lateness.
    """
    settings, last = view.account.settings, view.account.last_published_at
    since = due_at
    gap, most = settings.get("gap_seconds"), settings.get("max_per_day")
    if gap and last is not None and last <= now:
        since = max(since, last + timedelta(seconds=gap))
    if most and view.published_today >= most:
        since = now
    elif most and view.published_yesterday >= most:
        since = max(since, last_midnight(now, settings.get("zone", "UTC")))
    return min(since, now)


def is_overdue(due_at: datetime | None, now: datetime) -> bool:
    """Whether a post is so late that no worker can have been running."""
    return due_at is not None and now - due_at > OVERDUE


def catch_up_gap(settings: Mapping[str, Any], default: int) -> int:
    """Seconds between overdue posts of an account; one that set its own gap between all posts needs no default."""
    own = settings.get("catch_up_gap_seconds")
    if own is not None:
        return int(own)
    return 0 if settings.get("gap_seconds", 0) > 0 else default


def check_catch_up(view: AccountView, due_at: datetime, default: int, now: datetime) -> Defer | None:
    """When an overdue post may follow the previous one; None if it may now, and always for a post on time."""
    gap, last = catch_up_gap(view.account.settings, default), view.account.last_published_at
    if not gap or not is_overdue(due_at, now) or last is None or last > now:
        return None
    until = last + timedelta(seconds=gap)
    if now >= until:
        return None
    since = catching_up_since(view, default, now) or now
    return Defer(until, f"at least {gap} s between overdue posts", catching_up_since=since)


def catching_up_since(view: AccountView, default: int, now: datetime) -> datetime | None:
    """Since when an account has been publishing overdue posts without a break, or None if it has not.

    Lateness is measured at that time: the gap makes no post late that would have gone out without it.
    """
    since, last = view.account.catching_up_since, view.account.last_published_at
    if since is None or last is None:
        return None
    pause = timedelta(seconds=catch_up_gap(view.account.settings, default)) + CATCH_UP_SLACK
    return since if since <= now <= max(since, last) + pause else None


def last_midnight(now: datetime, zone: str) -> datetime:
    """The start of this day in a zone, in UTC."""
    return _local(now, zone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(now.tzinfo)


def next_midnight(now: datetime, zone: str) -> datetime:
    """The start of the next day in a zone, in UTC."""
    tomorrow = _local(now, zone) + timedelta(days=1)
    return tomorrow.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(now.tzinfo)


def _local(now: datetime, zone: str) -> datetime:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return now.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        # Only another computer knows this zone; like the ledger, this one counts in UTC.
        return now.astimezone(UTC)


def _gap(view: AccountView, now: datetime) -> Defer | None:
    gap = view.account.settings.get("gap_seconds")
    last = view.account.last_published_at
    if not gap or last is None or now >= (until := last + timedelta(seconds=gap)):
        return None
    if last > now + timedelta(seconds=gap):
        # Recorded by a clock that ran ahead: the account must not wait for that time.
        return None
    return Defer(until, f"at least {gap} s between two posts")


def _day(view: AccountView, now: datetime) -> Defer | None:
    most = view.account.settings.get("max_per_day")
    if not most or view.published_today < most:
        return None
    return Defer(next_midnight(now, view.account.settings.get("zone", "UTC")), f"at most {most} posts a day")


def _points(view: AccountView, points: int, now: datetime) -> Defer | None:
    if view.points_last_hour + points > HOUR_POINTS_MAX:
        return Defer(now + timedelta(seconds=LEDGER_SECONDS), f"{HOUR_POINTS_MAX} write points an hour are spent")
    if view.points_last_day + points > DAY_POINTS_MAX:
        return Defer(now + timedelta(seconds=LEDGER_SECONDS), f"{DAY_POINTS_MAX} write points a day are spent")
    return None
