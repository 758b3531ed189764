"""Noticing changes: at once if they are made in this process, within 0.15 seconds if in any other process.

Through a PostgreSQL pooler it takes up to a second.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from skywrite.core.errors import StorageError
from skywrite.queue.base import StoreBase
from skywrite.queue.database import POLL_SECONDS, ChangeDetector


class ChangeListener:
    """One waiting thread's view of changes. Create it before reading the queue, so that no change is missed."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store
        self._event = threading.Event()
        self._detector: ChangeDetector | None = None
        store.database.watching.add(self._event)
        self._detected()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until something may have changed (True) or the time is over (False).

        While the database cannot be reached this only waits: the next claim reports it.
        """
        clock = self._store.clock
        ends = clock.monotonic() + timeout_seconds
        while True:
            if self._changed():
                return True
            left = ends - clock.monotonic()
            if left <= 0:
                return False
            seconds = self._detector.poll_seconds if self._detector else POLL_SECONDS
            clock.wait(self._event, min(seconds, left))

    def wake(self) -> None:
        """End the waiting (from a signal handler or another thread)."""
        self._event.set()

    def close(self) -> None:
        """Stop watching."""
        self._store.database.watching.discard(self._event)
        self._forget()

    def _changed(self) -> bool:
        if self._event.is_set():
            self._event.clear()
            # Changes of this process may also show in the detector; check now, so that they do not count twice.
            self._detected()
            return True
        return self._detected()

    def _detected(self) -> bool:
        database = self._store.database
        try:
            if self._detector is None:
                self._detector = database.detector()
                # What happened before it was created is unknown.
                return True
            return self._detector.changed()
        except (database.driver_error, StorageError):
            self._forget()
            return False

    def _forget(self) -> None:
        if self._detector is not None:
            self._detector.close()
            self._detector = None
