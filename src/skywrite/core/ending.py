"""The end: a process is asked to stop, and what waits for others is told to stop waiting.

What lives here: whether the end has come, and who is to be told. What does not: when it comes (`publish.worker`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from skywrite.core.errors import Stopping


class Ending:
    """The end of what a process does. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._come = False
        self._told: dict[object, Callable[[], object]] = {}
        self._timer: threading.Timer | None = None

    @property
    def has_come(self) -> bool:
        """Whether nothing may wait any more."""
        return self._come

    def check(self) -> None:
        """Raise Stopping if the end has come: what was looked up until now may lack what nobody waited for."""
        if self._come:
            raise Stopping("The program was asked to stop.")

    def come_after(self, seconds: float) -> None:
        """Let the end come in so many seconds, unless `go_on` is called before."""
        with self._lock:
            if self._timer is None:
                self._timer = threading.Timer(seconds, self.come)
                self._timer.daemon = True
                self._timer.start()

    def come(self) -> None:
        """Tell everyone who waits."""
        with self._lock:
            self._come = True
            told = list(self._told.values())
        for stop in told:
            stop()

    def go_on(self) -> None:
        """Call it off: from now on everything may wait again."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._come = None, False

    @contextmanager
    def telling(self, stop: Callable[[], object]) -> Iterator[None]:
        """Within the block, `stop` is called when the end comes: in another thread, and at once if it has come."""
        waiting = object()
        with self._lock:
            come = self._come
            self._told[waiting] = stop
        try:
            if come:
                stop()
            yield
        finally:
            with self._lock:
                del self._told[waiting]
