"""Lanes: the threads in which requests are handled, and how many of them one caller may hold.

What waits for servers of others has threads of its own, so that a silent host holds up nobody but whoever asked for it.
What lives here: waiting for a thread, per caller first. What does not: which request takes which lane (its operation or
its route says so). Finding out who asks and `/healthz` take neither: Starlette's own threads do that, and little else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, ParamSpec, TypeVar

import anyio
import anyio.to_thread

from skywrite.core.errors import Overloaded

WORK_THREADS, WORK_EACH = 32, 8
NETWORK_THREADS, NETWORK_EACH = 24, 6
MEDIA_THREADS, MEDIA_EACH, MEDIA_WAITING = 4, 2, 10
# Large bodies of one caller that are read and answered at a time, and its files that arrive at a time.
BODIES_EACH, FILES_EACH = 8, 4
WAITING_EACH = 50
RETRY_SECONDS = 5

_P = ParamSpec("_P")
_R = TypeVar("_R")

# Which lane the code runs in; empty outside of them.
current_lane: ContextVar[str] = ContextVar("current_lane", default="")


@dataclass
class _Caller:
    """What one caller has in a lane: `turn` lets so many in at a time, `here` counts these and the waiting ones."""

    turn: asyncio.Semaphore
    here: int = 0


@dataclass
class Turns:
    """So many requests of one caller at a time; more of them wait, and too many are refused."""

    each: int
    waiting: int = WAITING_EACH
    _callers: dict[str, _Caller] = field(default_factory=dict)

    @property
    def callers(self) -> int:
        """How many callers have something here."""
        return len(self._callers)

    @asynccontextmanager
    async def of(self, who: str) -> AsyncIterator[None]:
        """One turn of a caller. Raises Overloaded."""
        caller = self._callers.setdefault(who, _Caller(asyncio.Semaphore(self.each)))
        if caller.here >= self.each + self.waiting:
            raise Overloaded(
                f"{caller.here} of your requests are being answered already.",
                code="request.too_many_at_once",
                hint=f"Wait for their answers, or try again in {RETRY_SECONDS} seconds.",
                retry_seconds=RETRY_SECONDS,
            )
        caller.here += 1
        try:
            async with caller.turn:
                yield
        finally:
            caller.here -= 1
            if caller.here == 0:
                self._callers.pop(who, None)


@dataclass
class Lane:
    """So many threads, so many of them for one caller, in turns."""

    name: str
    threads: int
    each: int
    waiting: int = WAITING_EACH

    def __post_init__(self) -> None:
        self._limiter = anyio.CapacityLimiter(self.threads)
        self._turns = Turns(self.each, self.waiting)

    @property
    def held(self) -> int:
        """How many threads are at work."""
        return int(self._limiter.borrowed_tokens)

    @property
    def callers(self) -> int:
        """How many callers have something here."""
        return self._turns.callers

    async def run(self, who: str, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Call a function in a thread of this lane. Raises Overloaded, and what it raises."""
        async with self._turns.of(who):
            call = partial(self._call, function, *args, **kwargs)
            return await anyio.to_thread.run_sync(call, limiter=self._limiter)

    def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        current_lane.set(self.name)
        return function(*args, **kwargs)


class Lanes(NamedTuple):
    """The lanes of a server: `work` needs only the database and the processor, and `media` fits what was uploaded.

    A large body takes one of the turns of `bodies`, and a file one of `files`, before it is read: what nobody reads yet
    costs no memory.
    """

    work: Lane
    network: Lane
    media: Lane
    bodies: Turns
    files: Turns

    @classmethod
    def new(cls) -> Lanes:
        """Empty ones."""
        return cls(
            Lane("work", WORK_THREADS, WORK_EACH),
            Lane("network", NETWORK_THREADS, NETWORK_EACH),
            Lane("media", MEDIA_THREADS, MEDIA_EACH, MEDIA_WAITING),
            Turns(BODIES_EACH),
            Turns(FILES_EACH),
        )

    def of(self, network: bool) -> Lane:
        """The lane of a request that may wait for the network, or not."""
        return self.network if network else self.work
