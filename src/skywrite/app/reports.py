"""What the operations of other nouns than posts return, each with its one JSON shape.

What lives here: reports. What does not: results of posting (`results`), how values of the queue (accounts, recurrences,
commands) look as JSON and what only confirms that something was done (`documents`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from skywrite.app.results import Ready, Sent, iso, messages, notices, problem_dict
from skywrite.errors import Notice, SkywriteError
from skywrite.queue.feed_model import Feed, ItemState
from skywrite.queue.model import Account, Problem

if TYPE_CHECKING:
    from skywrite.insight.stats import Group
    from skywrite.queue.timers import TimerResult


def error_dict(error: SkywriteError | None) -> dict[str, str] | None:
    """An error as JSON."""
    return error.as_dict() if error else None


class LoggedIn(NamedTuple):
    """An account that was signed in."""

    account: Account
    warnings: list[Notice]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        account = self.account
        warnings = messages(self.warnings)
        return {"did": account.did, "handle": account.handle, "pds": account.pds_url, "warnings": warnings}


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

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "title": self.title,
            "link": self.link,
            "published": iso(self.published_at),
            "state": self.state,
            "same_as": self.same_as or None,
            "text": self.text,
            "post": self.ready.as_dict() if self.ready else None,
            "error": problem_dict(self.problem),
        }


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """A feed with the handles of its accounts, and how many items are in each state."""

    feed: Feed
    accounts: tuple[str, ...]
    items: Mapping[ItemState, int]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        feed = self.feed
        return {
            "id": feed.id,
            "url": feed.url,
            "title": feed.title,
            "state": feed.state,
            "accounts": list(self.accounts),
            "items": dict(self.items),
            "settings": feed.settings,
            "checked_at": iso(feed.checked_at),
            "next_check_at": iso(feed.next_check_at),
            "error": problem_dict(feed.problem),
        }


@dataclass(frozen=True, slots=True)
class FeedCheck:
    """The result of one poll: how many items were new, and the numbers of the new posts."""

    feed_id: int
    new: int = 0
    posts: tuple[int, ...] = ()
    waiting: int = 0
    problem: Problem | None = None
    warnings: tuple[Notice, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "feed": self.feed_id,
            "new": self.new,
            "posts": list(self.posts),
            "waiting": self.waiting,
            "error": problem_dict(self.problem),
            "warnings": messages(self.warnings),
        }


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

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        sent = self.sent
        return {
            "row": self.row,
            "id": self.id,
            "due_at": iso(self.due_at),
            "existed": self.existed,
            "recurrence": self.recurrence_id,
            "uri": sent.uri if sent else None,
            "cid": sent.cid if sent else None,
            "url": sent.url if sent else None,
            "warnings": messages(self.warnings),
            "notices": notices(self.warnings),
            "error": error_dict(self.error),
        }


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

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "file": self.path,
            "action": self.action,
            "id": self.id,
            "due_at": iso(self.due_at),
            "uri": self.uri,
            "line": self.line,
            "warnings": messages(self.warnings),
            "error": error_dict(self.error),
        }


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

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "draft": self.id,
            "action": self.action,
            "id": self.post_id,
            "text": self.text,
            "notes": list(self.notes),
            "warnings": messages(self.warnings),
            "error": error_dict(self.error),
        }


@dataclass(frozen=True, slots=True)
class TriedCommand:
    """A trial run of a command: what it printed, and what would be posted."""

    printed: str
    posts: tuple[Ready, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"printed": self.printed, "posts": [ready.as_dict() for ready in self.posts]}


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

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "by": self.by,
            "after_hours": self.after_hours,
            "groups": [group.as_dict() for group in self.groups],
            "all": self.total.as_dict(),
        }


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

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "url": self.url,
            "title": self.title,
            "latest": self.latest.as_dict() if self.latest else None,
            "added": self.added.as_dict() if self.added else None,
            "existed": self.existed,
            "error": error_dict(self.error),
        }


class AddedFeed(NamedTuple):
    """A feed that was added, and its first check."""

    status: FeedStatus
    check: FeedCheck

    def as_dict(self) -> dict[str, Any]:
        """As JSON: the feed, with its `check`."""
        return {**self.status.as_dict(), "check": self.check.as_dict()}
