"""Backup, publish, restore, publish: against the reference PDS, on both databases, nothing appears twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from skywrite.app import Skywrite
from skywrite.config import load_config
from tests.crash.support import environment, fake_now
from tests.support.pds import Pds, PdsAccount

POSTS = 20


def sqlite_files(request: pytest.FixtureRequest, folder: Path) -> tuple[str, Callable[[], str]]:
    """A database file, and what copies it and names the copy."""
    original = folder / "queue.db"

    def copy() -> str:
        shutil.copy(original, folder / "backup.db")
        return str(folder / "backup.db")

    return str(original), copy


def postgres_databases(request: pytest.FixtureRequest, folder: Path) -> tuple[str, Callable[[], str]]:
    """The same with a database on a server; nobody may be connected to it while it is copied."""
    server = request.getfixturevalue("postgres")
    original: str = request.getfixturevalue("postgres_url")

    def copy() -> str:
        name = original.rpartition("/")[2]
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}_copy TEMPLATE {name}".encode())
        return f"{original}_copy"

    return original, copy


@pytest.mark.parametrize("database", [sqlite_files, postgres_databases], ids=["sqlite", "postgres"])
def test_a_restored_backup_publishes_nothing_twice(
    pds: Pds,
    account: PdsAccount,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    database: Callable[[pytest.FixtureRequest, Path], tuple[str, Callable[[], str]]],
) -> None:
    """Twenty posts, one of them a thread with gates, go out after the backup; the restored queue finds all of them."""
    original, copy = database(request, tmp_path)
    clock = fake_now()

    def opened(address: str) -> Skywrite:
        return Skywrite(config=load_config(environment(tmp_path, pds.plc_url, address)), clock=clock)

    with opened(original) as sky:
        sky.login(account.handle, account.app_password, pds=pds.url)
        due = clock.now() + timedelta(seconds=1)
        for number in range(POSTS - 1):
            sky.schedule(f"post {number}", at=due)
        sky.schedule("a thread", at=due, thread=["its second post"], replies=["mentioned"])
    backup = copy()
    clock.advance(1)
    with opened(original) as sky:
        sky.run_once()
    written = pds.records(account.did)
    clock.advance(5)
    with opened(backup) as restored:
        restored.run_once()
        ends = [(post.state, post.uri) for post in restored.store.all_posts()]
        found = [
            one.problem.name for number in range(1, POSTS + 1) for one in restored.store.attempts(number) if one.problem
        ]
    assert (POSTS + 1, written) == (len(written), pds.records(account.did))
    assert ([("published", True)] * POSTS, ["FoundOnNetwork"] * POSTS) == (
        [(state, uri in {record["uri"] for record in written}) for state, uri in ends],
        found,
    )
