"""A server that follows the rules of the reference one, and processes that share a session: all in memory, in order.

Time stands still while somebody runs. One number decides who runs next, what is killed, frozen or lost, and how wrong
the clocks of the hosts are. What lives here: that world. What is promised of it is in `test_refreshing.py`.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from skywrite.core.errors import NoAnswer, NotSent, SkywriteError
from skywrite.protocol.atproto.oauth_refresh import InvalidGrant, Refresher
from skywrite.protocol.atproto.oauth_session import OAuthSession
from skywrite.protocol.atproto.xrpc_errors import NotSignedIn

START = datetime(2026, 11, 24, tzinfo=UTC)
DID = "did:plc:abcdefghijklmnopqrstuvwx"
PROCESSES = 3
LIFETIME_SECONDS = 3600
TIMEOUT_SECONDS = 20.0
LATE_SECONDS_MAX = 60.0


class Killed(BaseException):
    """SIGKILL: nothing of the process goes on."""


class World:
    """Processes that take turns, in the order of an invented time."""

    def __init__(
        self,
        seed: int,
        *,
        hosts: tuple[int, ...] = (1, 1, 2, 3),
        late_chance: float = 0.05,
        late_seconds: float = LATE_SECONDS_MAX,
        hours: float = 8,
        pauses: tuple[int, ...] = (5, 60, 600),
    ) -> None:
        self.pauses = pauses
        self.late_chance, self.late_seconds = late_chance, late_seconds
        self.random = random.Random(seed)
        self.now = 0.0
        self.ends = hours * 3600
        self.server = Server(self)
        self.stored: OAuthSession = self.server.sign_in()
        self.lease: tuple[float, object] | None = None
        # Refresh tokens whose answer was lost on the way, or with the process that had it.
        self.excuses: set[str] = set()
        self.story: list[str] = []
        self.said_over = 0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        computers = [Host(self, f"host{number}") for number in range(self.random.choice(hosts))]
        self.processes = [Process(self, computers[number % len(computers)], number) for number in range(PROCESSES)]

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something so many seconds from now."""
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), action))

    def note(self, what: str) -> None:
        """A line of the story that a failure prints."""
        self.story.append(f"{self.now:9.2f} {what}")

    def run(self) -> None:
        """Until the time is over, and everybody has ended."""
        for process in self.processes:
            process.start()
        while self._events:
            self.now, _, action = heapq.heappop(self._events)
            action()
        for process in self.processes:
            process.join()


class Host:
    """A computer: its clock is wrong by so much, and may be set again."""

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self.ahead = world.random.choice((0.0, 0.0, 1.0, -1.0, 600.0, -600.0))


class Process:
    """One process after another in the same place: each uses the session until it is killed."""

    def __init__(self, world: World, host: Host, number: int) -> None:
        self.world, self.host, self.number = world, host, number
        self._turn, self._gave_up = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._ended = False
        self.asked_with: str | None = None

    # Taking turns

    def start(self) -> None:
        self._thread.start()
        self.world.at(self.world.random.random(), self._resume)

    def join(self) -> None:
        self._thread.join()

    def _resume(self) -> None:
        self._turn.release()
        self._gave_up.acquire()

    def sleep(self, seconds: float) -> None:
        """Let others run for so long."""
        self.world.at(seconds, self._resume)
        self._gave_up.release()
        self._turn.acquire()

    def step(self, where: str) -> None:
        """Something that takes a little time, in which anything may happen to the process."""
        chance = self.world.random.random()
        if chance < 0.002:
            self.world.note(f"{self.number} is killed {where}")
            if self.asked_with is not None:
                self.world.excuses.add(self.asked_with)
            raise Killed
        if chance < 0.008:
            seconds = self.world.random.choice((5, 30, 120, 200))
            self.world.note(f"{self.number} is frozen {where} for {seconds} s")
            self.sleep(seconds)
        else:
            self.sleep(self.world.random.random() * 0.05)

    # What it does

    def _live(self) -> None:
        self._turn.acquire()
        while self.world.now < self.world.ends:
            try:
                self._use()
            except Killed:
                self.asked_with = None
                self.sleep(self.world.random.random() * 20)
        self._gave_up.release()

    def _use(self) -> None:
        """Call the server now and then, with a session that is kept fresh; as `DpopAuth` does."""
        refresher = Refresher(Store(self), Tokens(self), Clock(self), self.host.name)
        session = self.world.stored
        while self.world.now < self.world.ends:
            now = Clock(self).now()
            try:
                if session.is_due(now):
                    session = refresher.renew(DID, session.access_token, wait=not session.is_usable(now))
                if not self.world.server.accepts(session.access_token):
                    session = refresher.renew(DID, session.access_token, wait=True)
            except NotSignedIn:
                self.world.said_over += 1
                self.sleep(1800)
            except SkywriteError as error:
                self.world.note(f"{self.number}: {error.code}")
            self.sleep(self.world.random.choice(self.world.pauses))


class Clock:
    """The clock of a process's host."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def now(self) -> datetime:
        return START + timedelta(seconds=self._process.world.now + self._process.host.ahead)

    def monotonic(self) -> float:
        return self._process.world.now

    def wait(self, event: threading.Event, timeout_seconds: float) -> bool:
        self._process.sleep(timeout_seconds)
        return False

    def wait_aside(self, event: threading.Event, timeout_seconds: float) -> bool:
        return self.wait(event, timeout_seconds)

    def random(self) -> float:
        return self._process.world.random.random()


class Store:
    """One database, seen by one process; what it commits is durable."""

    def __init__(self, process: Process) -> None:
        self._process, self._world = process, process.world

    def load_oauth(self, did: str) -> OAuthSession | None:
        self._process.step("before loading")
        return self._world.stored

    def replace(self, before: OAuthSession, session: OAuthSession) -> bool:
        self._process.step("before storing")
        if not session.may_replace(self._world.stored, before):
            self._world.note(f"{self._process.number} was overtaken")
            return False
        self._world.stored = session
        self._world.note(f"{self._process.number} stored {session.phase} {session.refresh_token}")
        if session.refresh_token != before.refresh_token:
            self._process.asked_with = None
        self._process.step("after storing")
        return True

    def try_lease(self, did: str, seconds: float) -> bool:
        self._process.step("before the lease")
        now = Clock(self._process).now().timestamp()
        if self._world.lease is not None and self._world.lease[0] > now:
            return False
        self._world.lease = (now + seconds, self._process)
        return True

    def release(self, did: str) -> None:
        if self._world.lease is not None and self._world.lease[1] is self._process:
            self._world.lease = None


class Tokens:
    """The requests of one process: they may be late, and their answers may be lost."""

    def __init__(self, process: Process) -> None:
        self._process, self._world = process, process.world

    def check(self, session: OAuthSession) -> None:
        self._process.step("while checking")

    def accepts(self, session: OAuthSession) -> bool | None:
        self._process.step("before asking for the token")
        return self._world.server.accepts(session.access_token)

    def refresh(self, session: OAuthSession, latest: float) -> Mapping[str, Any]:
        self._process.step("before sending")
        world, chance = self._world, self._world.random.random()
        if world.now > latest:
            world.note(f"{self._process.number} is too late to send")
            raise NotSent("Held up.", code="oauth.too_late")
        there = world.random.random() * (world.late_seconds if chance < world.late_chance else 1)
        answer: list[Any] = []
        world.at(there, lambda: answer.append(world.server.refresh(session.refresh_token)))
        back = world.random.random() * (world.late_seconds if world.random.random() < world.late_chance / 5 else 1)
        if there + back > TIMEOUT_SECONDS or 0.9 < chance < 0.91:
            world.excuses.add(session.refresh_token)
            world.note(f"{self._process.number}: no answer for {session.refresh_token}")
            self._process.sleep(min(there + back, TIMEOUT_SECONDS))
            raise NoAnswer("Timed out.")
        self._process.sleep(there + back)
        if answer[0] is None:
            raise InvalidGrant("Refresh token replayed.")
        self._process.asked_with = session.refresh_token
        self._process.step("with the answer")
        return dict(answer[0])


class Server:
    """The rules of the reference server: a refresh token works once, and its second use ends the session."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = itertools.count(1)
        self.alive = True
        self.refresh_token = self.access_token = ""
        self.issued_at = 0.0
        self.used_last = ""

    def sign_in(self) -> OAuthSession:
        """A new session."""
        tokens = self._next()
        return OAuthSession(
            did=DID,
            handle="alice.test",
            pds_url="https://pds.test",
            issuer="https://pds.test",
            token_endpoint="https://pds.test/token",
            revocation_endpoint="https://pds.test/revoke",
            client_id="http://localhost?",
            key_id=None,
            dpop_key="",
            access_token=tokens["access_token"],
            refresh_token=tokens["refresh_token"],
            expires_at=START + timedelta(seconds=LIFETIME_SECONDS),
            lifetime_seconds=LIFETIME_SECONDS,
            asked="atproto",
            scope="atproto",
            created_at=START,
            refreshed_at=START,
        )

    def accepts(self, access_token: str) -> bool:
        """Whether a call with the token goes through."""
        fresh = self._world.now - self.issued_at < LIFETIME_SECONDS
        return self.alive and fresh and access_token == self.access_token

    def refresh(self, refresh_token: str) -> dict[str, Any] | None:
        """New tokens, or None: invalid_grant."""
        self._world.note(f"server is asked with {refresh_token}")
        if self.alive and refresh_token == self.refresh_token:
            self.used_last = refresh_token
            return self._next()
        if self.alive:
            self.used_last = refresh_token
            self.alive = False
            self._world.note(f"server ends the session: {refresh_token} was used before")
        return None

    def _next(self) -> dict[str, Any]:
        number = next(self._numbers)
        self.refresh_token, self.access_token, self.issued_at = f"r{number}", f"a{number}", self._world.now
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_in": LIFETIME_SECONDS,
            "scope": "atproto",
            "sub": DID,
        }
