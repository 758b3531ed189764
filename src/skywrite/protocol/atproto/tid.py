"""TIDs: record keys that sort by time (https://atproto.com/specs/tid).

A TID is 64 bits in 13 characters of base32-sortable: a zero bit, 53 bits of microseconds since 1970, 10 bits of
clock id. The network checks only the form, not the time, so a TID may contain a time in the future.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from skywrite.core.clock import SYSTEM_CLOCK, Clock
from skywrite.protocol.atproto.syntax import TID_ALPHABET, InvalidSyntax, Tid

MAX_MICROS = 2**53 - 1
CLOCK_IDS = 1024
MAX_KEYED_INDEX = 999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VALUES = {character: value for value, character in enumerate(TID_ALPHABET)}


def tid_from(micros: int, clock_id: int) -> str:
    """The TID of a time in microseconds since 1970 and a clock id in [0, 1024); raises InvalidSyntax."""
    if not (0 <= micros <= MAX_MICROS and 0 <= clock_id < CLOCK_IDS):
        raise InvalidSyntax(f"No TID can be made of {micros} microseconds and clock id {clock_id}.")
    number = micros << 10 | clock_id
    return "".join(TID_ALPHABET[number >> shift & 31] for shift in range(60, -1, -5))


def tid_micros(tid: str) -> int:
    """The microseconds since 1970 in a TID. Raises InvalidSyntax."""
    number = 0
    for character in Tid(tid):
        number = number << 5 | _VALUES[character]
    return number >> 10


def tid_after(tid: str, micros: int) -> str:
    """The TID with the same clock id, later by `micros` microseconds. Raises InvalidSyntax."""
    number = 0
    for character in Tid(tid):
        number = number << 5 | _VALUES[character]
    return tid_from((number >> 10) + micros, number % CLOCK_IDS)


def keyed_tid(at: datetime, key: str, index: int = 0) -> str:
    """A TID that depends only on a time (to the second), a key and an index, so it can be computed again.

    The second comes from the time, the microseconds and the clock id from SHA-256 of the key. The indexes of one key (a
    thread's posts, 0 to 999) sort in order. Raises InvalidSyntax for a time without a zone.
    """
    from hashlib import sha256

    if at.tzinfo is None:
        raise InvalidSyntax(f"{at} has no time zone, so no TID can be made of it.")
    if not 0 <= index <= MAX_KEYED_INDEX:
        raise InvalidSyntax(f"{index} is not an index of a keyed TID.", hint=f"It is 0 to {MAX_KEYED_INDEX}.")
    digest = sha256(key.encode("utf-8", "surrogatepass")).digest()
    start = int.from_bytes(digest[:8], "big") % (1_000_000 - MAX_KEYED_INDEX)
    second = (at - _EPOCH) // timedelta(seconds=1)
    clock_id = int.from_bytes(sha256(digest + index.to_bytes(2, "big")).digest()[:2], "big") % CLOCK_IDS
    return tid_from(second * 1_000_000 + start + index, clock_id)


class TidClock:
    """Makes strictly increasing TIDs, whatever the computer's clock does.

    Safe to share between threads; use one for each process. Each TID has a random clock id, so that two processes
    almost never make the same TID in the same microsecond.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last_micros = -1

    def next(self) -> str:
        """A TID of the current time, or of the microsecond after the last one if that is later."""
        with self._lock:
            micros = (self._clock.now() - _EPOCH) // timedelta(microseconds=1)
            self._last_micros = max(micros, self._last_micros + 1)
            return tid_from(self._last_micros, int(self._clock.random() * CLOCK_IDS))
