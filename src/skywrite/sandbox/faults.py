"""Faults on demand: what a network and a server under stress do to a request.

    drop_before    the connection ends before anything is carried out
    drop_after     the request is carried out, then the connection ends without a response
    refused        nothing listens (over a socket: the connection ends at once; see `Sandbox.stop` for the real thing)
    rate_limited   429 with Retry-After
    error_500      500 InternalServerError, nothing carried out
    bad_gateway    502 with an HTML page, nothing carried out
    unauthorized   401 as from a gateway, nothing carried out
    slow           the response comes late
    garbage        the request is carried out, but the response is not JSON
    html           200 with an HTML page, as from a hotel's network; nothing carried out
    truncated      the request is carried out, but the response is cut off in the middle

`commit` overrides whether the request is carried out: `add(kind="error_500", commit=True)` does, and then fails.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from skywrite.core.errors import InputError

FaultKind: TypeAlias = Literal[
    "drop_before",
    "drop_after",
    "refused",
    "rate_limited",
    "error_500",
    "bad_gateway",
    "unauthorized",
    "slow",
    "garbage",
    "html",
    "truncated",
]
_CARRIED_OUT = frozenset({"drop_after", "slow", "garbage", "truncated"})
DEFAULT_SECONDS = 30.0


@dataclass(slots=True)
class Fault:
    """One fault, for the next `times` requests to `method` (None: to any method), after `after` others."""

    kind: FaultKind
    method: str | None
    times: int | None
    after: int
    seconds: float
    commit: bool


class Faults:
    """The faults that are still to come. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(
        self,
        method: str | None = None,
        *,
        kind: FaultKind,
        times: int | None = 1,
        after: int = 0,
        seconds: float = DEFAULT_SECONDS,
        commit: bool | None = None,
    ) -> None:
        """Make the next `times` requests (None: all) to a method fail, after the first `after`.

        `method` is an NSID or a path; None means every request. `seconds` is the delay of `slow` and the Retry-After
        of `rate_limited`. Raises InputError for an unknown kind.
        """
        if kind not in get_args(FaultKind):
            raise InputError(f"There is no fault {kind!r}.", hint=f"Choose one of {', '.join(get_args(FaultKind))}.")
        carried_out = kind in _CARRIED_OUT if commit is None else commit
        with self._lock:
            self._waiting.append(Fault(kind, method, times, after, seconds, carried_out))

    def clear(self) -> None:
        """Remove all faults that are still to come."""
        with self._lock:
            self._waiting.clear()

    def take(self, method: str) -> Fault | None:
        """The fault for this request, if any."""
        with self._lock:
            for fault in self._waiting:
                if fault.method not in (None, method):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._waiting.remove(fault)
                return fault
        return None
