"""What operations on posts return, each with its one JSON shape (`as_dict`).

What lives here: results needed by a process that posts and exits; named tuples, because dataclasses take six times as
long to define. What does not: those of other nouns (`reports`). Times are datetimes in UTC, and ISO 8601 in JSON.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from skywrite.clock import to_iso
from skywrite.compose.build import Prepared
from skywrite.compose.draft import Draft
from skywrite.compose.references import InvalidReference, app_link
from skywrite.compose.resolve import ResolvedDraft
from skywrite.errors import Notice
from skywrite.queue.model import Account, Attempt, Post, Problem, Standing, State

if TYPE_CHECKING:
    from skywrite.publish.forecast import Push


def iso(at: datetime | None) -> str | None:
    """A time as JSON."""
    return None if at is None else to_iso(at)


def problem_dict(problem: Problem | None) -> dict[str, str] | None:
    """What went wrong, as JSON; the same three fields as those of an error."""
    return {"error": problem.name, "message": problem.message, "hint": problem.hint} if problem else None


def notices(warnings: Iterable[Notice]) -> list[dict[str, str | int | None]]:
    """Warnings with their stable names, as JSON."""
    return [warning.as_dict() for warning in warnings]


def messages(warnings: Iterable[Notice]) -> list[str]:
    """Warnings as JSON."""
    return [str(warning) for warning in warnings]


class Ready(NamedTuple):
    """A draft with everything resolved and checked: what will be posted, and what the author should know."""

    account: Account
    draft: Draft
    prepared: Prepared
    resolved: ResolvedDraft

    @property
    def warnings(self) -> list[Notice]:
        """What was left out or looks odd."""
        return self.resolved.warnings

    def as_dict(self) -> dict[str, Any]:
        """The records as they would be created (without their time), and the warnings."""
        prepared = self.prepared
        return {
            "account": self.account.handle,
            "posts": [dict(record) for record in prepared.records],
            "replies": prepared.replies,
            "quotes": prepared.quotes,
            "blobs": [{"cid": item.cid, "mime": item.mime, "size": item.size} for item in prepared.blobs],
            "warnings": messages(self.warnings),
            "notices": notices(self.warnings),
        }


class Sent(NamedTuple):
    """A post of the queue that this process put on the network. (`queue.model.Published` is how an attempt ended.)"""

    id: int
    uri: str
    cid: str
    url: str
    warnings: tuple[Notice, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": self.id,
            "uri": self.uri,
            "cid": self.cid,
            "url": self.url,
            "warnings": messages(self.warnings),
            "notices": notices(self.warnings),
        }


if TYPE_CHECKING:
    # A number, if nothing is said: a type checker knows defaults before this version of Python does.
    from typing_extensions import TypeVar as TypeVarWithDefault

    Number = TypeVarWithDefault("Number", bound=int | None, default=int)
else:
    Number = TypeVar("Number", bound=int | None)


class Scheduled(NamedTuple, Generic[Number]):
    """A post in the queue. `due_at` is UTC, None for a draft; `zone` is the one to show it in.

    `existed`: there was already a post with this key, so nothing was added; then `state` is that of the existing post.
    `id` is None after a dry run. `other_draft`: the key was used for a different draft.
    """

    id: Number
    account: str
    due_at: datetime | None
    zone: str
    existed: bool = False
    warnings: tuple[Notice, ...] = ()
    recurrence_id: int | None = None
    state: State = "scheduled"
    other_draft: bool = False

    @property
    def post_id(self) -> int:
        """The number of the post that was stored."""
        assert self.id is not None, "a dry run stores nothing"
        return self.id

    def numbered(self, number: int) -> "Scheduled[int]":
        """The same with the number under which it was stored."""
        return Scheduled(number, *self[1:])

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": self.id,
            "state": self.state,
            "account": self.account,
            "due_at": iso(self.due_at),
            "existed": self.existed,
            "recurrence": self.recurrence_id,
            "warnings": messages(self.warnings),
            "notices": notices(self.warnings),
        }


class Entry(NamedTuple):
    """A post of the queue. `attempts` are only filled in when a single post is requested; `warnings` are about a change
    that was just made. `push`: when it really goes out, if that was requested and its account's pace makes it later.
    `standing`: how its approval stands.
    """

    post: Post
    account: Account
    attempts: tuple[Attempt, ...] = ()
    warnings: tuple[Notice, ...] = ()
    push: "Push | None" = None
    standing: Standing = Standing()

    @property
    def url(self) -> str | None:
        """Its page on bsky.app."""
        try:
            return app_link(self.post.uri, self.account.handle) if self.post.uri else None
        except InvalidReference:
            return None

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        post = self.post
        return {
            "id": post.id,
            "state": post.state,
            "account": self.account.handle,
            "due_at": iso(post.due_at),
            "text": post.text,
            "uri": post.uri,
            "url": self.url,
            "attempts": post.attempts,
            "error": problem_dict(post.problem),
            "key": post.key,
            "source": post.source,
            "attempt_at": iso(post.attempt_at),
            "approval_wanted": self.standing.wanted,
            "approved_by": self.standing.approved_by,
            "goes_out_at": iso(self.push.at) if self.push else None,
            "goes_out_because": self.push.reason if self.push else None,
            "published_at": iso(post.published_at),
            "recurrence": post.recurrence_id,
            "version": post.version,
            "warnings": messages(self.warnings),
            "notices": notices(self.warnings),
            "tries": [attempt_dict(attempt) for attempt in self.attempts],
        }


def attempt_dict(attempt: Attempt) -> dict[str, Any]:
    """One attempt to publish, as JSON."""
    return {
        "number": attempt.number,
        "started_at": to_iso(attempt.started_at),
        "ended_at": iso(attempt.ended_at),
        "outcome": attempt.outcome,
        "error": attempt.problem.name if attempt.problem else None,
        "message": attempt.problem.message if attempt.problem else None,
    }
