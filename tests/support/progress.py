"""Where a long run is: a line each half minute.

What lives here: what a run of tests says, and when. What does not: the same for shell scripts (`script/common.sh`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

EVERY_SECONDS = 30.0


class Progress:
    """Tells where a run is, at most once each half minute."""

    def __init__(self, tell: Callable[[str], object], now: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._now = tell, now
        self._next = now() + EVERY_SECONDS

    def look(self, place: Callable[[], str]) -> None:
        """Tell the place if half a minute is over."""
        if self._now() >= self._next:
            self._next = self._now() + EVERY_SECONDS
            self._tell(place())


class RunningTests:
    """The plug-in: counts the tests that ended, and names the one that has been running longest."""

    def __init__(self, tell: Callable[[str], object], now: Callable[[], float] = time.monotonic) -> None:
        self._progress, self._now = Progress(tell, now), now
        self._total = self._ended = self._failed = 0
        self._running: dict[str, float] = {}

    def place(self) -> str:
        """The place of the run, in words."""
        words = f"progress: {self._ended:,} of {self._total:,} tests, {self._failed} failed"
        # Another thread may start or end a test meanwhile.
        running = sorted((began, name) for name, began in self._running.copy().items())
        if not running:
            return words
        began, name = running[0]
        return f"{words}; {name} has run for {self._now() - began:.0f} s"

    def look(self) -> None:
        """Tell the place if half a minute is over."""
        self._progress.look(self.place)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Look each second, in a thread: only for a process that runs no tests itself."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(1):
                self.look()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Iterator[None]:
        """Where other processes run the tests, this one only waits for them."""
        if not session.config.getoption("numprocesses", None):
            return (yield)
        with self.telling():
            return (yield)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """How many tests there are."""
        self._total = self._total or len(session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """The same, where other processes run them."""
        self._total = len(ids)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self._running[nodeid] = self._now()
        self.look()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A part of a test has ended."""
        self._failed += report.failed

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """A test has ended."""
        self._running.pop(nodeid, None)
        self._ended += 1
        self.look()
