"""What the operations return, each with its one JSON shape."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from skywrite.clock import to_iso
from skywrite.compose.references import app_link
from skywrite.queue.model import Account, Attempt, Post, State


class Sent(NamedTuple):
    """A post that is on the network, with its number in the queue."""

    id: int
    uri: str
    cid: str
    url: str
    warnings: tuple[str, ...] = ()


class Scheduled(NamedTuple):
    """A post that is in the queue. `due_at` is UTC, None for a draft; `zone` is the one to show it in.

    `existed` says that a post with this key was there before, so nothing was added; `state` is that post's then. The
    number is 0 where nothing was to be stored. `other_draft`: the key was used for another draft than this one.
    """

    id: int
    account: str
    due_at: datetime | None
    zone: str
    existed: bool = False
    warnings: tuple[str, ...] = ()
    recurrence_id: int | None = None
    state: State = "scheduled"
    other_draft: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A post of the queue as the faces show it; `warnings` are about the change that was just made."""

    post: Post
    account: Account
    attempts: tuple[Attempt, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def url(self) -> str | None:
        """Its page on bsky.app."""
        return app_link(self.post.uri, self.account.handle) if self.post.uri else None

    def as_dict(self) -> dict[str, Any]:
        """The object of `queue --json`: times in UTC, ISO 8601."""
        post = self.post
        return {
            "id": post.id,
            "state": post.state,
            "account": self.account.handle,
            "due_at": to_iso(post.due_at) if post.due_at else None,
            "text": post.text,
            "uri": post.uri,
            "url": self.url,
            "attempts": post.attempts,
            "error": None
            if post.problem is None
            else {"error": post.problem.name, "message": post.problem.message, "hint": post.problem.hint},
            "key": post.key,
            "source": post.source,
            "attempt_at": to_iso(post.attempt_at) if post.attempt_at else None,
            "published_at": to_iso(post.published_at) if post.published_at else None,
            "recurrence": post.recurrence_id,
            "version": post.version,
        }
