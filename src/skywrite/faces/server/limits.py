"""Limits on callers: how often, how much, and how slowly.

What lives here: token buckets in memory (one process serves), and reading bodies. What does not: who the caller is.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from skywrite.core.clock import Clock
from skywrite.core.digits import row_number
from skywrite.faces.server.lanes import Turns
from skywrite.faces.server.problems import BodyTooLarge, RequestTimeout, TooManyRequests

JSON_BYTES_MAX = 1_000_000
BODY_SECONDS_MAX = 30.0
PIECE_SECONDS_MAX = 30.0
# Bodies up to this size are read at once; of larger ones, each caller has so many at a time.
SMALL_BYTES = 20_000
BUCKETS_MAX = 10_000


class Quota(NamedTuple):
    """So many requests in so many seconds."""

    requests: int
    seconds: int


class Spent(NamedTuple):
    """What is left of a quota, and when there will be more, in seconds."""

    left: int
    reset_seconds: int
    refused: bool


class Buckets:
    """One bucket for each caller, filled evenly; only the most recent callers are remembered."""

    def __init__(self, quota: Quota, clock: Clock) -> None:
        self.quota = quota
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def spend(self, who: str, cost: float = 1.0) -> Spent:
        """Take from a caller's bucket; a refused request takes nothing."""
        rate = self.quota.requests / self.quota.seconds
        with self._lock:
            now = self._clock.monotonic()
            level, at = self._buckets.pop(who, (float(self.quota.requests), now))
            level = min(level + (now - at) * rate, float(self.quota.requests))
            refused = level < max(cost, 1.0)
            level -= 0.0 if refused else cost
            self._buckets[who] = (level, now)
            if len(self._buckets) > BUCKETS_MAX:
                self._buckets.popitem(last=False)
        missing = 1.0 - level if refused else self.quota.requests - level
        return Spent(int(level), max(math.ceil(missing / rate), 1 if refused else 0), refused)

    def headers(self, spent: Spent) -> dict[str, str]:
        """The RateLimit header fields (draft-ietf-httpapi-ratelimit-headers)."""
        return {
            "ratelimit-policy": f'"default";q={self.quota.requests};w={self.quota.seconds}',
            "ratelimit": f'"default";r={spent.left};t={spent.reset_seconds}',
        }

    def check(self, who: str, what: str, cost: float = 1.0) -> dict[str, str]:
        """Spend, or raise TooManyRequests if nothing is left. Returns the header fields of the response."""
        spent = self.spend(who, cost)
        headers = self.headers(spent)
        if spent.refused:
            seconds = spent.reset_seconds
            raise TooManyRequests(
                f"Too many {what}: at most {self.quota.requests} in {self.quota.seconds} seconds.",
                hint=f"Try again in {seconds} seconds.",
                headers={**headers, "retry-after": str(seconds)},
            )
        return headers


async def read_body(request: Request, max_bytes: int = JSON_BYTES_MAX) -> bytes:
    """The whole body. Raises BodyTooLarge, RequestTimeout."""
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            return b"".join([piece async for piece in read_pieces(request, max_bytes)])
    except TimeoutError:
        raise RequestTimeout("The body did not arrive in time.") from None


@asynccontextmanager
async def in_turn(request: Request, turns: Turns, who: str) -> AsyncIterator[None]:
    """Read and answer a request whose body is large when it is its caller's turn. Raises Overloaded."""
    length = row_number(request.headers.get("content-length", "0"))
    if length is not None and length <= SMALL_BYTES and "transfer-encoding" not in request.headers:
        yield
        return
    async with turns.of(who):
        yield


def bounded(request: Request, max_bytes: int) -> Request:
    """The same request; reading its body raises BodyTooLarge and RequestTimeout."""
    pieces = read_pieces(request, max_bytes)

    async def receive() -> Message:
        piece = await anext(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    return Request(request.scope, receive)


async def read_pieces(request: Request, max_bytes: int, *, by_length: bool = True) -> AsyncIterator[bytes]:
    """The body in pieces, as they arrive; `by_length` believes a header that says that it is too large.

    Raises BodyTooLarge, RequestTimeout.
    """
    too_large = BodyTooLarge(f"The body is larger than {max_bytes} bytes.", hint="Send less at a time.")
    length = row_number(request.headers.get("content-length", ""))
    if by_length and length is not None and length > max_bytes:
        raise too_large
    size = 0
    pieces = request.stream().__aiter__()
    while True:
        try:
            async with asyncio.timeout(PIECE_SECONDS_MAX):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise RequestTimeout("The body stopped arriving.") from None
        except ClientDisconnect:
            raise RequestTimeout("The client disconnected.") from None
        size += len(piece)
        if size > max_bytes:
            raise too_large
        yield piece
