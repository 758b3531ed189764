"""Nothing grows for ever: what bounds each table, and that a run prunes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

import skywrite
from skywrite.app import Skywrite
from tests.app.damage import fill
from tests.support.world import World

# Tables with a few rows, whatever happens.
FEW = {"schema_version": "one for each migration", "chore": "one for each thing that is done once for all workers"}
# What somebody has added stays until they remove it, and as much of it is there as they have asked for.
ADDED = {
    *(
        "account",
        "slot",
        "setting",
        "secret",
        "person",
        "passkey",
        "webhook",
        "hook",
        "snippet",
        "way",
        "notice_channel",
    ),
    *("recurrence", "feed", "timer", "follow_up"),
    # What was accepted and what became of it is the history, which is what a queue is for.
    "post",
    # At most the last thousand.
    "change",
}
# Gone with what it belongs to, of which each has a few; of a feed, all that was ever in it: no item is posted twice.
WITH = {
    "attempt": "post",
    "mark": "post",
    "post_author": "post",
    "post_group": "post",
    "approval": "post",
    "occurrence_template": "post",
    "folder_file": "post",
    "app_draft": "post",
    "recurrence_author": "recurrence",
    "recurrence_approval": "recurrence",
    "recurrence_media": "recurrence",
    "feed_account": "feed",
    "feed_item": "feed",
    "feed_fingerprint": "feed",
    "media_chunk": "media",
    "sign_in_name": "account",
    "inbox_place": "account",
    "inbox_function": "account",
}
# What a run forgets, if it is long over: here, what makes it so.
PRUNED = {
    "media": "DELETE FROM recurrence_media",
    "upload": "DELETE FROM recurrence_media",
    "post_media": "",
    "post_request": "",
    "spend": "",
    "worker": "",
    "secret": "UPDATE secret SET expires_at = '2026-11-24T12:10:00.000000Z'",
    "event": "",
    "delivery": "UPDATE webhook SET state = 'paused'",
    "notice": "",
    "trouble": "",
    "action": "UPDATE action SET state = 'done'",
    "inbox": "",
    "sign_in_link": "",
    "review_link": "UPDATE review_link SET ends_at = '2026-10-01T12:00:00.000000Z'",
    "web_session": "",
    "api_key": "UPDATE api_key SET revoked_at = '2026-11-24T12:10:00.000000Z'",
    "feed_token": "UPDATE feed_token SET revoked_at = '2026-11-24T12:10:00.000000Z'",
    "oauth_client": "UPDATE oauth_client SET used_at = '2026-11-24T12:10:00.000000Z'",
    "oauth_code": "",
    "oauth_refresh": "",
}


@pytest.fixture
def database(world: World, sky: Skywrite) -> Iterator[sqlite3.Connection]:
    """The database of a queue with something in every table, read without the program."""
    with closing(sqlite3.connect(world.home / "skywrite.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        fill(sky, world, connection.execute)
        yield connection


def tables(database: sqlite3.Connection) -> list[str]:
    """All tables of the schema."""
    rows = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return [row[0] for row in rows]


def keys(database: sqlite3.Connection, table: str) -> set[tuple[object, ...]]:
    """The primary keys of a table's rows."""
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[5]]
    return set(database.execute(f"SELECT {', '.join(columns)} FROM {table}"))


def test_something_bounds_each_table(database: sqlite3.Connection) -> None:
    """Of each table of the schema it is known what bounds it; who adds one says so here."""
    assert set(tables(database)) == {*FEW, *ADDED, *WITH, *PRUNED}
    parents = {
        (table, row[2])
        for table in WITH
        for row in database.execute(f"PRAGMA foreign_key_list({table})")
        if row[6] == "CASCADE"
    }
    assert set() == set(WITH.items()) - parents


def test_a_run_prunes(database: sqlite3.Connection, world: World, sky: Skywrite) -> None:
    """A year later, the worker has dropped what is over, and nothing else."""
    sky.run_once()
    for statement in PRUNED.values():
        database.execute(statement)
    before = {table: keys(database, table) for table in (*PRUNED, *ADDED)}
    assert [] == [table for table in PRUNED if not before[table]]
    world.clock.advance(timedelta(days=400).total_seconds())
    sky.run_once()
    left = {table: kept for table in PRUNED if (kept := before[table] & keys(database, table))}
    lost = {table: gone for table in ADDED - PRUNED.keys() if (gone := before[table] - keys(database, table))}
    assert ({}, {}) == (left, lost)


def test_what_waits_is_not_pruned(database: sqlite3.Connection, sky: Skywrite) -> None:
    """What is in use, or only just over, is all there after a run."""
    # The problem in the two others is over: the worker finds that no such post has failed.
    before = {table: keys(database, table) for table in tables(database) if table not in ("trouble", "notice")}
    sky.run_once()
    lost = {table: gone for table in before if (gone := before[table] - keys(database, table))}
    assert {} == lost


def test_settings_are_what_somebody_chose() -> None:
    """Nothing but these writes settings: what the program itself must remember has a table of its own."""
    source = Path(skywrite.__file__).parent
    writers = {str(path.relative_to(source)) for path in source.rglob("*.py") if ".settings.put(" in path.read_text()}
    assert {"features/tables/service.py", "app/oauth/service.py"} == writers
