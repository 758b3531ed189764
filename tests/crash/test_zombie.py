"""Workers that stop in the middle and come back: their place is taken, and they change nothing any more."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from skywrite.app import Skywrite
from skywrite.core.clock import FakeClock
from tests.crash.support import environment, opened
from tests.support.fault_proxy import FaultProxy, held
from tests.support.pds import Pds, PdsAccount
from tests.support.processes import Child, python_child

WRITE = "com.atproto.repo.applyWrites"
BEYOND_THE_LEASE = timedelta(seconds=200)
CLI = ("-m", "skywrite.faces.cli.main")
RUN = (*CLI, "run", "--threads", "2", "--log", "json")


@pytest.fixture
def proxy(pds: Pds) -> Iterator[FaultProxy]:
    """In front of the PDS, so that a request can be kept on its way."""
    with FaultProxy(pds.url, pds.plc_url) as proxy:
        yield proxy


@pytest.fixture
def environ(tmp_path: Path, proxy: FaultProxy, account: PdsAccount) -> dict[str, str]:
    """A queue in which the account is signed in, with a post (a thread) that is due."""
    environ = environment(tmp_path, proxy.url)
    with opened(environ) as sky:
        sky.accounts.login(account.handle, account.app_password, pds=proxy.url)
        sky.schedule("one", at="now", thread=["two"])
    return environ


@contextmanager
def stuck_worker(environ: dict[str, str], proxy: FaultProxy, answer: threading.Event, *words: str) -> Iterator[Child]:
    """A worker process whose write has been sent (and carried out), and whose answer waits for the event."""
    with python_child(*RUN, *words, environ=environ) as child:
        try:
            proxy.wait_for(WRITE)
            yield child
        finally:
            answer.set()


def beyond_the_lease() -> FakeClock:
    """The clock of one who comes when the lease of a worker that claimed just now is over."""
    return FakeClock(datetime.now(UTC) + BEYOND_THE_LEASE)


def texts(pds: Pds, account: PdsAccount) -> list[str]:
    """What is in the repository."""
    return [record["value"]["text"] for record in pds.records(account.did)]


def ends(sky: Skywrite, post_id: int = 1) -> list[str | None]:
    """How each attempt ended."""
    return [attempt.outcome for attempt in sky.context.store.posts.attempts(post_id)]


@pytest.mark.parametrize("executed", [True, False])
def test_a_zombie_settles_nothing_and_publishes_nothing(
    pds: Pds, account: PdsAccount, proxy: FaultProxy, environ: dict[str, str], executed: bool
) -> None:
    """Stopped with its write carried out, or not even arrived; another finishes; the write of the zombie comes then."""
    answer = threading.Event()
    proxy.break_next(held(answer, forward=executed), WRITE)
    with stuck_worker(environ, proxy, answer, "--once") as zombie:
        zombie.freeze()
        with opened(environ) as early:
            assert (0, 0) == (early.run_once(threads=1).published, early._sending.free_dead_leases())
        with opened(environ, beyond_the_lease()) as other:
            assert 1 == other.run_once(threads=1).published
            settled = other.posts.get(1)
        answer.set()
        zombie.resume()
        assert 0 == zombie.wait()
        assert ["lease_lost"] == [name for name in ("lease_lost", '"published"') if name in zombie.output]
    with opened(environ) as sky:
        assert (settled, ["lost", "published"]) == (sky.posts.get(1), ends(sky))
    assert ["one", "two"] == texts(pds, account)


def test_a_zombie_settles_nothing_while_another_is_at_it(
    pds: Pds, account: PdsAccount, proxy: FaultProxy, environ: dict[str, str]
) -> None:
    """It comes back while the write of its successor is on its way: that one settles, whatever the zombie knows."""
    answer, second_answer = threading.Event(), threading.Event()
    for event in (answer, second_answer):
        proxy.break_next(held(event), WRITE)
    with stuck_worker(environ, proxy, answer, "--once") as zombie, opened(environ, beyond_the_lease()) as other:
        zombie.freeze()
        successor = threading.Thread(target=other.run_once)
        successor.start()
        try:
            proxy.wait_for(WRITE, times=2)
            before = other.posts.get(1)
            answer.set()
            zombie.resume()
            zombie.wait()
            assert (before, True) == (other.posts.get(1), '"lease_lost"' in zombie.output)
        finally:
            second_answer.set()
            successor.join()
        assert ("published", ["lost", "published"]) == (other.posts.get(1).post.state, ends(other))
    assert ["one", "two"] == texts(pds, account)


def test_sigterm_finishes_what_is_in_flight(
    pds: Pds, account: PdsAccount, proxy: FaultProxy, environ: dict[str, str]
) -> None:
    """The post whose write is on its way is settled, its lease given back, nothing else begun; the exit code is 0."""
    answer, other = threading.Event(), pds.create_account()
    proxy.break_next(held(answer), WRITE)
    with stuck_worker(environ, proxy, answer) as worker:
        worker.send(signal.SIGTERM)
        worker.wait_for_line('"stopping"')
        with opened(environ) as sky:
            sky.accounts.login(other.handle, other.app_password, pds=proxy.url)
            sky.schedule("not any more", at="now", account=other.handle)
        answer.set()
        assert (0, True) == (worker.wait(), '"stopped", "published": 1' in worker.output)
    with opened(environ) as sky:
        leases = [one.lease_owner for one in sky.accounts.list()]
        assert (["published"], [], [None, None]) == (ends(sky), ends(sky, 2), leases)
    assert (["one", "two"], []) == (texts(pds, account), texts(pds, other))


def test_the_next_worker_need_not_wait_for_a_dead_one(
    pds: Pds, account: PdsAccount, proxy: FaultProxy, environ: dict[str, str]
) -> None:
    """A worker is killed with two minutes of lease left: the next one on this computer goes on at once."""
    answer = threading.Event()
    proxy.break_next(held(answer), WRITE)
    with stuck_worker(environ, proxy, answer) as worker:
        with opened(environ) as sky:
            until = sky.accounts.list()[0].lease_until
        worker.kill()
        with python_child(*CLI, "run", "--once", environ=environ) as following:
            assert 0 == following.wait()
    with opened(environ) as sky:
        published_at = sky.posts.get(1).post.published_at
        assert until and published_at and published_at < until
        assert ["lost", "published"] == ends(sky)
    assert ["one", "two"] == texts(pds, account)


def test_sigterm_ends_an_idle_worker(environ: dict[str, str]) -> None:
    """A worker that has nothing to do ends as well, with 0."""
    with python_child(*RUN, environ=environ) as worker:
        worker.wait_for_line('"published"')
        worker.send(signal.SIGTERM)
        assert 0 == worker.wait()
