"""Graceful stop: after SIGTERM or SIGINT, what is in flight is finished."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import FrameType
from typing import Any


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
            for number in (signal.SIGTERM, signal.SIGINT):
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
