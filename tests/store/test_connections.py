"""A process uses few connections to PostgreSQL, however many threads it has: servers count them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from skywrite.app import Skywrite
from skywrite.core.config import load_config
from skywrite.protocol.atproto.sign_in import create_session
from skywrite.queue.postgres import CONNECTIONS_MAX
from skywrite.queue.store import Store
from skywrite.sandbox import Sandbox
from skywrite.sandbox.transport import SandboxTransport
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stored import OpenAt

THREADS = 64
ACCOUNTS = 96
WORKERS = 2
OPENED = b"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'skywrite' AND datname = current_database()"


def opened(url: str) -> int:
    """How many connections of ours there are to a database."""
    with psycopg.connect(url) as connection:
        row = connection.execute(OPENED).fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def threads(count: int, work: Callable[[], object]) -> Iterator[None]:
    """So many threads that work beside the block, and are waited for."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    running = [threading.Thread(target=run) for _ in range(count)]
    for thread in running:
        thread.start()
    yield
    for thread in running:
        thread.join()
    assert [] == errors


@pytest.fixture
def store(postgres_url: str, open_at: OpenAt) -> Store:
    """A store in a database of its own."""
    return open_at(postgres_url)


@pytest.mark.parametrize("write", [False, True], ids=["reading", "writing"])
def test_threads_wait_for_a_free_connection(store: Store, postgres_url: str, write: bool) -> None:
    """As many transactions as there are connections run at once, and never more; each gets its turn."""
    together, lock, now, most = threading.Barrier(CONNECTIONS_MAX), threading.Lock(), 0, 0

    def work() -> None:
        nonlocal now, most
        with store.writing() if write else store.reading():
            with lock:
                now += 1
                most = max(most, now)
            together.wait(PATIENCE_SECONDS)
            with lock:
                now -= 1

    with threads(4 * CONNECTIONS_MAX, work):
        pass
    assert (CONNECTIONS_MAX, CONNECTIONS_MAX) == (most, opened(postgres_url))


def test_a_thread_that_has_a_connection_gets_another(store: Store, postgres_url: str) -> None:
    """Threads that need two cannot wait for each other in a circle, and what was too much is closed."""
    together = threading.Barrier(CONNECTIONS_MAX)

    def work() -> None:
        with store.reading():
            together.wait(PATIENCE_SECONDS)
            assert 0 == store.listing.count()["scheduled"]
            together.wait(PATIENCE_SECONDS)

    with threads(CONNECTIONS_MAX, work):
        pass
    assert CONNECTIONS_MAX == opened(postgres_url)


def test_an_error_gives_the_connection_back(store: Store, postgres_url: str) -> None:
    """After more errors than there are connections, the store still works."""
    for _ in range(CONNECTIONS_MAX + 1):
        with pytest.raises(ZeroDivisionError), store.writing():
            raise ZeroDivisionError
    assert (0, 1) == (store.listing.count()["scheduled"], opened(postgres_url))


def test_a_server_that_vanishes_is_noticed(store: Store) -> None:
    """The system gives up what no server acknowledges after half a minute, rather than after a quarter of an hour."""
    with store.reading() as tx:
        parameters = tx._connection.info.get_parameters()  # type: ignore[attr-defined]
    assert ("30000", "30", "10", "3") == tuple(
        parameters[name] for name in ("tcp_user_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count")
    )


@pytest.fixture
def workers(postgres_url: str, home: Path) -> Iterator[list[Skywrite]]:
    """Two processes on one database, with a due post on each of many accounts."""
    names = [f"a{number}.test" for number in range(ACCOUNTS)]
    box = Sandbox(accounts=names)
    environ = {"SKYWRITE_HOME": str(home), "SKYWRITE_DATABASE": postgres_url, "SKYWRITE_PLC_URL": box.plc_url}
    transport = SandboxTransport(box)
    with ExitStack() as stack:
        skies = [
            stack.enter_context(Skywrite(config=load_config(environ), transport=transport)) for _ in range(WORKERS)
        ]
        for name in names:
            password = box.account(name).app_password or ""
            skies[0].context.store.accounts.sign_in(create_session(transport, box.url, name, password))
        rows = [{"text": "Hello", "at": "now", "account": name, "late": "publish"} for name in names]
        assert [] == [report.error for report in skies[0].transfer.import_rows(rows) if report.error]
        yield skies


def test_many_threads_of_two_workers(workers: list[Skywrite], postgres_url: str) -> None:
    """Two workers with 64 threads publish everything with a few connections each.

    Connections stay open after use, so those that are open in the end are the most that there were.
    """
    both = [sky.worker(threads=THREADS) for sky in workers]
    with threads(1, both[0].run_once):
        both[1].run_once()
    published = sum(worker.tally.published for worker in both)
    assert (ACCOUNTS, True) == (published, opened(postgres_url) <= WORKERS * CONNECTIONS_MAX)
