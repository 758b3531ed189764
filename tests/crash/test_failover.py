"""A PostgreSQL primary is killed and its standby takes over: the worker goes on by itself, nothing is lost or twice.

Two servers take seconds to make, so one test runs always and the others at night.
The address names both servers: `host=a,b target_session_attrs=read-write`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from skywrite.app import Skywrite
from skywrite.core.clock import SYSTEM_CLOCK, FakeClock
from skywrite.core.config import load_config
from skywrite.core.http import Response
from skywrite.sandbox import Sandbox
from skywrite.sandbox.transport import SandboxTransport
from tests.crash.workers import fork_server, start_worker, wait_for_events
from tests.support.postgres import PostgresServer, postgres_server, standby_of
from tests.support.processes import ServerUnavailable

POSTS = 6
WRITE = "com.atproto.repo.applyWrites"
PATIENCE_SECONDS = 240.0


class Pair(NamedTuple):
    """A primary, its standby, and the address that names both."""

    primary: PostgresServer
    standby: PostgresServer
    url: str

    def make_synchronous(self) -> None:
        """From now on the primary reports a commit when the standby has it."""
        self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.execute("SELECT pg_reload_conf()")
        wait_until(lambda: ("sync",) in self.primary.execute("SELECT sync_state FROM pg_stat_replication"))

    def catch_up(self) -> None:
        """Wait until the standby has everything."""
        caught_up = "SELECT pg_current_wal_lsn() = replay_lsn FROM pg_stat_replication"
        wait_until(lambda: [(True,)] == self.primary.execute(caught_up))

    def fail_over(self) -> None:
        """The primary dies, and the standby becomes one."""
        self.primary.kill()
        if not self.standby.child.running:
            self.standby.restart()
        assert [(True,)] == self.standby.execute("SELECT pg_promote()")


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for something that servers do in their own time."""
    ends = SYSTEM_CLOCK.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert SYSTEM_CLOCK.monotonic() < ends
        SYSTEM_CLOCK.wait(threading.Event(), 0.05)


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Both servers, with an empty database."""
    try:
        with postgres_server() as primary:
            name = primary.create_database().rpartition("/")[2]
            with standby_of(primary) as standby:
                hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
                yield Pair(primary, standby, f"postgresql://postgres@{hosts}/{name}?target_session_attrs=read-write")
    except ServerUnavailable as error:
        pytest.fail(str(error), pytrace=False)


class Failing:
    """A transport that calls `fail` once, at the third write: before it, or when it is carried out but not answered."""

    def __init__(self, box: Sandbox, fail: Callable[[], None], *, before: bool) -> None:
        self._inner = SandboxTransport(box)
        self._fail, self._before = fail, before
        self._writes = 0

    def request(self, method: str, url: str, **more: Any) -> Response:
        """As `skywrite.core.http.Transport`."""
        self._writes += url.endswith(WRITE)
        now = url.endswith(WRITE) and self._writes == 3
        if now and self._before:
            self._fail()
        response = self._inner.request(method, url, **more)
        if now and not self._before:
            self._fail()
        return response

    def close(self) -> None:
        """Nothing to close."""


@contextmanager
def queue(pair: Pair, folder: Path, box: Sandbox, clock: FakeClock, transport: Any) -> Iterator[Skywrite]:
    """A process with the address of both."""
    environ = {
        "SKYWRITE_HOME": str(folder),
        "SKYWRITE_DATABASE": pair.url,
        "SKYWRITE_PLC_URL": box.plc_url,
        "SKYWRITE_VIDEO_SERVICE": "",
    }
    with Skywrite(config=load_config(environ), transport=transport, clock=clock) as sky:
        yield sky


def publish_all(sky: Skywrite) -> None:
    """One thread publishes until nothing is left to do."""
    worker = sky.worker(threads=1)
    while worker.step():
        pass


@pytest.mark.parametrize(
    "before", [False, pytest.param(True, marks=pytest.mark.nightly)], ids=["after a write", "before a write"]
)
def test_a_worker_goes_on_with_the_standby(pair: Pair, tmp_path: Path, before: bool) -> None:
    """With a synchronous standby everything is there: the attempt under way ends well, and the rest goes out once."""
    clock = FakeClock(datetime.now(UTC))
    box = Sandbox(accounts=["alice.test"], clock=clock)
    pair.make_synchronous()
    with queue(pair, tmp_path, box, clock, Failing(box, pair.fail_over, before=before)) as sky:
        sky.accounts.login("alice.test", box.account("alice.test").app_password, pds=box.url)
        for number in range(POSTS):
            sky.schedule(f"Post {number}", at="now", late="publish")
        publish_all(sky)
        ends = [
            [one.outcome for one in sky.context.store.posts.attempts(post.id)]
            for post in sky.context.store.listing.history(limit=POSTS)
        ]
    assert [f"Post {number}" for number in range(POSTS)] == [post.text for post in box.posts("alice.test")]
    assert [["published"]] * POSTS == ends
    assert not pair.primary.child.running


@pytest.mark.nightly
def test_what_an_asynchronous_standby_had_not_is_found_on_the_network(pair: Pair, tmp_path: Path) -> None:
    """The standby missed that three posts went out: they are found where they are, and none goes out twice."""
    clock = FakeClock(datetime.now(UTC))
    box = Sandbox(accounts=["alice.test"], clock=clock)
    with queue(pair, tmp_path, box, clock, SandboxTransport(box)) as sky:
        sky.accounts.login("alice.test", box.account("alice.test").app_password, pds=box.url)
        for number in range(POSTS):
            sky.schedule(f"Post {number}", at="now", late="publish")
        pair.catch_up()
        pair.standby.stop()
        worker = sky.worker(threads=1)
        assert [True] * 3 == [worker.step() for _ in range(3)]
        pair.fail_over()
        clock.advance(5)
        publish_all(sky)
        posts = sorted(sky.context.store.listing.history(limit=POSTS), key=lambda post: post.id)
        problems = [
            [one.problem.name for one in sky.context.store.posts.attempts(post.id) if one.problem] for post in posts
        ]
    assert [f"Post {number}" for number in range(POSTS)] == [post.text for post in box.posts("alice.test")]
    assert (["published"] * POSTS, [["FoundOnNetwork"]] * 3 + [[]] * 3) == ([post.state for post in posts], problems)


@pytest.mark.nightly
def test_worker_processes_go_on_with_the_standby(pair: Pair, tmp_path: Path) -> None:
    """Two worker processes with four threads each, in the middle of work; a claim in doubt waits for its lease."""
    posts = 200
    with Sandbox(accounts=[f"a{number}.test" for number in range(8)]) as box:
        environ = {
            "SKYWRITE_HOME": str(tmp_path),
            "SKYWRITE_DATABASE": pair.url,
            "SKYWRITE_PLC_URL": box.plc_url,
            "SKYWRITE_VIDEO_SERVICE": "",
        }
        pair.make_synchronous()
        with Skywrite(config=load_config(environ)) as sky:
            for number in range(8):
                name = f"a{number}.test"
                sky.accounts.login(name, box.account(name).app_password, pds=box.url)
                sky.accounts.set(name, {"catch_up_gap_seconds": 0})
            rows = [
                {"text": f"Post {number}", "at": "now", "account": f"a{number % 8}.test", "late": "publish"}
                for number in range(posts)
            ]
            assert [] == [report.error for report in sky.transfer.import_rows(rows) if report.error]
            workers = [start_worker(fork_server(), environ) for _ in range(2)]
            wait_for_events(workers, 40, PATIENCE_SECONDS)
            pair.fail_over()
            wait_until(lambda: not sky.posts.count_due())
            for worker in workers:
                worker.kill()
    public = sorted(post.text for number in range(8) for post in box.posts(f"a{number}.test"))
    assert sorted(f"Post {number}" for number in range(posts)) == public
