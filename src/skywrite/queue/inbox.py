"""The inbox: what others wrote about our posts, each item once, until it is done.

What lives here: the ledger, and claiming items for a program's function. What does not: fetching them (`app.inbox`).
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from skywrite.errors import NotFound
from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row, time_of

REASONS = ("reply", "mention", "quote")
HANDLE_SECONDS = 300.0
HANDLE_TRIES = 3
COUNT_MAX = 1000


class UnknownItem(NotFound):
    """There is nothing with this number in the inbox."""


class NewItem(NamedTuple):
    """Something that others wrote. `subject` is our post that it is about."""

    account_did: str
    uri: str
    cid: str
    reason: str
    author_did: str
    author_handle: str
    text: str
    subject: str | None
    indexed_at: datetime


class InboxItem(NamedTuple):
    """An item of the inbox. `answer_id` is the post that replies to it."""

    id: int
    account_did: str
    uri: str
    cid: str
    reason: str
    author_did: str
    author_handle: str
    text: str
    subject: str | None
    indexed_at: datetime
    state: str
    snoozed_until: datetime | None
    answer_id: int | None
    tries: int


class InboxItems:
    """The inbox of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def add(self, items: Sequence[NewItem]) -> int:
        """Store the new items. Returns how many were new."""
        with self._store._reading() as tx:
            fresh = [
                item for item in items if tx.row("known_inbox", account_did=item.account_did, uri=item.uri) is None
            ]
        if not fresh:
            return 0
        with self._store._writing(wake=False) as tx:
            return sum(tx.run("insert_inbox", **item._asdict()) for item in fresh)

    def list(
        self, *, everything: bool = False, account_did: str | None = None, limit: int = 100
    ) -> builtins.list[InboxItem]:
        """What waits for an answer, the oldest first; or everything, the latest first."""
        values = {"account_did": account_did or "", "limit": limit}
        with self._store._reading() as tx:
            if everything:
                return [_item_of(row) for row in tx.rows("list_whole_inbox", **values)]
            return [_item_of(row) for row in tx.rows("list_inbox", now=self._store._clock.now(), **values)]

    def waiting(self, account_did: str | None = None) -> int:
        """How many items wait for an answer; more than 1,000 are not counted."""
        values = {"account_did": account_did or "", "limit": COUNT_MAX}
        with self._store._reading() as tx:
            row = tx.row("count_inbox", now=self._store._clock.now(), **values)
        return 0 if row is None else int(row["waiting"])

    def answered_by(self, post_id: int) -> InboxItem | None:
        """What a post of ours answers."""
        with self._store._reading() as tx:
            row = tx.row("answered_by", post_id=post_id)
        return None if row is None else _item_of(row)

    def get(self, item_id: int) -> InboxItem:
        """One item. Raises UnknownItem."""
        with self._store._reading() as tx:
            row = tx.row("get_inbox", id=item_id)
        if row is None:
            raise UnknownItem(f"There is nothing with the number {item_id} in the inbox.")
        return _item_of(row)

    def settle(
        self, item_id: int, state: str, *, snoozed_until: datetime | None = None, answer_id: int | None = None
    ) -> InboxItem:
        """Mark it as done, or to be shown again later. Raises UnknownItem."""
        self.get(item_id)
        values = {"state": state, "snoozed_until": snoozed_until, "answer_id": answer_id}
        with self._store._writing(wake=False) as tx:
            tx.run("settle_inbox", id=item_id, **values)
        return self.get(item_id)

    def claim(self) -> InboxItem | None:
        """Claim the next item that no function has handled, for five minutes; after three tries it is left alone."""
        now = self._store._clock.now()
        with self._store._reading() as tx:
            row = tx.row("next_unhandled", now=now, tries=HANDLE_TRIES)
        if row is None:
            return None
        until = now + timedelta(seconds=HANDLE_SECONDS)
        with self._store._writing(wake=False) as tx:
            taken = tx.row("lease_unhandled", id=row["id"], was=row["tries"], until=until)
        return None if taken is None else _item_of(taken)

    def handled(self, item: InboxItem) -> None:
        """Record that a function has handled it."""
        with self._store._writing(wake=False) as tx:
            tx.run("handled_inbox", id=item.id, was=item.tries, now=self._store._clock.now())


def _item_of(row: Row) -> InboxItem:
    indexed_at = time_of(row["indexed_at"])
    assert indexed_at is not None
    names = ("id", "account_did", "uri", "cid", "reason", "author_did", "author_handle", "text", "subject")
    return InboxItem(
        **{name: row[name] for name in names},
        indexed_at=indexed_at,
        state=row["state"],
        snoozed_until=time_of(row["snoozed_until"]),
        answer_id=row["answer_id"],
        tries=row["tries"],
    )
