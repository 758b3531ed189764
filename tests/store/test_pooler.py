"""PostgreSQL through PgBouncer, which gives each transaction a session that somebody else had before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from skywrite.core.clock import SYSTEM_CLOCK
from tests.support.pgbouncer import pgbouncer
from tests.support.postgres import PostgresServer
from tests.support.processes import PATIENCE_SECONDS, ServerUnavailable
from tests.support.stored import ALICE, OpenAt, claimed, post, session, take
from tests.support.stores import new_schema

SETTINGS = b"""
SELECT current_setting('lock_timeout') AS timeout, current_setting('timezone') AS zone, current_schema() AS schema
"""
IGNORING = {"ignore_startup_parameters": "options"}


@pytest.fixture(scope="module", params=[{}, IGNORING], ids=["refuses options", "passes over options"])
def pooled(postgres: PostgresServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """A pooler in transaction mode, as it is set up at first, and as many have it."""
    try:
        with pgbouncer(postgres, **request.param) as url:
            yield url
    except ServerUnavailable as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def address(pooled: str, postgres: PostgresServer) -> str:
    """A new schema, through the pooler."""
    return pooled + new_schema(postgres).removeprefix(postgres.url)


def test_a_store_through_a_pooler(address: str, postgres: PostgresServer, open_at: OpenAt) -> None:
    """It is made, migrated, filled and worked off in the schema of its address, with other stores in between."""
    stores = [open_at(address) for _ in range(3)]
    stores[0].accounts.sign_in(session())
    for turn in range(30):
        stores[turn % 3].posts.add([post(f"{turn}")])
    store = stores[1]
    assert 30 == len(store.listing.posts())
    assert store.claims.release(claimed(store, take()))
    direct = open_at(postgres.url + address[address.index("?") :])
    assert [ALICE] == [account.did for account in direct.accounts.all()]


def test_settings_hold_in_each_transaction(address: str, open_at: OpenAt) -> None:
    """Whatever session it gets: the schema, UTC, and the longest that we wait for locks."""
    store = open_at(address)
    for _ in range(10):
        with store.reading() as tx:
            rows = tx.select(
                b"SELECT current_setting('lock_timeout') AS a, current_setting('timezone') AS b, current_schema() AS c",
                {},
            )
        assert ("20s", "UTC", True) == (rows[0]["a"], rows[0]["b"], rows[0]["c"].startswith("store_"))


def test_a_change_is_noticed_without_notify(address: str, open_at: OpenAt) -> None:
    """Nobody is told through a pooler, so it is looked: within a second or so a waiting worker knows."""
    store, other = open_at(address), open_at(address)
    store.accounts.sign_in(session())
    with store.watch() as watch:
        while watch.wait(0):
            pass
        other.posts.add([post()])
        assert watch.wait(PATIENCE_SECONDS)


def test_who_listens_directly_hears_of_what_came_through_the_pooler(
    address: str, postgres: PostgresServer, open_at: OpenAt
) -> None:
    """Workers may connect past the pooler, which is quicker to wake."""
    pooled, direct = open_at(address), open_at(postgres.url + address[address.index("?") :], SYSTEM_CLOCK)
    pooled.accounts.sign_in(session())
    with direct.watch() as watch:
        while watch.wait(0):
            pass
        pooled.posts.add([post()])
        assert watch.wait(PATIENCE_SECONDS)
