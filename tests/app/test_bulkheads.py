"""A server that accepts connections and never answers delays nobody but its own accounts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.app.chores import Heartbeat
from skywrite.core.clock import SYSTEM_CLOCK, Clock, FakeClock
from skywrite.core.config import load_config
from skywrite.core.errors import TimedOut
from skywrite.core.http import Response
from skywrite.features.checkup.service import check_run
from skywrite.posting.publish.worker import Worker
from skywrite.protocol.atproto.session import Session
from skywrite.protocol.atproto.sign_in import create_session
from skywrite.sandbox import Sandbox
from skywrite.sandbox.transport import SandboxTransport
from tests.support.world import NOON

HEALTHY = 50
HUNG_URL = "http://localhost:9"
WRITE = "com.atproto.repo.applyWrites"
PATIENCE_SECONDS = 60


class Network:
    """A sandbox, and beside it one server that hangs: `silence()` is how. `hanging` requests are in its hands."""

    def __init__(self, box: Sandbox, silence: Callable[[], None]) -> None:
        self._inner = SandboxTransport(box)
        self._box_url = box.url
        self._silence = silence
        self.healed = False
        self._lock = threading.Lock()
        self.hanging = 0
        self.most_hanging = 0
        self.asked = 0

    def request(self, method: str, url: str, **more: Any) -> Response:
        """As `skywrite.core.http.Transport`."""
        if self.healed or not url.startswith(HUNG_URL):
            url = url.replace(HUNG_URL, self._box_url)
            return self._inner.request(method, url, **more)
        with self._lock:
            self.asked += url.endswith(WRITE)
            self.hanging += 1
            self.most_hanging = max(self.hanging, self.most_hanging)
        try:
            self._silence()
            raise TimedOut("It did not respond in time.")
        finally:
            with self._lock:
                self.hanging -= 1


Queue = Callable[[int, int, Clock, Callable[[], None]], tuple[Skywrite, Network]]


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    """queue(healthy, hung, clock, silence): see `filled`. It is closed at the end."""
    with ExitStack() as opened:

        def open_queue(healthy: int, hung: int, clock: Clock, silence: Callable[[], None]) -> tuple[Skywrite, Network]:
            sky, network = filled(tmp_path, healthy, hung, clock, silence)
            opened.enter_context(sky)
            return sky, network

        yield open_queue


def filled(
    folder: Path, healthy: int, hung: int, clock: Clock, silence: Callable[[], None]
) -> tuple[Skywrite, Network]:
    """Accounts with a post each that is due; those of the server that hangs became ready first."""
    names = [f"hung{number}.test" for number in range(hung)] + [f"good{number}.test" for number in range(healthy)]
    box = Sandbox(accounts=names, clock=clock)
    network = Network(box, silence)
    environ = {"SKYWRITE_HOME": str(folder), "SKYWRITE_PLC_URL": box.plc_url, "SKYWRITE_VIDEO_SERVICE": ""}
    sky = Skywrite(config=load_config(environ), transport=network, clock=clock)
    for name in names:
        sky.context.store.accounts.sign_in(session_of(box, network, name, clock))
        sky.schedule("Hello", at=clock.now(), account=name, late="publish")
    return sky, network


def session_of(box: Sandbox, network: Network, name: str, clock: Clock) -> Session:
    """A session of an account, which is at the server that hangs where its name says so."""
    password = box.account(name).app_password
    session = create_session(network, box.url, name, password or "", clock=clock)
    return session.moved_to(HUNG_URL) if name.startswith("hung") else session


class running:
    """A worker that runs for the time of a block."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._thread = threading.Thread(target=worker.run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._worker.stop()
        self._thread.join()


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Until it is set, the server is silent; set at the end, whatever the test comes to."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize(("hung", "threads"), [(4, 4), (4, 2), (200, 4), (200, 32)])
def test_healthy_accounts_go_on_while_others_hang(
    queue: Queue, release: threading.Event, hung: int, threads: int
) -> None:
    """Every post of every healthy account is published while the requests of the others still hang."""

    def silence() -> None:
        release.wait()

    def log(event: str, **facts: Any) -> None:
        if event == "published":
            published.release()

    sky, network = queue(HEALTHY, hung, SYSTEM_CLOCK, silence)
    published = threading.Semaphore(0)
    worker = sky.worker(threads=threads, log=log)
    with running(worker):
        try:
            for _ in range(HEALTHY):
                assert published.acquire(timeout=PATIENCE_SECONDS), (
                    f"{sky.context.store.listing.count()}, {network.hanging} hang"
                )
            assert (False, True) == (release.is_set(), network.hanging > 0)
        finally:
            release.set()
    assert network.most_hanging <= max(1, threads // 2)


def test_the_other_accounts_of_a_server_that_hangs_are_left_alone(queue: Queue) -> None:
    """Each is tried once, with pauses between them, and after that one at a time, with pauses that grow."""
    clock = FakeClock(NOON)
    sky, network = queue(3, 40, clock, lambda: clock.advance(10))
    worker = sky.worker(threads=32)
    work(worker, clock, 400)
    tried_once = network.asked
    work(worker, clock, 600)
    assert (3, 40) == (sky.context.store.listing.count()["published"], sky.context.store.listing.count()["scheduled"])
    assert (True, True, [HUNG_URL]) == (
        tried_once <= 45,
        network.asked - tried_once <= 15,
        [one.server for one in worker.hosts.trouble()],
    )


def test_a_server_that_answers_again_gets_all_its_posts(queue: Queue) -> None:
    """Soon after its first answer, and once each."""
    clock = FakeClock(NOON)
    sky, network = queue(1, 10, clock, lambda: clock.advance(10))
    worker = sky.worker(threads=32)
    work(worker, clock, 60)
    before = sky.context.store.listing.count()["published"]
    network.healed = True
    work(worker, clock, 200)
    assert (1, 11, []) == (before, sky.context.store.listing.count()["published"], worker.hosts.trouble())


def test_doctor_says_which_servers_hang(queue: Queue) -> None:
    """Any process can see what a worker has seen, until it ends or the server answers."""
    clock = FakeClock(NOON)
    sky, network = queue(1, 2, clock, lambda: clock.advance(10))
    worker = sky.worker(threads=32)
    work(worker, clock, 30)
    beat = next(task for task in worker.tasks if isinstance(task, Heartbeat))
    told = []
    for network.healed in (False, True):
        work(worker, clock, 400)
        beat.run()
        told.append([finding.message for finding in check_run(sky) if finding.what == "server"])
    assert ([1, 0], True) == ([len(one) for one in told], told[0][0].startswith(f"{HUNG_URL} has not answered"))


def work(worker: Worker, clock: FakeClock, steps: int) -> None:
    """So many steps; where there is nothing to do, a second passes."""
    for _ in range(steps):
        if not worker.step():
            clock.advance(1)
