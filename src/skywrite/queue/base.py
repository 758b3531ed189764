"""What the groups of verbs share: the database, the vault, the clock, and waking those who wait for changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from skywrite.clock import SYSTEM_CLOCK, Clock
from skywrite.queue.database import Database, Transaction
from skywrite.queue.vault import Vault


class StoreBase:
    """One database, and the events of those in this process who watch it."""

    def __init__(self, database: Database, vault: Vault, clock: Clock = SYSTEM_CLOCK) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._watching: set[threading.Event] = set()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._database.place!r})"

    @property
    def place(self) -> str:
        """The file, or the server without its password."""
        return self._database.place

    @property
    def dialect(self) -> str:
        """ "sqlite" or "postgres"."""
        return self._database.dialect

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    @contextmanager
    def _reading(self) -> Iterator[Transaction]:
        with self._database.transaction(write=False) as tx:
            yield tx

    @contextmanager
    def _writing(self, *, wake: bool = True) -> Iterator[Transaction]:
        """A writing transaction; after its commit, those who watch the queue look again (`wake`)."""
        with self._database.transaction(write=True) as tx:
            yield tx
            if wake:
                self._database.announce(tx)
        if wake:
            for event in tuple(self._watching):
                event.set()
