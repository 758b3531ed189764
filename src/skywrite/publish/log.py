"""Logs: what a worker reports events with facts to; by default nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

Log = Callable[..., None]


def silent(event: str, **facts: Any) -> None:
    """Log nothing."""


def unfailing(log: Log) -> Log:
    """The same log with its errors ignored: a log that fails must not stop the work."""

    def report(event: str, **facts: object) -> None:
        with suppress(Exception):
            log(event, **facts)

    return report
