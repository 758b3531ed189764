"""A clock that nobody has to wait for, and answers one after the other: for pauses and retries."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class Waits:
    """A clock that only counts what it is asked to wait for."""

    def __init__(self, random: float = 0.5) -> None:
        self.seconds: list[float] = []
        self.ends = False
        self._random = random

    def now(self) -> datetime:
        return NOW + timedelta(seconds=sum(self.seconds))

    def monotonic(self) -> float:
        return 1000 + sum(self.seconds)

    def wait(self, event: threading.Event, timeout_seconds: float) -> bool:
        self.seconds.append(timeout_seconds)
        return self.ends

    def wait_aside(self, event: threading.Event, timeout_seconds: float) -> bool:
        return self.wait(event, timeout_seconds)

    def random(self) -> float:
        return self._random


def in_turn(*answers: Any) -> Callable[..., Any]:
    """Each call gets the next answer; the last one stays."""
    left = list(answers)

    def answer(*_: Any) -> Any:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return answer
