"""A backup that is put back, and a second computer with a copy: the repository is the ledger of what went out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from skywrite.app import Skywrite
from tests.app.conftest import NOON, World

POSTS = 20


@pytest.fixture
def backup(world: World, sky: Skywrite, tmp_path: Path) -> Callable[[], Callable[[], Skywrite]]:
    """Makes a backup now; what comes back restores it, and is a process on what was restored."""

    def make() -> Callable[[], Skywrite]:
        path = tmp_path / "backup.db"
        sky.backup(path)

        def restore() -> Skywrite:
            copy = tmp_path / f"restored-{len(world.opened)}.db"
            shutil.copy(path, copy)
            return world.process(str(copy))

        return restore

    return make


def test_what_went_out_after_the_backup_is_found(
    world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]]
) -> None:
    """Twenty posts and a thread go out after a backup; once it is restored, each is found on the network."""
    for number in range(POSTS - 1):
        sky.schedule(f"post {number}", at=NOON + timedelta(minutes=1))
    sky.schedule("a thread", at=NOON + timedelta(minutes=1), thread=["its second post"])
    restore = backup()
    world.clock.advance(60)
    sky.run_once()
    before = world.records()
    world.clock.advance(3600)
    restored = restore()
    restored.run_once()
    assert (POSTS + 1, before) == (len(before), world.records())
    assert world.states(sky) == world.states(restored)
    assert [sky.store.get(number).uri for number in range(1, POSTS + 1)] == [
        restored.store.get(number).uri for number in range(1, POSTS + 1)
    ]


def test_show_says_that_it_was_found(world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]]) -> None:
    """The attempt that found it on the network is told from the one that wrote it."""
    sky.schedule("once", at=NOON + timedelta(minutes=1))
    restore = backup()
    world.clock.advance(60)
    sky.run_once()
    world.clock.advance(1)
    restored = restore()
    restored.run_once()
    ends = [(one.outcome, one.problem.name if one.problem else None) for one in restored.store.attempts(1)]
    assert ([("published", "FoundOnNetwork")], ["once"]) == (ends, world.texts())


def test_moved_and_edited_since_the_backup(
    world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]]
) -> None:
    """It went out with another text at another time than the backup knows: it is the same post all the same."""
    sky.schedule("as it was", at=NOON + timedelta(minutes=1))
    restore = backup()
    sky.edit(1, text="as it is", at=NOON + timedelta(minutes=5))
    world.clock.advance(300)
    sky.run_once()
    restored = restore()
    restored.run_once()
    found = restored.store.get(1)
    assert (["as it is"], "published", sky.store.get(1).cid) == (world.texts(), found.state, found.cid)


def test_occurrences_are_found_too(world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]]) -> None:
    """A rule that went on after the backup makes its occurrences again, under the keys that they had."""
    sky.schedule("every hour", every="hourly")
    restore = backup()
    for _ in range(3):
        world.clock.advance(3600)
        sky.run_once()
    before = world.texts()
    restored = restore()
    restored.run_once()
    assert ["every hour"] * 3 == before == world.texts()


def test_a_copy_of_the_database_on_another_computer(
    world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]]
) -> None:
    """Two computers with the same queue, turn by turn, publish each post once."""
    for number in range(6):
        sky.schedule(f"post {number}", at=NOON + timedelta(minutes=number))
    copy = backup()()
    for turn in range(6):
        world.clock.advance(60)
        (sky if turn % 2 else copy).run_once()
    for process in (sky, copy):
        process.run_once()
    assert [f"post {number}" for number in range(6)] == world.texts()


def test_a_second_post_on_purpose_is_a_second_post(
    world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]]
) -> None:
    """What is scheduled after the restore goes out, although it gets the number and time of a post that is there."""
    restore = backup()
    sky.schedule("the same", at=NOON + timedelta(minutes=1))
    world.clock.advance(60)
    sky.run_once()
    restored = restore()
    world.clock.set(NOON)
    restored.schedule("the same", at=NOON + timedelta(minutes=1))
    world.clock.advance(60)
    restored.run_once()
    assert ["the same", "the same"] == world.texts()
