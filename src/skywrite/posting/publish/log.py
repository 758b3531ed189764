"""Logs: what a worker reports events with facts to; by default nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from skywrite.core.clock import Clock

REPEATED_SECONDS = 60.0
MESSAGES_MAX = 100

Log = Callable[..., None]


def silent(event: str, **facts: Any) -> None:
    """Log nothing."""


def unfailing(log: Log) -> Log:
    """The same log with its errors ignored: a log that fails must not stop the work."""

    def report(event: str, **facts: object) -> None:
        with suppress(Exception):
            log(event, **facts)

    return report


def seldom(log: Log, clock: Clock) -> Log:
    """The same log, in which trouble with the database is told once a minute: all threads meet it, again and again.

    `times` says how often it was met since it was last told.
    """
    lock = threading.Lock()
    told: dict[object, tuple[float | None, int]] = {}

    def report(event: str, **facts: object) -> None:
        if event != "storage":
            log(event, **facts)
            return
        message, now = facts.get("message"), clock.monotonic()
        with lock:
            at, times = told.get(message, (None, 0))
            if at is not None and now < at + REPEATED_SECONDS:
                told[message] = (at, times + 1)
                return
            if len(told) >= MESSAGES_MAX:
                told.clear()
            told[message] = (now, 0)
        log(event, **facts, **({"times": times + 1} if times else {}))

    return report
