"""Threads on demand: none when idle, more as there is more to do, up to a limit.

What lives here: starting, waking and ending them. What does not: what they do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

REST_SECONDS = 30.0
LOOK_SECONDS = 0.25


class Pool:
    """Up to `most` threads that each do `work` when they are woken. A thread that is idle for long ends.

    They do not keep the process from ending: whoever closes the pool waits for them, for as long as it likes.
    """

    def __init__(
        self, most: int, work: Callable[[], None], *, name: str = "publish", rest_seconds: float = REST_SECONDS
    ) -> None:
        self._most = most
        self._work = work
        self._name = name
        self._rest_seconds = rest_seconds
        self._lock = threading.RLock()
        # Work for one resting thread; nothing left to do. Each wakes only those who wait for it.
        self._news = threading.Condition(self._lock)
        self._quiet = threading.Condition(self._lock)
        self._threads: set[threading.Thread] = set()
        self._resting = 0
        self._waiting = 0
        self._closed = False
        self._started = 0

    @property
    def size(self) -> int:
        """How many threads there are now."""
        with self._lock:
            return len(self._threads)

    @property
    def busy(self) -> int:
        """How many threads work now, or are about to."""
        with self._lock:
            return len(self._threads) - self._resting + self._waiting

    @property
    def is_full(self) -> bool:
        """Whether all threads that may be are busy."""
        return self.busy >= self._most

    def wake(self) -> None:
        """Let one more thread work. If all are busy, one works again when it is done."""
        with self._lock:
            if self._closed:
                return
            if self._waiting < self._resting:
                self._waiting += 1
                self._news.notify()
            elif len(self._threads) < self._most:
                self._waiting += 1
                self._started += 1
                thread = threading.Thread(target=self._live, name=f"{self._name}-{self._started}", daemon=True)
                self._threads.add(thread)
                thread.start()
            else:
                self._waiting = min(self._waiting + 1, self._most)

    def wait(self) -> None:
        """Wait until no thread works and none is about to."""
        with self._lock:
            # A signal that comes just before a wait without an end is seen only after it.
            while not self._quiet.wait_for(self._is_quiet, LOOK_SECONDS):
                continue

    def close(self) -> None:
        """Start nothing new; returns when every thread has ended."""
        for thread in self.begin_to_close():
            while thread.is_alive():
                thread.join(LOOK_SECONDS)

    def begin_to_close(self) -> list[threading.Thread]:
        """Start nothing new. Returns the threads that still work."""
        with self._lock:
            self._closed = True
            self._news.notify_all()
            return list(self._threads)

    def _live(self) -> None:
        try:
            while self._next():
                self._work()
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())
                self._tell_quiet()

    def _next(self) -> bool:
        """Wait for work; False if the thread is to end."""
        with self._lock:
            self._resting += 1
            self._tell_quiet()
            self._news.wait_for(lambda: self._waiting or self._closed, self._rest_seconds)
            self._resting -= 1
            if self._closed or not self._waiting:
                return False
            self._waiting -= 1
            return True

    def _is_quiet(self) -> bool:
        return not self._waiting and self._resting == len(self._threads)

    def _tell_quiet(self) -> None:
        if self._is_quiet():
            self._quiet.notify_all()
