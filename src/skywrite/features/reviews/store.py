"""Links at which somebody decides about a post. Only digests of their secrets are stored.

What does not live here: what a decision does (`app.approvals`), and the pages (`page`, `links`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from skywrite.core.errors import NotFound
from skywrite.queue.api_keys import digest_of, new_secret
from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row, time_of
from skywrite.queue.reading import reads

SECRET_CHARACTERS = 32
KEPT = timedelta(days=30)


class ReviewLink(NamedTuple):
    """A link. `post_digest`: of the post as its maker saw it; `due_at`: the time of a draft; `reviewer`: for whom."""

    digest: str
    post_id: int
    post_digest: str
    due_at: datetime | None
    person_id: int
    reviewer: str
    created_at: datetime
    ends_at: datetime
    used_at: datetime | None


class ReviewLinks:
    """The links of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def add(
        self, post_id: int, post_digest: str, *, due_at: datetime | None, person_id: int, reviewer: str, days: int
    ) -> str:
        """The secret of a new link."""
        secret, now = new_secret(SECRET_CHARACTERS), self._store.clock.now()
        values = {"post_id": post_id, "post_digest": post_digest, "due_at": due_at, "person_id": person_id}
        with self._store.writing(wake=False) as tx:
            tx.run(
                "insert_review_link",
                digest=digest_of(secret),
                reviewer=reviewer,
                now=now,
                ends_at=now + timedelta(days=days),
                **values,
            )
        return secret

    def get(self, secret: str) -> ReviewLink:
        """A link that can be used. Raises NotFound: for one that was used, too."""
        with self._store.reading() as tx:
            row = tx.row("get_review_link", digest=digest_of(secret))
        link = None if row is None else _link_of(row)
        if link is None or link.used_at is not None or link.ends_at <= self._store.clock.now():
            raise unknown_link()
        return link

    @contextmanager
    def using(self, link: ReviewLink) -> Iterator[None]:
        """Use a link up; it is as before if what it is used for fails. Raises NotFound if somebody was faster."""
        with self._store.writing(wake=False) as tx:
            if tx.run("use_review_link", digest=link.digest, now=self._store.clock.now()) != 1:
                raise unknown_link()
        try:
            yield
        except Exception:
            with self._store.writing(wake=False) as tx:
                tx.run("free_review_link", digest=link.digest)
            raise


def unknown_link() -> NotFound:
    """The error about a link that decides nothing."""
    return NotFound(
        "This link was used, has ended, or was never there.",
        code="review.unknown",
        hint="Ask the sender for another one.",
    )


@reads("review_link", key="digest")
def _link_of(row: Row) -> ReviewLink:
    created_at, ends_at = time_of(row["created_at"]), time_of(row["ends_at"])
    assert created_at is not None and ends_at is not None
    return ReviewLink(
        digest=row["digest"],
        post_id=row["post_id"],
        post_digest=row["post_digest"],
        due_at=time_of(row["due_at"]),
        person_id=row["person_id"],
        reviewer=row["reviewer"],
        created_at=created_at,
        ends_at=ends_at,
        used_at=time_of(row["used_at"]),
    )


def prune(store: StoreBase, now: datetime) -> None:
    """Drop links that ended long ago."""
    with store.writing(wake=False) as tx:
        tx.run("drop_review_links", before=now - KEPT)
