"""Both stores, one suite: a test that takes `store` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from skywrite.core.clock import Clock, FakeClock
from skywrite.queue.store import Store
from tests.support.postgres import PostgresServer
from tests.support.stored import ALICE, BOB, NOON, OpenAt, OpenStore, fast_folder, opened, session, with_schema

_numbers = itertools.count(1)
# The tables that hold what a test leaves in the shared schema; all others depend on these.
SHARED_TABLES = (
    *("account", "media", "setting", "timer", "feed", "api_key", "person", "webhook", "event", "change"),
    *("notice_channel", "secret", "worker", "chore"),
)


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder for this test only."""
    with fast_folder() as folder:
        yield folder


@pytest.fixture
def clock() -> FakeClock:
    """A clock stopped at noon."""
    return FakeClock(NOON)


def run_sql(server: PostgresServer, *statements: str) -> None:
    """Run statements without a store."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def new_schema(server: PostgresServer) -> str:
    """The address of a new, empty schema."""
    name = f"store_{next(_numbers)}"
    run_sql(server, f"CREATE SCHEMA {name}")
    return with_schema(server.url, name)


@pytest.fixture(scope="session")
def shared_schema(postgres: PostgresServer) -> str:
    """A migrated schema that tests use one after the other: creating one takes longer than most tests."""
    address = new_schema(postgres)
    with fast_folder() as folder:
        opened(address, folder).close()
    return address


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, home: Path) -> str:
    """The address of an empty database, of either kind."""
    if request.param == "sqlite":
        return str(home / "skywrite.db")
    address: str = request.getfixturevalue("shared_schema")
    schema = address.rpartition("%3D")[2]
    run_sql(
        request.getfixturevalue("postgres"),
        *(f"DELETE FROM {schema}.{table}" for table in SHARED_TABLES),
        *(f"ALTER SEQUENCE {schema}.{name}_id_seq RESTART" for name in ("post", "recurrence", "feed", "feed_item")),
    )
    return address


@pytest.fixture
def sqlite_address(home: Path) -> str:
    """The path of a new SQLite database."""
    return str(home / "skywrite.db")


@pytest.fixture
def postgres_address(postgres: PostgresServer) -> str:
    """The address of a new, empty schema in PostgreSQL."""
    return new_schema(postgres)


@pytest.fixture
def open_at(home: Path, clock: FakeClock) -> Iterator[OpenAt]:
    """Opens a database by its address, and closes it at the end."""
    stores: list[Store] = []

    def open_it(address: str, clock: Clock = clock) -> Store:
        stores.append(opened(address, home, clock))
        return stores[-1]

    yield open_it
    for one in stores:
        one.close()


@pytest.fixture
def open_again(address: str, open_at: OpenAt) -> OpenStore:
    """Opens the test's database, as another process would."""
    return lambda: open_at(address)


@pytest.fixture
def store(open_again: OpenStore) -> Store:
    """A store in which alice (the default account) and bob are signed in."""
    store = open_again()
    store.accounts.sign_in(session(ALICE))
    store.accounts.sign_in(session(BOB))
    return store


@pytest.fixture
def stoppable(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """The PostgreSQL server, which the test may stop or crash; it is restarted afterwards."""
    yield postgres
    if not postgres.child.running:
        postgres.restart()
