"""Noticing changes: at once if they are made in this process, and within milliseconds if by another one on Linux.

Elsewhere it takes up to 0.15 seconds, and through a PostgreSQL pooler up to a second.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from skywrite.core.errors import StorageError
from skywrite.queue.base import StoreBase
from skywrite.queue.database import HEARING_POLL_SECONDS, POLL_SECONDS, ChangeDetector
from skywrite.queue.hearing import Ear


class ChangeListener:
    """One waiting thread's view of changes. Create it before reading the queue, so that no change is missed."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store
        self._event = threading.Event()
        self._detector: ChangeDetector | None = None
        self._ear: Ear | None = None
        self._only_heard = self._woken = False
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
            clock.wait(self._event, min(self._poll_seconds, left))

    def wake(self) -> None:
        """End the waiting (from a signal handler or another thread)."""
        self._woken = True
        self._event.set()

    def close(self) -> None:
        """Stop watching."""
        self._store.database.watching.discard(self._event)
        self._forget()

    @property
    def _poll_seconds(self) -> float:
        if self._ear is not None:
            return HEARING_POLL_SECONDS
        return POLL_SECONDS if self._detector is None else self._detector.poll_seconds

    def _hear(self) -> None:
        """There may be a change: whoever waits looks for it. Called by the ear's thread."""
        self._only_heard = True
        self._event.set()

    def _changed(self) -> bool:
        if not self._event.is_set():
            return self._detected()
        self._event.clear()
        told = self._woken or not self._only_heard
        self._woken = self._only_heard = False
        # Changes of this process may also show in the detector; check now, so that they do not count twice.
        return self._detected() or told

    def _detected(self) -> bool:
        database = self._store.database
        try:
            if self._detector is None:
                self._detector = database.detector()
                self._ear = Ear.of(self._detector.sound, self._hear)
                # What happened before it was created is unknown.
                return True
            return self._detector.changed()
        except (database.driver_error, StorageError):
            self._forget()
            return False

    def _forget(self) -> None:
        if self._ear is not None:
            self._ear.close()
            self._ear = None
        if self._detector is not None:
            self._detector.close()
            self._detector = None
