"""Graceful stop: after SIGTERM or SIGINT, what is in flight is finished."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType
from typing import Any, NoReturn

NUMBERS = (signal.SIGTERM, signal.SIGINT)

# A worker ends within eight seconds; what keeps the process longer is beyond it, such as a database that hangs.
LAST_SECONDS = 9.5


def exit_in_the_end() -> None:
    """End this process in some seconds, whatever it does: nothing is lost, as after a crash. For command lines only."""
    timer = threading.Timer(LAST_SECONDS, os._exit, [0])
    timer.daemon = True
    timer.start()


@contextmanager
def exiting_by_signals() -> Iterator[None]:
    """Inside the `with` block, SIGTERM and SIGINT exit with code 0: for command lines whose worker does not stand yet.

    Whatever is open is closed, as after any other exit; outside the main thread this does nothing.
    """
    is_main = threading.current_thread() is threading.main_thread()
    former = {number: signal.signal(number, _exit) for number in NUMBERS} if is_main else {}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(0)


class stopped_by_signals:
    """Inside the `with` block, SIGTERM and SIGINT call `stop`; outside the main thread this does nothing.

    A handler interrupts whatever the main thread does, even while it holds a lock that `stop` needs. So the handler
    only puts an item into a queue that is safe to use there, and a waiting thread calls `stop`.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._former: dict[int, Any] = {}
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._wait, name="signals", daemon=True)

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._thread.start()
            for number in NUMBERS:
                self._former[number] = signal.signal(number, self._handle)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        if self._former:
            self._asked.put(False)
            self._thread.join()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._asked.put(True)

    def _wait(self) -> None:
        while self._asked.get():
            self._stop()
