"""What the operations of other nouns than posts return.

What does not live here: results of posting (`results`), and how all of it looks as JSON (`shapes`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from skywrite.app.results import Ready, Sent
from skywrite.errors import Notice, SkywriteError
from skywrite.queue.feed_model import Feed, ItemState
from skywrite.queue.model import Account, Problem, Recurrence

if TYPE_CHECKING:
    from skywrite.insight.stats import Group
    from skywrite.queue.timers import TimerResult


class LoggedIn(NamedTuple):
    """An account that was signed in."""

    account: Account
    warnings: list[Notice]


class RecurrenceStatus(NamedTuple):
    """A recurrence with its account's handle and its next times (none if its rule can no longer be read)."""

    recurrence: Recurrence
    account: str
    next_times: Sequence[datetime]


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


class RowReport(NamedTuple):
    """The result for one row: the number and time of its post, what was `sent` at once, or what is wrong.

    `existed`: its post already exists, so nothing was added. `account` is the handle, `zone` the one to show the time
    in, `draft` the post as stored, and `rule` the text of a recurrence; they are empty if the row is wrong.
    """

    row: int
    id: int | None = None
    due_at: datetime | None = None
    existed: bool = False
    warnings: tuple[Notice, ...] = ()
    error: SkywriteError | None = None
    sent: Sent | None = None
    recurrence_id: int | None = None
    account: str = ""
    zone: str = ""
    draft: Mapping[str, Any] = MappingProxyType({})
    rule: str = ""


FileAction = Literal[
    "scheduled", "edited", "cancelled", "unchanged", "published", "missed", "draft", "kept", "busy", "wrong"
]
CHANGES: tuple[FileAction, ...] = ("scheduled", "edited", "cancelled")


@dataclass(frozen=True, slots=True)
class FileReport:
    """The result for one file. scheduled, edited, cancelled: the queue was changed. unchanged: nothing to do.
    published: it is on the network, and left alone. missed: its time had passed when it was first seen. draft: the file
    says so. kept: the file is gone, but its post was to be kept. busy: its post is being published right now. wrong:
    see `error`.
    """

    path: str
    action: FileAction
    id: int | None = None
    due_at: datetime | None = None
    uri: str | None = None
    warnings: tuple[Notice, ...] = ()
    error: SkywriteError | None = None
    line: int | None = None


DraftAction = Literal["pulled", "updated", "unchanged", "yours", "empty", "wrong"]


@dataclass(frozen=True, slots=True)
class PulledDraft:
    """The result for one draft of the app. pulled: new here. updated: changed in the app, so updated here. unchanged:
    nothing to do. yours: changed in the app, but also here (edited, scheduled, cancelled, published), so it was left
    alone. empty: it contains only media, which stay on their device. wrong: see `error`.

    `notes` say what could not be copied.
    """

    id: str
    action: DraftAction
    text: str = ""
    post_id: int | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[Notice, ...] = ()
    error: SkywriteError | None = None


@dataclass(frozen=True, slots=True)
class TriedCommand:
    """A trial run of a command: what it printed, and what would be posted."""

    printed: str
    posts: tuple[Ready, ...]


class CommandRun(NamedTuple):
    """An extra run of a command: its result, and the numbers of its posts, which are due now."""

    result: TimerResult
    post_ids: list[int]


@dataclass(frozen=True, slots=True)
class StatsReport:
    """How often posts were liked, reposted, and so on: `groups` of them, and `total`, some hours after publishing."""

    by: str
    after_hours: int
    groups: tuple[Group, ...]
    total: Group


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


class AddedFeed(NamedTuple):
    """A feed that was added, and its first check."""

    status: FeedStatus
    check: FeedCheck
