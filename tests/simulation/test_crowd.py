"""Many accounts on few servers, some of which hang: how late the others are, on a fake clock.

The bulkheads (`publish.hosts`) and the retries (`publish.outcome`) are the real ones. Threads, servers and the claim
are simulated, so that ten minutes take less than a second.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.errors import TimedOut
from skywrite.posting.publish.hosts import Hosts, shown_by
from skywrite.posting.publish.outcome import retry_seconds
from tests.support.world import NOON

THREADS = 96
ANSWER_SECONDS = 0.1
WRITE_SECONDS = 10.0
LOOK_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 0.05


@dataclass
class Crowd:
    """Accounts with a post each that is due at `due[account]`, and again every `every` seconds."""

    server_of: Callable[[int], str]
    hangs: Callable[[int], bool]
    due: dict[int, float]
    every: float
    looks: bool = False
    threads: int = THREADS
    late: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = FakeClock(NOON, seed=7)
        self.hosts = Hosts(self.clock, self.threads)
        self.tries = dict.fromkeys(self.due, 0)
        self.ready = dict(self.due)
        self.free = self.threads
        self._number = count()
        self._ends: list[tuple[float, int, int, float]] = []

    def run(self, seconds: float) -> list[float]:
        """How many seconds late each post of the others went out, up to this time."""
        while self.clock.monotonic() < seconds:
            while self._ends and self._ends[0][0] <= self.clock.monotonic():
                self._end(*heapq.heappop(self._ends)[2:])
            self._claim()
            self.clock.advance(LOOK_AGAIN_SECONDS)
        waiting = (seconds - at for account, at in self.due.items() if at <= seconds and not self.hangs(account))
        return sorted([*self.late, *waiting])

    def _claim(self) -> None:
        now = self.clock.monotonic()
        for account in sorted((one for one, at in self.ready.items() if at <= now), key=lambda one: self.ready[one]):
            server = self.server_of(account)
            if not self.free:
                return
            if not self.hosts.choice().allows(server):
                continue
            pause = self.hosts.pause_seconds(server, str(account))
            if pause:
                self.ready[account] = now + pause
                continue
            self.hosts.enter(server, str(account))
            self.free -= 1
            self.ready[account] = float("inf")
            silence = WRITE_SECONDS + (0 if self.looks else LOOK_SECONDS)
            ends = now + (silence if self.hangs(account) else ANSWER_SECONDS)
            heapq.heappush(self._ends, (ends, next(self._number), account, now))

    def _end(self, account: int, began: float) -> None:
        now, hangs = self.clock.monotonic(), self.hangs(account)
        shown = shown_by(TimedOut("x") if hangs else None, now - began, looked=self.looks)
        self.hosts.leave(self.server_of(account), str(account), shown)
        self.free += 1
        if hangs:
            self.tries[account] += 1
            self.ready[account] = now + retry_seconds(self.tries[account], self.clock.random())
            return
        self.late.append(now - self.due[account])
        self.due[account] += self.every
        self.ready[account] = max(self.due[account], now)


def p99(late: list[float]) -> float:
    """The value that one in a hundred exceeds."""
    return late[len(late) * 99 // 100]


def three_servers(account: int) -> str:
    return f"server {account % 3}"


@pytest.mark.parametrize("looks", [True, False], ids=["looks are answered", "nothing is answered"])
@pytest.mark.parametrize(
    "hangs", [lambda one: one % 20 == 7, lambda one: one < 25], ids=["one in twenty", "the first to be due"]
)
def test_the_healthy_accounts_of_busy_servers_are_seconds_late(hangs: Callable[[int], bool], looks: bool) -> None:
    """500 accounts on three servers, one in twenty of which hang: 99 of 100 posts of the others within five seconds,
    all due at nine and once a minute after that."""
    crowd = Crowd(three_servers, hangs, dict.fromkeys(range(500), 0.0), 60, looks)
    late = crowd.run(290)
    assert (475 * 5, True) == (len(late), p99(late) < 5)


@pytest.mark.parametrize("looks", [True, False], ids=["looks are answered", "nothing is answered"])
@pytest.mark.parametrize("quiet", [0.0, 300.0], ids=["with the others", "while the others have nothing due"])
def test_three_accounts_that_hang_delay_none_of_24_others(quiet: float, looks: bool) -> None:
    """On one server, also where for minutes nothing but those that hang is due: nobody is a second late."""
    due = {one: 0.0 if one < 3 else quiet + one for one in range(27)}
    late = Crowd(lambda one: "server", lambda one: one < 3, due, 60, looks).run(600)
    assert (True, True) == (len(late) >= 24 * 4, late[-1] < 1)


def test_a_server_that_hangs_delays_no_other() -> None:
    """All accounts of one of three servers hang: those of the other two are not a second late."""
    crowd = Crowd(three_servers, lambda one: one % 3 == 0, dict.fromkeys(range(300), 0.0), 60)
    late = crowd.run(290)
    assert (200 * 5, True) == (len(late), p99(late) < 1)
    assert ["server 0"] == [one.server for one in crowd.hosts.trouble()]
