"""Is the clock right? Before a worker treats anything as due, it asks servers for their time.

What lives here: when to ask, whom, and what the responses mean. What does not: the corrected clock (`clock`).

A clock that stands still or goes backwards makes posts late, which their policies handle. One that runs ahead would
publish them too early and mark others as missed, permanently. So a worker asks when it starts, and whenever the wall
clock has moved relative to the monotonic one. One server that agrees with the clock is enough. If all servers that
respond say that it runs ahead, the worker subtracts the smallest difference from then on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from skywrite.atproto.xrpc_errors import http_date
from skywrite.clock import SteadyClock
from skywrite.errors import SkywriteError
from skywrite.http import Transport
from skywrite.publish.log import Log, silent

AHEAD_SECONDS_MAX = 60.0
DRIFT_SECONDS_MAX = 30.0
ASK_SECONDS = 5.0
ASK_AGAIN_SECONDS = 5.0


class Timekeeper:
    """Keeps a clock right. `addresses()` are pages of servers, asked in turn until one agrees."""

    def __init__(
        self,
        clock: SteadyClock,
        transport: Transport,
        addresses: Callable[[], Iterable[str]],
        log: Log = silent,
    ) -> None:
        self._clock = clock
        self._transport = transport
        self._addresses = addresses
        self._log = log
        self._lock = threading.Lock()
        self._right = False
        self._not_before = clock.monotonic()

    def is_right(self) -> bool:
        """Whether the clock is right; asks servers if necessary."""
        with self._lock:
            if self._right and abs(self._clock.drift_seconds()) <= DRIFT_SECONDS_MAX:
                return True
            self._right = False
            if self._clock.monotonic() < self._not_before:
                return False
            ahead = self._ahead_seconds()
            self._not_before = self._clock.monotonic() + ASK_AGAIN_SECONDS
            if ahead is None:
                self._log(
                    "clock_unsure", message="No server could be asked for the time; nothing is published until then."
                )
                return False
            self._clock.set_ahead(ahead)
            if ahead:
                self._log(
                    "clock_ahead", seconds=round(ahead), message="This computer's clock is ahead; it is left out."
                )
            self._right = True
            return True

    def _ahead_seconds(self) -> float | None:
        """How much the computer's clock is ahead of all servers that responded; None if none did."""
        found: list[float] = []
        for address in self._addresses():
            try:
                answer = self._transport.request("GET", address, timeout_seconds=ASK_SECONDS)
            except SkywriteError:
                continue
            theirs = http_date(answer.headers.get("date", ""))
            if theirs is None or (ahead := (self._clock.given() - theirs).total_seconds()) <= AHEAD_SECONDS_MAX:
                return 0.0
            found.append(ahead)
        return min(found, default=None)
