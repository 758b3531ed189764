"""Turns at the one writer of a database: threads get it in the order in which they ask, and due posts go first.

A plain lock goes to whoever is quickest. That is the thread which has just released it, so one with much to write keeps
all others out for as long as it goes on.

What lives here: whose turn it is. What does not: transactions (`database`), and which of them are for due posts
(`claims`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

# Those that go first leave one turn to the others after so many in a row.
FIRST_IN_A_ROW = 8


class _Waiting(NamedTuple):
    """A thread that waits, and what it waits at: a lock that is released when its turn has come."""

    thread: int
    gate: threading.Lock


class Turns:
    """A lock that is handed from thread to thread. The thread that has it may take it again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: int | None = None
        self._first: deque[_Waiting] = deque()
        self._others: deque[_Waiting] = deque()
        self._in_a_row = 0

    @property
    def waiting(self) -> int:
        """How many threads wait."""
        with self._lock:
            return len(self._first) + len(self._others)

    @contextmanager
    def taken(self, *, first: bool = False) -> Iterator[None]:
        """Wait for the turn, and have it in the block. `first`: before the threads that did not say so."""
        me = threading.get_ident()
        if self._holder == me:
            yield
            return
        try:
            self._take(me, self._first if first else self._others)
            yield
        finally:
            # Ctrl-C may come before the block begins, and after it has its turn.
            if self._holder == me:
                self._pass_on()

    def _take(self, me: int, queue: deque[_Waiting]) -> None:
        with self._lock:
            if self._holder is None:
                self._holder = me
                return
            waiting = _Waiting(me, threading.Lock())
            waiting.gate.acquire()
            queue.append(waiting)
        try:
            waiting.gate.acquire()
        except BaseException:
            # Ctrl-C while it waits: it may have got its turn in the same moment.
            with self._lock:
                has_turn = waiting not in queue
                if not has_turn:
                    queue.remove(waiting)
            if has_turn:
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        with self._lock:
            following = self._following()
            self._holder = None if following is None else following.thread
            if following is not None:
                following.gate.release()

    def _following(self) -> _Waiting | None:
        if self._first and (not self._others or self._in_a_row < FIRST_IN_A_ROW):
            self._in_a_row += 1
            return self._first.popleft()
        self._in_a_row = 0
        return self._others.popleft() if self._others else None
