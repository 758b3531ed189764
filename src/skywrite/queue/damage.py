"""What of a database is damaged: rows that cannot be read, and pages of the file.

What lives here: looking for both. What does not: what is wrong with a row (`reading`), reporting it
(`features.checkup`).
"""

from __future__ import annotations

from typing import NamedTuple

from skywrite.queue.base import StoreBase
from skywrite.queue.reading import Unreadable, mended

PAGE_ROWS = 500
CHECKUP = "checkup"
ROWS_MAX = 20


class _Searched(NamedTuple):
    table: str
    key: str = "id"
    where: str = "true"


# What workers read, again and again. The rest is read only by those who ask for it.
_SEARCHED = (
    _Searched("account", "did"),
    _Searched("post", where="state NOT IN ('published', 'failed', 'cancelled')"),
    _Searched("recurrence"),
    _Searched("action", where="state IN ('waiting', 'failed')"),
    _Searched("follow_up", where="state IN ('waiting', 'reached')"),
    _Searched("inbox", where="state = 'new' OR handled_at IS NULL"),
    _Searched("feed"),
    _Searched("feed_item", where="state = 'pending'"),
    _Searched("timer"),
    _Searched("webhook"),
    _Searched("delivery", where="state = 'waiting'"),
    _Searched("notice_channel"),
    _Searched("api_key"),
    _Searched("person"),
)


class Damage:
    """The damage of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def rows(self, most: int = ROWS_MAX) -> list[Unreadable]:
        """Rows that cannot be read, up to so many."""
        unreadable: list[Unreadable] = []
        with self._store.reading() as tx:
            for one in _SEARCHED:
                sql = f"SELECT * FROM {one.table} WHERE {one.where}"
                for page in self._store.database.pages(tx, sql, PAGE_ROWS):
                    unreadable += [
                        Unreadable(one.table, row[one.key], columns) for row in page if (columns := mended(row)[1])
                    ]
                    if len(unreadable) >= most:
                        return unreadable[:most]
        return unreadable

    def try_to_write(self) -> None:
        """Store something and take it away again. Raises the StorageError that a worker would meet."""
        with self._store.writing(wake=False) as tx:
            tx.run("put_chore", name=CHECKUP, now=self._store.clock.now())
        with self._store.writing(wake=False) as tx:
            tx.run("delete_chore", name=CHECKUP)

    def pages(self) -> list[str]:
        """What the database says about its own pages; nothing where all is well, or where it cannot tell."""
        with self._store.reading() as tx:
            return list(self._store.database.damage(tx))
