"""The workers on a database: signs of life, and what one of them does for all.

What does not live here: what a worker does (`publish.worker`), and how often (`app.chores`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row, time_of
from skywrite.queue.reading import readable, reads, time_in
from skywrite.queue.rows import dump_json


class Hanging(NamedTuple):
    """A server that does not answer a worker, and how many times in a row."""

    server: str
    times: int


class Beat(NamedTuple):
    """A sign of life of a worker."""

    name: str
    seen_at: datetime
    hanging: tuple[Hanging, ...]


class Workers:
    """The workers of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def beat(self, name: str, hanging: Sequence[Hanging] = ()) -> None:
        """Record that a worker is running."""
        servers = dump_json([[one.server, one.times] for one in hanging])
        with self._store.writing(wake=False) as tx:
            tx.run("put_worker", name=name, now=self._store.clock.now(), hanging=servers)

    def all(self) -> list[Beat]:
        """The last signs of life of those that have not ended; they may be dead."""
        with self._store.reading() as tx:
            return readable(tx.rows("list_workers"), _beat_of)

    def living(self, silent: timedelta) -> list[Beat]:
        """Those that were seen within a time."""
        now = self._store.clock.now()
        return [one for one in self.all() if abs(now - one.seen_at) < silent]

    def end(self, name: str) -> None:
        """Record that a worker has ended."""
        with self._store.writing(wake=False) as tx:
            tx.run("delete_worker", name=name)

    def prune(self, silent: timedelta) -> int:
        """Forget those that were not seen for a time: they were killed. Returns how many."""
        now = self._store.clock.now()
        with self._store.writing(wake=False) as tx:
            return tx.run("forget_workers", before=now - silent, after=now + silent)


class ChoreTimes:
    """When a worker last did something for all workers of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def last(self, name: str) -> datetime | None:
        """When it was done; None if never."""
        with self._store.reading() as tx:
            row = tx.row("get_chore", name=name)
        return None if row is None else time_in(row["done_at"])

    def note(self, name: str) -> None:
        """It is done now."""
        with self._store.writing(wake=False) as tx:
            tx.run("put_chore", name=name, now=self._store.clock.now())

    def forget(self, name: str) -> None:
        """It is to be done anew."""
        with self._store.writing(wake=False) as tx:
            tx.run("delete_chore", name=name)


@reads("worker", "name")
def _beat_of(row: Row) -> Beat:
    seen_at = time_of(row["seen_at"])
    assert seen_at is not None
    return Beat(
        row["name"], seen_at, tuple(Hanging(str(server), int(times)) for server, times in json.loads(row["hanging"]))
    )
