"""Authors: recorded with each post that is added or changed, in the same transaction.

What lives here: the author of this thread's changes. What does not: what an author may do (`approvals.py`,
`app.operations`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from skywrite.queue.database import Transaction


class Author(NamedTuple):
    """An authenticated person or key. `agent`: a program, by its key."""

    who: str
    agent: bool = False


_author: ContextVar[Author | None] = ContextVar("skywrite_author", default=None)
_unattended: ContextVar[bool] = ContextVar("skywrite_unattended", default=False)


@contextmanager
def written_by(who: str, *, agent: bool) -> Iterator[None]:
    """Changes by this thread inside the `with` block are by this author."""
    token = _author.set(Author(who, agent))
    try:
        yield
    finally:
        _author.reset(token)


@contextmanager
def written_by_nobody() -> Iterator[None]:
    """What this thread writes inside has no author: it only looks up what the author meant."""
    token = _author.set(None)
    try:
        yield
    finally:
        _author.reset(token)


def written_for(agent: str | None) -> AbstractContextManager[None]:
    """What is made inside is this agent's, who set up what makes it; with None, it is as before."""
    return nullcontext() if agent is None else written_by(agent, agent=True)


@contextmanager
def attended(is_attended: bool) -> Iterator[None]:
    """Whether a person sits before what this thread does inside the `with` block, or cron does it."""
    token = _unattended.set(not is_attended)
    try:
        yield
    finally:
        _unattended.reset(token)


def is_unattended() -> bool:
    """Whether a program does it, such as cron, that is no author by itself."""
    return _unattended.get()


def current_author() -> Author | None:
    """The author of what this thread is doing, where that is known."""
    return _author.get()


def current_agent() -> str | None:
    """The agent that does what this thread is doing, if it is one."""
    author = _author.get()
    return author.who if author is not None and author.agent else None


def note_author(tx: Transaction, post_ids: Iterable[int]) -> None:
    """Record who adds or changes these posts, if known."""
    author = _author.get()
    if author is not None:
        for post_id in post_ids:
            tx.run("insert_author", post_id=post_id, who=author.who, agent=author.agent)


def note_recurrence_author(tx: Transaction, recurrence_id: int) -> None:
    """Note who makes or changes this recurrence, where that is known."""
    author = _author.get()
    if author is not None:
        tx.run("insert_recurrence_author", recurrence_id=recurrence_id, who=author.who, agent=author.agent)


def authors_of_recurrence(tx: Transaction, recurrence_id: int) -> list[Author]:
    """Everybody who has made a recurrence, or changed it."""
    rows = tx.rows("authors_of_recurrence", recurrence_id=recurrence_id)
    return [Author(row["who"], bool(row["agent"])) for row in rows]


def authors_of(tx: Transaction, post_id: int) -> list[Author]:
    """Everybody who has written or changed a post."""
    return [Author(row["who"], bool(row["agent"])) for row in tx.rows("authors_of_post", post_id=post_id)]
