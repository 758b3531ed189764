"""Is the clock right? Before a worker treats anything as due, it asks servers for their time.

What lives here: when to ask, whom, and what the responses mean. What does not: the corrected clock (`clock`).

A clock that runs ahead would publish posts too early and mark others as missed, permanently; one that is behind
publishes them too late. So a worker asks when it starts, and whenever the wall clock has moved relative to the
monotonic one. One server that agrees with the clock is enough. If all servers that respond say that it runs ahead, or
that it is behind, the worker leaves out the smallest difference from then on. A single server is not enough to let
anything go out earlier than the computer's clock says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from skywrite.core.clock import SteadyClock
from skywrite.core.errors import SkywriteError
from skywrite.core.http import Transport
from skywrite.posting.publish.log import Log, silent
from skywrite.protocol.atproto.xrpc_errors import http_date

WRONG_SECONDS = 60.0
WITNESSES_OF_A_CLOCK_BEHIND = 2
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
            differences = self._ahead_seconds()
            self._not_before = self._clock.monotonic() + ASK_AGAIN_SECONDS
            if differences is None:
                self._log(
                    "clock_unsure", message="No server could be asked for the time; nothing is published until then."
                )
                return False
            self._clock.set_ahead(left_out(differences))
            self._tell(differences)
            self._right = True
            return True

    def _tell(self, differences: Sequence[float]) -> None:
        """Say that the clock is wrong, and what is made of that."""
        seconds = round(_least(differences))
        if not left_out(differences) and not _is_behind(differences):
            return
        if seconds > 0:
            message = "This computer's clock is ahead; the difference is left out."
            self._log("clock_ahead", seconds=seconds, message=message)
        elif left_out(differences):
            message = "This computer's clock is behind; the difference is added."
            self._log("clock_behind", seconds=-seconds, message=message)
        else:
            message = "A server says that this computer's clock is behind: posts go out late until you set it right."
            self._log("clock_behind", seconds=-seconds, message=message)

    def _ahead_seconds(self) -> list[float] | None:
        """How much the computer's clock is ahead of each server (negative: behind); nothing if one agrees with it.

        None if no server responded.
        """
        differences: list[float] = []
        for address in self._addresses():
            try:
                answer = self._transport.request("GET", address, timeout_seconds=ASK_SECONDS)
            except SkywriteError:
                continue
            theirs = http_date(answer.headers.get("date", ""))
            if theirs is None or abs(ahead := (self._clock.given() - theirs).total_seconds()) <= WRONG_SECONDS:
                return []
            differences.append(ahead)
        return differences or None


def _is_behind(differences: Sequence[float]) -> bool:
    return bool(differences) and max(differences) < 0


def left_out(differences: Sequence[float]) -> float:
    """The seconds by which the clock is taken to be ahead, or behind (negative), from its differences to servers."""
    enough = (
        len(differences) >= WITNESSES_OF_A_CLOCK_BEHIND
        if _is_behind(differences)
        else all(one > 0 for one in differences)
    )
    return _least(differences) if enough else 0.0


def _least(differences: Sequence[float]) -> float:
    return min(differences, key=abs, default=0.0)
