"""One simulated process: the real app, worker and store, with a network and a disk that misbehave, and that can die.

What lives here: where trouble comes from. What does not: what users do and what must hold (`world`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from random import Random

from skywrite.app import Skywrite
from skywrite.core.config import Config
from skywrite.core.http import MAX_ANSWER_BYTES, Response
from skywrite.posting.publish.worker import Worker
from skywrite.queue.database import DatabaseUnavailable, Transaction
from skywrite.queue.sqlite import SqliteDatabase
from skywrite.queue.store import Store
from skywrite.queue.vault import Vault
from skywrite.sandbox import Sandbox
from skywrite.sandbox.faults import Fault, FaultKind, Faults
from skywrite.sandbox.limits import RateLimits
from skywrite.sandbox.transport import SandboxTransport

KINDS: tuple[FaultKind, ...] = (
    "drop_before",
    "drop_after",
    "drop_after",
    "drop_after",
    "refused",
    "rate_limited",
    "error_500",
    "bad_gateway",
    "unauthorized",
    "slow",
    "garbage",
    "truncated",
    "html",
)
POISON = "☠"


class Crash(BaseException):
    """The process was killed here: nothing of it runs any more."""


@dataclass
class Chances:
    """How often each kind of trouble comes; all are 0 in quiet times."""

    network: float = 0.25
    store: float = 0.03
    crash: float = 0.01
    stopped: float = 0.06


class RandomFaults(Faults):
    """The sandbox's faults, drawn by chance in place of waiting for their requests."""

    def __init__(self, random: Random, chances: Chances, log: Callable[..., None]) -> None:
        super().__init__()
        self._random = random
        self._chances = chances
        self._log = log

    def take(self, method: str) -> Fault | None:
        if self._random.random() >= self._chances.network:
            return None
        kind = self._random.choice(KINDS)
        carried_out = kind in ("drop_after", "slow", "garbage", "truncated") or self._random.random() < 0.3
        self._log(f"fault: {kind}", method=method, carried_out=carried_out)
        return Fault(kind, None, 1, 0, self._random.choice((1.0, 5.0, 45.0, 400.0)), carried_out)


class Meter(RateLimits):
    """Counts the write points that reach the server, and limits nobody. `spent` is told who, and how many."""

    def __init__(self, now: Callable[[], datetime], spent: Callable[[str, int], None]) -> None:
        super().__init__(now)
        self._spent = spent

    def spend(self, charges: Sequence[tuple[str, str, int]]) -> dict[str, str]:
        for rule, who, points in charges:
            if rule == "write-hour":
                self._spent(who, points)
        return {}


class Life:
    """Whether a process lives, and the chances that it does not."""

    def __init__(self, random: Random, chances: Chances) -> None:
        self.random = random
        self.chances = chances
        self.dead = False

    def moment(self) -> None:
        """A moment at which the process may be killed; in a dead one nothing happens ever after."""
        if self.dead or self.random.random() < self.chances.crash:
            self.dead = True
            raise Crash


class ShakyStore(Store):
    """A store whose writing fails by chance: before anything is done, or after the commit, without an answer."""

    life: Life

    @contextmanager
    def writing(self, *, wake: bool = True, first: bool = False) -> Iterator[Transaction]:
        self._trouble("nothing was changed")
        with super().writing(wake=wake, first=first) as tx:
            yield tx
        self._trouble("it was changed")

    def _trouble(self, truth: str) -> None:
        self.life.moment()
        if self.life.random.random() < self.life.chances.store:
            raise DatabaseUnavailable(f"The simulated database went away ({truth}).")


class ShakyNetwork:
    """The network of one process. Before or after a request it may be killed, or stand still while others go on."""

    def __init__(self, box: Sandbox, life: Life, stand_still: Callable[[], None]) -> None:
        self._inner = SandboxTransport(box)
        self._life = life
        self._stand_still = stand_still

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        timeout_seconds: float | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> Response:
        """As `skywrite.core.http.Transport`."""
        self._moment()
        if url.endswith("applyWrites") and isinstance(body, bytes) and POISON in str(json.loads(body)):
            text = json.dumps({"error": "InvalidRequest", "message": "Invalid app.bsky.feed.post record: poison"})
            return Response(400, {"content-type": "application/json"}, text.encode())
        try:
            return self._inner.request(method, url, headers=headers, body=body, timeout_seconds=timeout_seconds)
        finally:
            self._moment()

    def _moment(self) -> None:
        self._life.moment()
        if self._life.random.random() < self._life.chances.stopped:
            self._stand_still()


@dataclass
class Process:
    """A process of a user or a worker: everything in it is lost when it dies."""

    life: Life
    sky: Skywrite
    store: ShakyStore
    worker: Worker

    def end(self) -> None:
        """Close what it had open."""
        self.store.close()


def start(
    config: Config,
    box: Sandbox,
    life: Life,
    stand_still: Callable[[], None],
    log: Callable[..., None],
) -> Process:
    """A new process on the database of `config`, which is migrated already."""
    store = ShakyStore(SqliteDatabase(config.database), Vault.of(config), box.clock)
    store.life = life
    sky = Skywrite(config=config, clock=box.clock, transport=ShakyNetwork(box, life, stand_still))
    sky.context._store = store
    return Process(life, sky, store, sky.worker(log=log))
