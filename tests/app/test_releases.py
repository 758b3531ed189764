"""The upgrade promise: a database of each release opens, keeps all that it had, goes on, and can be backed up.

A release adds its own before its tag: `script/release-database` writes `tests/releases/VERSION`, and nobody changes
what is there afterwards.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from skywrite.app import Skywrite
from skywrite.features.checkup.service import check_all
from skywrite.queue.inspecting import Inspecting
from skywrite.queue.schema import migrations
from tests.app.damage import HEALTHY, SICK
from tests.support import releases
from tests.support.postgres import PostgresServer
from tests.support.releases import BYTES_MAX, FOLDER, KEY, WORKER, stored, versions
from tests.support.world import World

RELEASES = [(version, dialect) for version in versions() for dialect in ("sqlite", "postgres")]
of_each = pytest.mark.parametrize("released", RELEASES, ids="-".join, indirect=True)


class Released(NamedTuple):
    """A database of a release in place, and the network that its accounts live on."""

    world: World
    address: str
    rows: dict[str, int]

    def opened(self, address: str | None = None) -> Skywrite:
        """A process of today's program on it."""
        return self.world.process(address or self.address, SKYWRITE_KEY=KEY)


@pytest.fixture
def released(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Released]:
    """The database as that release left it, with its rows counted without our code."""
    version, dialect = request.param
    world = releases.world(tmp_path / "home")
    if dialect == "sqlite":
        address = str(world.home / "skywrite.db")
        releases.load_sqlite(stored(version, dialect), Path(address))
    else:
        postgres: PostgresServer = request.getfixturevalue("postgres")
        address = postgres.create_database()
        releases.load_postgres(stored(version, dialect), address)
    yield Released(world, address, _counted(address))
    for sky in world.opened:
        sky.close()


def _counted(address: str) -> dict[str, int]:
    """How many rows each table has, asked by a driver alone."""
    import sqlite3

    import psycopg

    connection: Any = psycopg.connect(address) if "://" in address else sqlite3.connect(address)
    names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    if "://" in address:
        names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    with closing(connection):
        tables = [row[0] for row in connection.execute(names).fetchall()]
        return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


@of_each
def test_a_released_database_opens_and_keeps_everything(released: Released) -> None:
    """It is brought to today's schema, no row is lost, every row is readable, and sessions open with the key."""
    sky = released.opened()
    counts = Inspecting(sky.context.store).rows()
    assert migrations(sky.context.store.dialect)[-1].number == sky.context.store.schema_version()
    assert {} == {
        table: (count, counts.get(table))
        for table, count in released.rows.items()
        if table != "schema_version" and counts.get(table) != count
    }
    assert [] == Inspecting(sky.context.store).missing_indexes()
    assert [] == [
        finding.message
        for finding in check_all(sky)
        if finding.what in ("row", "database", SICK, HEALTHY) and finding.exit_code
    ]
    assert {SICK: True, HEALTHY: True} == {account.handle: account.signed_in for account in sky.accounts.list()}


@of_each
def test_a_released_database_goes_on(released: Released) -> None:
    """What was due goes out once, what waits stays, and a new post takes its place beside them."""
    released.world.clock.advance(120)
    sky = released.opened()
    waiting = [entry.post.text for entry in sky.posts.list()]
    sky.run_once()
    texts = [text for handle in (SICK, HEALTHY) for text in released.world.texts(handle)]
    assert (1, 1) == (texts.count(f"due {SICK}"), texts.count(f"due {HEALTHY}"))
    left = [entry.post.text for entry in sky.posts.list()]
    assert {f"later {SICK}", f"held {SICK}"} <= set(waiting) & set(left)
    sky.post("A new one", account=SICK)
    assert "A new one" in released.world.texts(SICK)


@pytest.mark.parametrize("released", [one for one in RELEASES if one[1] == "sqlite"], ids="-".join, indirect=True)
def test_backups_cross_releases(released: Released, tmp_path: Path) -> None:
    """A backup that a release made is restored into today's program, and a backup of the upgraded database is whole."""
    old = tmp_path / "old.db"
    shutil.copy(released.address, old)
    new = tmp_path / "new.db"
    with released.opened() as sky:
        sky.transfer.backup(new)
        expected = released.world.states(sky)
    for copy in (old, new):
        with released.opened(str(copy)) as restored:
            assert expected == released.world.states(restored)


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_the_version_at_hand_has_its_database(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Until the first release, what is stored has the schema of now: script/release-database writes it anew."""
    stored_tables, now = released_tables(stored(versions()[-1], dialect)), set[str]()
    if len(migrations(dialect)) == 1:
        world = releases.world(tmp_path / "fresh")
        address = None if dialect == "sqlite" else request.getfixturevalue("postgres").create_database()
        with world.process(address) as sky:
            now = set(Inspecting(sky.context.store).rows())
        assert now == stored_tables


def released_tables(text: str) -> set[str]:
    """The tables that an SQL text makes."""
    import re

    return set(re.findall(r"CREATE TABLE (?:\")?(\w+)", text)) - {"sqlite_sequence"}


def test_what_is_stored_names_no_computer() -> None:
    """Each worker has the same name, whoever wrote the databases."""
    texts = [path.read_text("utf-8") for path in FOLDER.rglob("*.sql")]
    assert {WORKER} == {name for text in texts for name in re.findall(r"'([^' ]+/\d+\.\d+/[0-9a-f]{6})'", text)}


def test_what_is_stored_stays_small() -> None:
    """A database of a release is text that is read in a review."""
    sizes = {str(path.relative_to(FOLDER)): path.stat().st_size for path in FOLDER.rglob("*.sql")}
    assert {} == {path: size for path, size in sizes.items() if size > BYTES_MAX}
    assert {(version, f"{dialect}.sql") for version, dialect in RELEASES} == {tuple(Path(path).parts) for path in sizes}
