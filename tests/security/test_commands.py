"""Whoever can write to the database gets no shell on the computers that run its workers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from skywrite.app.keys import run_by_default
from skywrite.core.config import load_config
from skywrite.features.checkup.service import check_all
from skywrite.queue.timers import NewTimer
from tests.support.desk import NOON, Desk

HOURLY = "0 * * * *"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


def test_a_row_that_nobody_added_is_not_run(desk: Desk) -> None:
    """A command without the seal of our key is an error that says so, and runs nothing."""
    did = desk.sky.accounts.get().did
    settings: dict[str, Any] = {"folder": str(desk.folder), "timeout_seconds": 9, "max_bytes": 99, "jsonl": False}
    settings |= {"repeat": True, "draft": {}}
    added = desk.sky.context.store.timers.add(
        NewTimer("command", "touch owned", did, HOURLY, "UTC", 86_400, NOON, settings)
    )
    desk.clock.advance(3600)
    desk.sky.run_once()
    problem = desk.sky.context.store.timers.get(added.id).problem
    assert problem is not None
    assert ("command.unsealed", False) == (problem.code, (desk.folder / "owned").exists())


@pytest.mark.parametrize(
    "change",
    [
        "name = 'touch owned'",
        "rule = '* * * * *'",
        "settings = json_set(settings, '$.folder', '/')",
        "settings = json_set(settings, '$.repeat', json('true'))",
        "settings = json_set(settings, '$.seal', '')",
        "settings = json_remove(settings, '$.seal')",
    ],
)
def test_a_row_that_was_changed_is_not_run(desk: Desk, change: str) -> None:
    """The seal covers the command, its folder, its times and its limits; another row's seal does not fit."""
    desk.sky.commands.add("touch ran", every=HOURLY, folder=desk.folder)
    with closing(sqlite3.connect(desk.sky.context.config.database, isolation_level=None)) as database:
        database.execute(f"UPDATE timer SET {change}")
    desk.clock.advance(3600)
    desk.sky.run_once()
    (timer,) = desk.sky.commands.list()
    assert timer.problem is not None
    assert ("command.unsealed", []) == (timer.problem.code, [path for path in desk.folder.iterdir() if path.is_file()])


def test_commands_run_where_they_may(desk: Desk) -> None:
    """A worker that may not run commands leaves them alone, says so, and publishes all the same."""
    desk.sky.commands.add("touch ran; echo Hello", every=HOURLY, folder=desk.folder)
    desk.sky.schedule("Due", at="in 30 minutes")
    desk.clock.advance(3600)
    events: list[str] = []
    desk.sky.run_once(commands=False, log=lambda event, **facts: events.append(json.dumps([event, facts], default=str)))
    assert (["Due"], False) == (desk.published(), (desk.folder / "ran").exists())
    assert any("commands_not_run" in event for event in events)
    desk.sky.run_once(commands=True)
    assert (["Due", "Hello"], True) == (sorted(desk.published()), (desk.folder / "ran").exists())


def test_doctor_names_what_is_not_run(desk: Desk) -> None:
    """A command without our seal is found before its time comes; a sound one is not mentioned."""
    desk.sky.commands.add("echo Hello", every=HOURLY, folder=desk.folder)
    assert [] == [finding for finding in check_all(desk.sky) if finding.what == "commands"]
    with closing(sqlite3.connect(desk.sky.context.config.database, isolation_level=None)) as database:
        database.execute("UPDATE timer SET name = 'touch owned'")
    (finding,) = [finding for finding in check_all(desk.sky) if finding.what == "commands"]
    assert ("wrong", True) == (finding.level, "was not added with the key" in finding.message)


def test_who_runs_commands_without_being_asked(tmp_path: Path) -> None:
    """A worker on a SQLite file of its own user does; on a database server or another user's file, it does not."""
    (tmp_path / "mine.db").touch()
    databases = (tmp_path / "mine.db", tmp_path / "new.db", "postgresql://db/posts")
    configs = [load_config({"SKYWRITE_HOME": str(tmp_path), "SKYWRITE_DATABASE": str(name)}) for name in databases]
    assert [True, True, False] == [run_by_default(config) for config in configs]
    others = load_config({"SKYWRITE_HOME": str(tmp_path), "SKYWRITE_DATABASE": str(tmp_path / "mine.db")})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.getuid", lambda: 12_345)
        assert not run_by_default(others)
