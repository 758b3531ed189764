"""What came with requests over HTTP and is not part of what they ask for: the digest of a request with a key, and the
time that a draft is to have.

They are stored with the post, in the same transaction. What does not live here: what a digest covers
(`app.operations.once`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from skywrite.queue.reading import time_in

if TYPE_CHECKING:
    from skywrite.queue.base import StoreBase
    from skywrite.queue.database import Transaction

AT_ONCE = 1000


class _Asked(NamedTuple):
    """What came with a request."""

    digest: str | None = None
    wanted_at: datetime | None = None


_NOTHING = _Asked()
_asked: ContextVar[_Asked] = ContextVar("skywrite_asked", default=_NOTHING)


@contextmanager
def asked(*, digest: str | None = None, wanted_at: datetime | None = None) -> Iterator[None]:
    """Posts that this thread adds inside the `with` block come from this request; None keeps what is known."""
    known = _asked.get()
    if digest is None:
        digest = known.digest
    if wanted_at is None:
        wanted_at = known.wanted_at
    token = _asked.set(_Asked(digest, wanted_at))
    try:
        yield
    finally:
        _asked.reset(token)


def note_request(tx: Transaction, post_ids: Iterable[int]) -> None:
    """Store what came with the request for these new posts."""
    request = _asked.get()
    if request != _NOTHING:
        for post_id in post_ids:
            tx.run("insert_post_request", post_id=post_id, **request._asdict())


class Requests:
    """The requests of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def prune(self, before: datetime) -> None:
        """Forget what came with requests for posts that were finished before a time, some at a time."""
        while True:
            with self._store.writing(wake=False) as tx:
                if tx.run("forget_post_requests", before=before, most=AT_ONCE) < AT_ONCE:
                    return

    def digest(self, account_did: str, key: str) -> str | None:
        """The digest of the request for the post with this key, if there was one."""
        with self._store.reading() as tx:
            row = tx.row("post_request_digest", account_did=account_did, key=key)
        return None if row is None else row["digest"]

    def action_digest(self, action_id: int) -> str | None:
        """The digest of the request for a repost or pin, if there was one."""
        with self._store.reading() as tx:
            row = tx.row("get_action", id=action_id)
        return None if row is None else row["request_digest"]

    def note_action(self, action_id: int, digest: str) -> None:
        """Store the digest of the request for a repost or pin."""
        with self._store.writing(wake=False) as tx:
            tx.run("put_action_request_digest", id=action_id, digest=digest)

    def wanted_at(self, post_id: int) -> datetime | None:
        """When a draft is to go out, if its author said so."""
        with self._store.reading() as tx:
            row = tx.row("wanted_at", post_id=post_id)
        return None if row is None else time_in(row["wanted_at"])
