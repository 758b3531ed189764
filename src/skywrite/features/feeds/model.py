"""What the store and the operations on feeds accept and return: plain values, no behaviour, no SQL.

Times are aware datetimes in UTC. `settings` is what the user set for a feed (template, filters, pace), `memory` what
its server reported (validators, redirects); `service` interprets both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from skywrite.app.results import Ready
from skywrite.core.errors import Notice, SkywriteError
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

    @property
    def added_url(self) -> str:
        """The address that it was added with. A feed that has moved for good has another one now."""
        return str(self.memory.get("added_url", self.url))


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


@dataclass(frozen=True, slots=True)
class FeedPreview:
    """An item as `feeds.preview` shows it: what would be posted, or why not. `state`: as in the ledger, "new", or
    "repeated" for one that the feed has twice; `same_as` then says which item it is, and why.
    """

    title: str
    link: str
    published_at: datetime | None
    state: str
    text: str = ""
    ready: Ready | None = None
    problem: Problem | None = None
    same_as: str = ""


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """A feed with the handles of its accounts, and how many items are in each state."""

    feed: Feed
    accounts: tuple[str, ...]
    items: Mapping[ItemState, int]


@dataclass(frozen=True, slots=True)
class FeedCheck:
    """The result of one poll: how many items were new, and the numbers of the new posts."""

    feed_id: int
    new: int = 0
    posts: tuple[int, ...] = ()
    waiting: int = 0
    problem: Problem | None = None
    warnings: tuple[Notice, ...] = ()


class AddedFeed(NamedTuple):
    """A feed that was added, and its first check."""

    status: FeedStatus
    check: FeedCheck


class SubscriptionReport(NamedTuple):
    """A feed of a list of subscriptions: its latest item as a post, what was `added`, the feed that is here already
    (`existed`), or why it is not to be had.
    """

    url: str
    title: str = ""
    latest: FeedPreview | None = None
    added: AddedFeed | None = None
    existed: bool = False
    error: SkywriteError | None = None
