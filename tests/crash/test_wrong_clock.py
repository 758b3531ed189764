"""A computer's clock that is wrong, or jumps, while the servers' clocks are right: nothing goes out before its time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.clock import FakeClock, SteadyClock
from skywrite.core.config import load_config
from skywrite.core.errors import NotSent
from skywrite.core.http import Response
from skywrite.posting.publish.timekeeper import Timekeeper
from skywrite.sandbox import Sandbox
from skywrite.sandbox.transport import SandboxTransport
from tests.crash.support import environment
from tests.support.world import NOON

DAY = 86_400.0
HANDLE = "alice.test"


class JumpingClock(SteadyClock):
    """A computer's wall clock, which may jump; `right` is the true time."""

    def __init__(self, right: FakeClock) -> None:
        self.jumped = 0.0
        self.right = right
        super().__init__(right)

    def now(self) -> datetime:
        return self.right.now() + timedelta(seconds=self.jumped)


class Dated:
    """The sandbox's transport, with the server's time in every answer; where `dead` is set, nobody is there."""

    def __init__(self, box: Sandbox, clock: FakeClock) -> None:
        self._inner = SandboxTransport(box)
        self._clock = clock
        self.asked: list[str] = []
        self.skew_seconds = 0.0
        self.dead = False

    def request(self, method: str, url: str, **more: Any) -> Response:
        """As `skywrite.core.http.Transport`."""
        self.asked.append(url)
        if self.dead:
            raise NotSent("Nobody is there.")
        answer = self._inner.request(method, url, **more)
        moment = self._clock.now() + timedelta(seconds=self.skew_seconds)
        return answer._replace(headers={**answer.headers, "date": format_datetime(moment, usegmt=True)})


class Computer:
    """A queue on a computer whose clock the test moves, and a network whose clock is right."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        self._running = running
        self.right = FakeClock(NOON)
        self.clock = JumpingClock(self.right)
        self.box = Sandbox(accounts=(HANDLE,), clock=self.right)
        self.web = Dated(self.box, self.right)
        self.environ = environment(folder, self.box.plc_url)
        self.sky = self.process()
        self.sky.accounts.login(HANDLE, self.box.account(HANDLE).app_password, pds=self.box.url)

    def process(self) -> Skywrite:
        """Another process on this computer."""
        sky = Skywrite(config=load_config(self.environ), transport=self.web, clock=SteadyClock(self.clock))
        return self._running.enter_context(sky)

    def texts(self) -> list[str]:
        """What is public."""
        return [post.text for post in self.box.posts(HANDLE)]


@pytest.fixture
def computer(tmp_path: Path) -> Iterator[Computer]:
    with ExitStack() as running:
        yield Computer(tmp_path, running)


def schedule(computer: Computer) -> None:
    """Posts for seconds and for hours ahead, the first of which may be an hour late."""
    computer.sky.schedule("soon", at=NOON + timedelta(seconds=30), late="hold:1h")
    for hours in (2, 20):
        computer.sky.schedule(f"in {hours} hours", at=NOON + timedelta(hours=hours))


@pytest.mark.parametrize("when", ["before it starts", "while it runs"])
def test_a_clock_that_is_a_day_ahead_publishes_nothing_early(computer: Computer, when: str) -> None:
    """Each post goes out at its own time, with that time in its record, and none is called late."""
    schedule(computer)
    if when == "before it starts":
        computer.clock.jumped = DAY
    sky = computer.process()
    worker = sky.worker()
    worker.step()
    computer.clock.jumped = DAY
    published = []
    for hours in (0, 1, 2, 20):
        computer.right.set(NOON + timedelta(hours=hours, seconds=31))
        while worker.step():
            pass
        published.append(len(computer.texts()))
    created_at = [datetime.fromisoformat(post.record["createdAt"]) for post in computer.box.posts(HANDLE)]
    assert ([1, 1, 2, 3], []) == (published, [post.id for post in sky.context.store.listing.posts(("held",))])
    assert [timedelta(seconds=31) + timedelta(hours=hours) for hours in (0, 2, 20)] == [at - NOON for at in created_at]


@pytest.mark.parametrize("when", ["before it starts", "while it runs"])
def test_a_clock_that_is_a_day_behind_publishes_nothing_late(computer: Computer, when: str) -> None:
    """Each post goes out at its own time, with that time in its record, and it is said that the clock is behind."""
    schedule(computer)
    told: list[str] = []
    if when == "before it starts":
        computer.clock.jumped = -DAY
    worker = computer.process().worker(log=lambda event, **_: told.append(event))
    worker.step()
    computer.clock.jumped = -DAY
    published = []
    for hours in (0, 1, 2, 20):
        computer.right.set(NOON + timedelta(hours=hours, seconds=31))
        while worker.step():
            pass
        published.append(len(computer.texts()))
    created_at = [datetime.fromisoformat(post.record["createdAt"]) for post in computer.box.posts(HANDLE)]
    assert ([1, 1, 2, 3], ["clock_behind"]) == (published, [event for event in told if event.startswith("clock")])
    assert [timedelta(seconds=31) + timedelta(hours=hours) for hours in (0, 2, 20)] == [at - NOON for at in created_at]


def test_a_clock_that_comes_back_is_believed_again(computer: Computer) -> None:
    """Put right by a person: the posts still go out at their time."""
    schedule(computer)
    computer.clock.jumped = DAY
    worker = computer.process().worker()
    worker.step()
    computer.clock.jumped = 0
    computer.right.set(NOON + timedelta(hours=2))
    while worker.step():
        pass
    assert ["in 2 hours"] == computer.texts()[-1:]


def test_nothing_is_due_while_nobody_can_be_asked(computer: Computer) -> None:
    """A computer that wakes up without a network calls no post missed; with the network it goes on."""
    schedule(computer)
    worker = computer.process().worker()
    worker.step()
    computer.clock.jumped = DAY
    computer.web.dead = True
    steps = []
    for _ in range(5):
        steps.append(worker.step())
        computer.right.advance(10)
    computer.web.dead = False
    while worker.step():
        pass
    assert ([False] * 5, ["soon"]) == (steps, computer.texts())


def test_run_once_knows_the_time(computer: Computer) -> None:
    """A run that starts with a wrong clock asks first, too."""
    schedule(computer)
    computer.clock.jumped = DAY
    computer.process().run_once()
    assert [] == computer.texts()


def test_a_right_clock_is_asked_about_once(computer: Computer) -> None:
    """One request when a worker starts, and no other while nothing is odd."""
    events: list[str] = []
    clock = SteadyClock(computer.clock)
    keeper = Timekeeper(
        clock, computer.web, lambda: [f"{computer.box.url}/xrpc/_health"], lambda e, **_: events.append(e)
    )
    computer.web.asked.clear()
    answers = []
    for _ in range(50):
        answers.append(keeper.is_right())
        computer.right.advance(3600)
    assert ({True}, 1, []) == (set(answers), len(computer.web.asked), events)


def test_one_server_with_a_wrong_clock_stops_nobody(computer: Computer) -> None:
    """Another one that agrees is enough."""
    clock = SteadyClock(computer.clock)
    urls = iter([f"{computer.box.url}/xrpc/_health", f"{computer.box.plc_url}/_health"])

    def addresses() -> Any:
        for url, ahead in zip(urls, (-DAY, 0.0), strict=False):
            computer.web.skew_seconds = ahead
            yield url

    assert (True, computer.clock.now()) == (Timekeeper(clock, computer.web, addresses).is_right(), clock.now())
