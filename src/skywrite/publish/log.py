"""What happens, as events with facts: what a worker reports to, and the default, which is nobody."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

Log = Callable[..., None]


def silent(event: str, **facts: Any) -> None:
    """Report to nobody."""


def unfailing(log: Log) -> Log:
    """The same log, whose errors are passed over: what is done never depends on what can be logged."""

    def report(event: str, **facts: object) -> None:
        with suppress(Exception):
            log(event, **facts)

    return report
