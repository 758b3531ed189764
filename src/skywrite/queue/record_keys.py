"""The record keys of a post, fixed when it is accepted, so that the repository itself is the ledger of what went out.

A restored backup, or a copy of the database on another computer, tries to create the same keys again, and finds the
existing records.

What lives here: choosing the keys. What does not: looking for the records (`publish`).

The root's key is computed from
- the user's key and the time for which the post was accepted, as `atproto.tid.keyed_tid` does;
- the post's `identity`, if Skywrite made it by itself (`identities`);
- else a nonce and the time for which it was accepted.

Two identical posts have different nonces. Moving or editing a post does not change its key.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from skywrite.protocol.atproto.tid import CLOCK_IDS, MAX_MICROS, keyed_tid, tid_after, tid_from, tid_micros
from skywrite.queue.model import NewPost, Post

START_MICROS = 500_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RecordKeys:
    """Root keys for the posts of one transaction. Those without a key or identity sort in the order of their times.

    Their keys are consecutive from a random microsecond of their second, under one random clock id, so that they hardly
    ever collide with those of another transaction; `number`, the number of the first post, keeps keys of one database
    unique. `first` is the first key that was assigned.
    """

    first: str | None = None

    def __init__(self, now: datetime, random: Callable[[], float], number: int) -> None:
        self._now = now
        self._clock_id = (int(random() * CLOCK_IDS) + number) % CLOCK_IDS
        self._start = int(random() * START_MICROS)
        self._taken: dict[datetime, tuple[int, NewPost]] = {}

    def root(self, post: NewPost) -> str:
        """The key of the post's first record."""
        key = self._root(post)
        self.first = self.first or key
        return key

    def _root(self, post: NewPost) -> str:
        if post.identity is not None:
            name, at = post.identity
            return keyed_tid(self._possible(at), name)
        at = self._possible(post.due_at or self._now)
        if post.key is not None:
            return keyed_tid(at, post.key)
        first = (at - _EPOCH) // timedelta(microseconds=1) + (0 if at.microsecond else self._start)
        taken, before = self._taken.get(at, (0, None))
        if before is not None:
            # The other posts of its thread have the keys in between.
            taken += max(1, len(before.prepared.get("records", ())))
        self._taken[at] = (taken, post)
        return tid_from(first + taken, self._clock_id)

    def _possible(self, at: datetime) -> datetime:
        """The time itself, if a record key can represent it."""
        micros = (at - _EPOCH) // timedelta(microseconds=1)
        return at if 0 <= micros < MAX_MICROS - 10**9 else self._now


def record_keys(post: Post, count: int) -> list[str]:
    """The keys of the post's records, ascending."""
    root = post.root_rkey
    if post.key is not None:
        at = _EPOCH + timedelta(microseconds=tid_micros(root))
        if keyed_tid(at, post.key) == root:
            return [keyed_tid(at, post.key, index) for index in range(count)]
    return [tid_after(root, index) for index in range(count)]
