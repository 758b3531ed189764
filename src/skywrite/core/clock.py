"""Time and randomness: the only module that reads the computer's clock, sleeps, or draws random numbers.

Everything else takes a `Clock`, so that tests and the sandbox can set one. Times are aware datetimes in UTC.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

FAKE_LOOK_SECONDS = 0.005


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """The current time, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards, from an arbitrary start."""
        ...

    def wait(self, event: threading.Event, timeout_seconds: float) -> bool:
        """Wait until `event` is set (True) or the time is over (False)."""
        ...

    def wait_aside(self, event: threading.Event, timeout_seconds: float) -> bool:
        """`wait` in a helper, beside the thread that works: a clock that is set waits for others to move it."""
        ...

    def random(self) -> float:
        """A random number in [0, 1), for jitter and clock ids; not for secrets."""
        ...


class SystemClock:
    """The computer's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, timeout_seconds: float) -> bool:
        return event.wait(timeout_seconds)

    def wait_aside(self, event: threading.Event, timeout_seconds: float) -> bool:
        return event.wait(timeout_seconds)

    def random(self) -> float:
        return int.from_bytes(os.urandom(7)) / (1 << 56)


class SteadyClock:
    """Another clock, without the seconds by which it is known to run ahead, or to be behind (negative)."""

    def __init__(self, inner: Clock) -> None:
        self._inner = inner
        self.set_ahead(0.0)

    def given(self) -> datetime:
        """What the other clock says."""
        return self._inner.now()

    def set_ahead(self, seconds: float) -> None:
        """Leave out so many seconds from now on, and count the drift anew."""
        self._anchor = (self._inner.now(), self._inner.monotonic())
        self._ahead = timedelta(seconds=seconds)

    def drift_seconds(self) -> float:
        """By how much the other clock has moved more than the time that passed, since it was last put right."""
        now, monotonic = self._anchor
        return (self._inner.now() - now).total_seconds() - (self._inner.monotonic() - monotonic)

    def now(self) -> datetime:
        return self._inner.now() - self._ahead

    def monotonic(self) -> float:
        return self._inner.monotonic()

    def wait(self, event: threading.Event, timeout_seconds: float) -> bool:
        return self._inner.wait(event, timeout_seconds)

    def wait_aside(self, event: threading.Event, timeout_seconds: float) -> bool:
        return self._inner.wait_aside(event, timeout_seconds)

    def random(self) -> float:
        return self._inner.random()


class FakeClock:
    """A clock that stands still until it is moved; `wait` moves it instead of waiting."""

    def __init__(self, start: datetime, seed: int = 0) -> None:
        self._now = start
        self._started = start
        from random import Random

        self._random = Random(seed)

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._started).total_seconds()

    def wait(self, event: threading.Event, timeout_seconds: float) -> bool:
        if event.is_set():
            return True
        self.advance(timeout_seconds)
        return event.is_set()

    def wait_aside(self, event: threading.Event, timeout_seconds: float) -> bool:
        ends = self._now + timedelta(seconds=timeout_seconds)
        while self._now < ends and not event.wait(FAKE_LOOK_SECONDS):
            pass
        return event.is_set()

    def random(self) -> float:
        return self._random.random()

    def advance(self, seconds: float) -> None:
        """Move forward (or back, with a negative number)."""
        self._now += timedelta(seconds=seconds)

    def set(self, at: datetime) -> None:
        """Jump to a time."""
        self._now = at


def secret_bytes(count: int) -> bytes:
    """Random bytes fit for keys."""
    return os.urandom(count)


def to_iso(at: datetime) -> str:
    """A time as AT Protocol and our own JSON write it: UTC, milliseconds, `Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


SYSTEM_CLOCK: Clock = SystemClock()
