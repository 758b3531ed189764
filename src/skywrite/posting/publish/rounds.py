"""Periodic work for many, such as accounts, webhooks and mail: those that hang hold up no others.

What lives here: the one mechanism for all kinds of such work: threads, whose turn it is, and the end. What does not:
what there is to do, and how (each kind has its module), and the bulkheads (`hosts`), which posts have as well.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from skywrite.core.clock import Clock
from skywrite.core.errors import SkywriteError, StorageError
from skywrite.posting.publish.hosts import Hosts, shown_by
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.publish.pool import Pool

ROUND_THREADS = 64
LOOK_SECONDS = 0.2


class Turn(NamedTuple):
    """Something is to be done for somebody. `name`: for whom; two turns of one name are never taken at the same time.

    `server`: what it depends on. `what`: what the work itself needs to know.
    """

    name: str
    server: str
    what: Any = None


class Work(Protocol):
    """One kind of periodic work."""

    kind: str

    def next_at(self) -> datetime | None:
        """When to look for turns again; None if there is nothing to do."""
        ...

    def due(self) -> Sequence[Turn]:
        """The turns that are due now; those that are under way may be among them."""
        ...

    def take(self, turn: Turn) -> SkywriteError | None:
        """Do what is due for one of them. Returns what kept it from going on; it has been noted already."""
        ...


def take_all(work: Work) -> None:
    """Take the turns that are due, one after the other: for whoever has no threads, such as a rehearsal."""
    for turn in work.due():
        work.take(turn)


class Rounds:
    """A worker's task (`publish.worker.Task`): takes the turns of one kind of work, many at a time.

    With `wait`, `run` returns when all that were due have been taken, or after `stopping`; without it, at once.
    """

    def __init__(
        self,
        work: Work,
        clock: Clock,
        stopping: threading.Event,
        log: Log = silent,
        *,
        threads: int = ROUND_THREADS,
        wait: bool = False,
    ) -> None:
        self.work = work
        self.kind = work.kind
        self._clock = clock
        self._stopping = stopping
        self._log = log
        self._wait = wait
        self._hosts = Hosts(clock, threads)
        self._pool = Pool(threads, self._take_turns, name=work.kind, rest_seconds=0)
        self._lock = threading.Lock()
        self._quiet = threading.Condition(self._lock)
        self._waiting: deque[Turn] = deque()
        self._taken: set[str] = set()
        self._errors: list[Exception] = []
        self.done = 0

    def next_at(self) -> datetime | None:
        """When to look again: at once while turns wait."""
        with self._lock:
            waits = bool(self._waiting)
        return self._clock.now() if waits else self.work.next_at()

    def run(self) -> None:
        """Look for turns, and let threads take them. Raises the StorageError that one of them met."""
        due = self.work.due()
        with self._lock:
            known = self._taken | {turn.name for turn in self._waiting}
            self._waiting.extend(turn for turn in due if turn.name not in known)
        self._pool.wake()
        if self._wait:
            self._finish()
        if self._errors:
            error, self._errors = self._errors[0], []
            raise error

    def begin_to_end(self) -> list[threading.Thread]:
        """Start nothing new. Returns the threads that are still at work."""
        with self._lock:
            self._waiting.clear()
        return self._pool.begin_to_close()

    def _finish(self) -> None:
        """Wait for all turns. Those that would have to wait for a server that hangs are left out."""
        with self._lock:
            while (self._waiting or self._taken) and not self._stopping.is_set():
                if not self._taken and not self._may_go_on():
                    self._waiting.clear()
                self._pool.wake()
                self._quiet.wait(LOOK_SECONDS)

    def _may_go_on(self) -> bool:
        return any(not self._hosts.pause_seconds(turn.server, turn.name) for turn in self._waiting)

    def _take_turns(self) -> None:
        while not self._stopping.is_set() and (turn := self._next()) is not None:
            self._pool.wake()
            began, error = self._clock.monotonic(), None
            try:
                error = self.work.take(turn)
            except StorageError as exception:
                self._errors.append(exception)
            except Exception as exception:
                self._log("unexpected", kind=self.kind, error=exception)
            finally:
                self._end(turn, error, self._clock.monotonic() - began)

    def _next(self) -> Turn | None:
        """The next turn of somebody whose server may keep one more thread busy."""
        with self._lock:
            choice = self._hosts.choice()
            for turn in self._waiting:
                if choice.allows(turn.server) and not self._hosts.pause_seconds(turn.server, turn.name):
                    self._waiting.remove(turn)
                    self._taken.add(turn.name)
                    self._hosts.enter(turn.server, turn.name)
                    return turn
        return None

    def _end(self, turn: Turn, error: SkywriteError | None, seconds: float) -> None:
        with self._lock:
            self._taken.discard(turn.name)
            self._hosts.leave(turn.server, turn.name, shown_by(error, seconds))
            self.done += 1
            self._quiet.notify_all()
