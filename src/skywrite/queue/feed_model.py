"""What the store accepts and returns about feeds: plain values, no behaviour, no SQL.

Times are aware datetimes in UTC. `settings` is what the user set for a feed (template, filters, pace), `memory` what
its server reported (validators, redirects); `app.feeds` interprets both.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from skywrite.queue.model import Problem

FeedState = Literal["active", "gone"]
ItemState = Literal["passed", "filtered", "pending", "queued", "failed"]


class Feed(NamedTuple):
    """A feed. `account_dids`: who posts its items. `first_polled_at` is None before its first poll."""

    id: int
    url: str
    title: str
    state: FeedState
    account_dids: tuple[str, ...]
    settings: dict[str, Any]
    memory: dict[str, Any]
    next_check_at: datetime | None
    lease_owner: str | None
    lease_until: datetime | None
    first_polled_at: datetime | None
    checked_at: datetime | None
    failures: int
    problem: Problem | None
    created_at: datetime


class NewFeed(NamedTuple):
    """A feed to be stored."""

    url: str
    account_dids: tuple[str, ...]
    title: str = ""
    settings: Mapping[str, Any] = {}


class FeedClaim(NamedTuple):
    """The right to poll one feed. `token` fences off late writers."""

    feed: Feed
    token: int
    worker: str


class NewItem(NamedTuple):
    """An item that the ledger does not know. `strong` and `weak` are its fingerprints, 64-bit numbers.

    `passed`: it was there at the first poll; `filtered`: not wanted; `pending`: to be posted; `failed`: cannot be
    posted.
    """

    state: ItemState
    hash: str
    title: str
    content: Mapping[str, Any]
    has_guid: bool
    published_at: datetime | None
    title_hash: int
    strong: tuple[int, ...]
    weak: tuple[int, ...]
    problem: Problem | None = None


class ItemUpdate(NamedTuple):
    """An item that the ledger knows, as it is now. `strong`: the fingerprints to add; `weak`: all that it has now."""

    item_id: int
    title: str
    content: Mapping[str, Any]
    has_guid: bool
    published_at: datetime | None
    title_hash: int
    strong: tuple[int, ...]
    weak: tuple[int, ...]


class KnownItem(NamedTuple):
    """What the ledger knows about an item, to compare it with others. `fingerprints`: how many strong ones it has."""

    id: int
    state: ItemState
    has_guid: bool
    published_at: datetime | None
    title_hash: int
    fingerprints: int


class FeedItem(NamedTuple):
    """A row of the ledger. `content` is None once the item is finished."""

    id: int
    feed_id: int
    state: ItemState
    hash: str
    title: str
    content: dict[str, Any] | None
    published_at: datetime | None
    tries: int
    problem: Problem | None
    seen_at: datetime


class Poll(NamedTuple):
    """The result of fetching a feed; `items` from the oldest to the latest."""

    url: str
    title: str
    memory: Mapping[str, Any]
    next_check_at: datetime | None
    state: FeedState = "active"
    answered: bool = True
    failures: int = 0
    problem: Problem | None = None
    items: tuple[NewItem, ...] = ()
    updates: tuple[ItemUpdate, ...] = ()
