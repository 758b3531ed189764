"""What operations on posts return.

What lives here: results needed by a process that posts and exits; named tuples, because dataclasses take six times as
long to define. What does not: those of other nouns (`reports`), and how all of it looks as JSON (`shapes`).
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from skywrite.core.errors import InputError, Notice
from skywrite.posting.compose.build import Prepared
from skywrite.posting.compose.draft import Draft
from skywrite.posting.compose.references import app_link
from skywrite.posting.compose.resolve import ResolvedDraft
from skywrite.queue.model import Account, Attempt, Post, Standing, State

if TYPE_CHECKING:
    from skywrite.posting.publish.forecast import Push


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


class Sent(NamedTuple):
    """A post of the queue that this process put on the network. (`queue.model.Published` is how an attempt ended.)

    Its JSON is made here: a process that posts and exits loads no shapes. The names are those of a post.
    """

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
            "warnings": [str(warning) for warning in self.warnings],
            "notices": [warning.as_dict() for warning in self.warnings],
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


class Entry(NamedTuple):
    """A post of the queue. `attempts` are only filled in when a single post is requested; `warnings` are about a change
    that was just made. `push`: when it really goes out, if that was requested and its account's pace makes it later.
    `standing`: how its approval stands. `wanted_at`: when a draft is to go out, if its author said so.
    """

    post: Post
    account: Account
    attempts: tuple[Attempt, ...] = ()
    warnings: tuple[Notice, ...] = ()
    push: "Push | None" = None
    standing: Standing = Standing()
    wanted_at: datetime | None = None

    @property
    def url(self) -> str | None:
        """Its page on bsky.app."""
        try:
            return app_link(self.post.uri, self.account.handle) if self.post.uri else None
        except InputError:
            return None
