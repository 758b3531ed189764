"""The stored bytes that posts need, for tests."""

from __future__ import annotations

from skywrite.queue import journal
from skywrite.queue.base import StoreBase


def media_of(store: StoreBase, post_id: int) -> list[str]:
    """The CIDs of the stored bytes that a post needs."""
    with store.reading() as tx:
        return journal.media_of(tx, post_id)
