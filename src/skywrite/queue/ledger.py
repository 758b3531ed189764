"""The ledger of each account: write points spent and posts published, by the minute.

What lives here: entering both, what a decision may know of an account, and dropping what is old. What does not: the
budgets (`publish.budget`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from skywrite.queue.base import StoreBase, items_of, items_of_dids
from skywrite.queue.database import Row, Transaction
from skywrite.queue.model import Account, AccountView

HOUR = timedelta(hours=1)
DAY = timedelta(hours=24)
# Two local days have up to 49 hours; the rest is slack for changes of zone.
KEPT = timedelta(hours=75)
ACCOUNTS_AT_ONCE = 1_000
_TOTALS = ("points_last_hour", "points_last_day", "published_today", "published_last_day", "published_yesterday")


def spend_points(tx: Transaction, now: datetime, points: Mapping[str, int]) -> None:
    """Enter write points by account."""
    _enter(tx, now, [{"did": did, "points": count, "posts": 0} for did, count in points.items() if count])


def note_posts(tx: Transaction, now: datetime, posts: Mapping[str, int]) -> None:
    """Enter published posts by account."""
    _enter(tx, now, [{"did": did, "points": 0, "posts": count} for did, count in posts.items()])


def _enter(tx: Transaction, now: datetime, entries: Sequence[Mapping[str, object]]) -> None:
    if entries:
        tx.run("add_spend", items=items_of(entries), minute=_minute(now))


class Ledger:
    """The whole ledger of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def prune(self, now: datetime) -> None:
        """Drop entries that no budget needs any more, of some accounts at a time, so that nobody waits long."""
        after: str | None = ""
        while after is not None:
            with self._store.writing(wake=False) as tx:
                last = tx.row("account_after_many", after=after, many=ACCOUNTS_AT_ONCE)
                until = None if last is None else last["did"]
                tx.run("forget_spend", after=after, until=until, before=now - KEPT)
            after = until


def views(tx: Transaction, accounts: Sequence[Account], now: datetime) -> dict[str, AccountView]:
    """What a decision about each account may know, by DID."""
    zones: dict[object, list[Account]] = defaultdict(list)
    for account in accounts:
        zones[account.settings.get("zone")].append(account)
    by_did: dict[str, AccountView] = {}
    for zone, members in zones.items():
        totals = _totals(tx, [account.did for account in members], zone, now)
        for account in members:
            row = totals.get(account.did)
            by_did[account.did] = AccountView(account, **{name: int(row[name]) if row else 0 for name in _TOTALS})
    return by_did


def _totals(tx: Transaction, dids: Sequence[str], zone: object, now: datetime) -> dict[str, Row]:
    midnight = _midnight(now, zone)
    yesterday = _midnight(midnight - timedelta(seconds=1), zone)
    rows = tx.rows(
        "read_spend",
        items=items_of_dids(dids),
        hour=_minute(now - HOUR),
        day=_minute(now - DAY),
        midnight=midnight,
        yesterday=yesterday,
        since=min(yesterday, _minute(now - DAY)),
        now=now,
    )
    return {row["account_did"]: row for row in rows}


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _midnight(now: datetime, zone: object) -> datetime:
    """The start of the day in a zone (UTC when it is missing or unknown), in UTC."""
    local = now.astimezone(UTC)
    if isinstance(zone, str):
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        with suppress(ZoneInfoNotFoundError, ValueError):
            local = now.astimezone(ZoneInfo(zone))
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
