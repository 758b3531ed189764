"""A backup that is put back, and a second computer with a copy: the repository is the ledger of what went out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from skywrite.app import Skywrite
from skywrite.core.errors import SkywriteError
from skywrite.features.reposts.service import PROFILE, REPOST
from tests.support.world import NOON, World

POSTS = 20


@pytest.fixture
def backup(world: World, sky: Skywrite, tmp_path: Path) -> Callable[[], Callable[[], Skywrite]]:
    """Makes a backup now; what comes back restores it, and is a process on what was restored."""

    def make() -> Callable[[], Skywrite]:
        path = tmp_path / "backup.db"
        sky.transfer.backup(path)

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
    assert [sky.context.store.posts.get(number).uri for number in range(1, POSTS + 1)] == [
        restored.context.store.posts.get(number).uri for number in range(1, POSTS + 1)
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
    ends = [
        (one.outcome, one.problem.name if one.problem else None) for one in restored.context.store.posts.attempts(1)
    ]
    assert ([("published", "FoundOnNetwork")], ["once"]) == (ends, world.texts())


def test_moved_and_edited_since_the_backup(
    world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]]
) -> None:
    """It went out with another text at another time than the backup knows: it is the same post all the same."""
    sky.schedule("as it was", at=NOON + timedelta(minutes=1))
    restore = backup()
    sky.posts.edit(1, text="as it is", at=NOON + timedelta(minutes=5))
    world.clock.advance(300)
    sky.run_once()
    restored = restore()
    restored.run_once()
    post = restored.context.store.posts.get(1)
    assert (["as it is"], "published", sky.context.store.posts.get(1).cid) == (world.texts(), post.state, post.cid)


def test_an_imported_post_that_was_edited_is_the_same(
    world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]], tmp_path: Path
) -> None:
    """The key that an import makes is that of the row, so what is there is the row's post."""
    rows = [{"text": "as it was", "at": "2026-11-24T12:01:00Z"}]
    sky.transfer.import_rows(rows, source="plan.csv", name="plan.csv")
    restore = backup()
    assert str(sky.context.store.posts.get(1).key).startswith("plan.csv:")
    sky.posts.edit(1, text="as it is")
    world.clock.advance(60)
    sky.run_once()
    restored = restore()
    restored.run_once()
    assert (["as it is"], "published") == (world.texts(), restored.context.store.posts.get(1).state)


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


def test_a_name_that_is_used_for_something_else_is_held(
    world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]]
) -> None:
    """What is at a key that follows from a name counts only if it says what was meant; nothing is written over it."""
    restore = backup()
    sky.post("Release 1", key="release")
    restored = restore()
    restored.schedule("Release 2", at=NOON, key="release")
    restored.run_once()
    post = restored.context.store.posts.get(1)
    assert post.problem is not None
    assert ("held", "record.another", ["Release 1"]) == (post.state, post.problem.code, world.texts())
    world.clock.advance(120)
    restored.posts.cancel(1)
    assert "cancelled" == restored.context.store.posts.get(1).state


@pytest.mark.parametrize("field", ["reply_to", "quote"])
def test_a_record_about_something_else_is_held(
    world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]], field: str
) -> None:
    """The same text below or about another post is not what was meant."""
    one, two = sky.post("One"), sky.post("Two")
    restore = backup()
    sky.post("Look", key="look", **{field: one.uri})
    restored = restore()
    restored.schedule("Look", at=NOON, key="look", **{field: two.uri})
    restored.run_once()
    post = restored.context.store.posts.get(3)
    assert post.problem is not None
    assert ("held", "record.another", True) == (post.state, post.problem.code, two.uri in post.problem.message)
    assert ["One", "Two", "Look"] == world.texts()


def test_what_was_deleted_by_hand_stays_deleted(
    world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]]
) -> None:
    """A backup from before it went out holds it, until somebody wants it again."""
    sky.schedule("Regretted", at=NOON + timedelta(minutes=1))
    restore = backup()
    world.clock.advance(60)
    sky.run_once()
    sky.posts.delete("1")
    restored = restore()
    restored.run_once()
    post = restored.context.store.posts.get(1)
    assert post.problem is not None
    assert ("held", "post.deleted_by_hand", []) == (post.state, post.problem.code, world.texts())
    restored.posts.release(1)
    restored.run_once()
    assert ("published", ["Regretted"]) == (restored.context.store.posts.get(1).state, world.texts())


def test_a_deletion_that_did_not_happen_hides_nothing(
    world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]]
) -> None:
    """The server refused to delete it: it is there, so the restored queue finds it."""
    sky.schedule("Still here", at=NOON + timedelta(minutes=1))
    restore = backup()
    world.clock.advance(60)
    sky.run_once()
    world.box.faults.add("com.atproto.repo.deleteRecord", kind="error_500", times=9)
    with pytest.raises(SkywriteError):
        sky.posts.delete("1")
    restored = restore()
    restored.run_once()
    assert ("published", ["Still here"]) == (restored.context.store.posts.get(1).state, world.texts())


def test_a_repeated_repost_that_is_late_leaves_one(
    world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]]
) -> None:
    """An older queue knows only the first of the reposts: it takes back what came after, and the latest one stays."""
    sent = sky.post("Again")
    sky.reposts.repost(sent.id, every="hourly")
    restore = backup()
    for _ in range(3):
        world.clock.advance(3600)
        sky.run_once()
    before = world.box.records("alice.test", REPOST)
    restored = restore()
    restored.run_once()
    assert before == world.box.records("alice.test", REPOST)
    world.clock.advance(2 * 3600)
    # The session in the backup has ended by now.
    restored.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    restored.run_once()
    (latest,) = world.box.records("alice.test", REPOST)
    assert sent.uri == latest.value["subject"]["uri"] and latest.uri != before[0].uri


def test_a_repost_that_was_taken_back_stays_so(
    world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]]
) -> None:
    """A backup from before it does not repost it hours later."""
    sent = sky.post("For an hour")
    sky.reposts.repost(sent.id, at="in 1 hour", undo_after="1h")
    restore = backup()
    for _ in range(2):
        world.clock.advance(3600)
        sky.run_once()
    restored = restore()
    restored.run_once()
    assert [] == world.box.records("alice.test", REPOST)


def pinned(world: World) -> object:
    """Which post the profile shows first."""
    return world.box.records("alice.test", PROFILE)[0].value.get("pinnedPost", {}).get("uri")


@pytest.mark.parametrize("kind", ["pin", "unpin", "pin for a while"])
def test_what_was_pinned_since_stays_pinned(
    world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]], kind: str
) -> None:
    """A pin, an unpin and the end of a pin are done once: a restored backup undoes nothing that came after them."""
    first, second = sky.post("The first"), sky.post("The second")
    sky.reposts.pin(first.id)
    sky.run_once()
    soon = NOON + timedelta(minutes=1)
    if kind == "unpin":
        sky.reposts.unpin(first.id, at=soon)
    else:
        sky.reposts.pin(first.id, at=soon, undo_after="1h" if "while" in kind else None)
    restore = backup()
    for seconds in (60, 3600):
        world.clock.advance(seconds)
        sky.run_once()
    wanted = first if kind == "unpin" else second
    sky.reposts.pin(wanted.id)
    sky.run_once()
    before = pinned(world)
    restored = restore()
    for seconds in (60, 7200):
        world.clock.advance(seconds)
        restored.run_once()
    assert (wanted.uri, before) == (before, pinned(world))


def watched(sky: Skywrite, world: World) -> None:
    """Ten minutes go by, and what a command prints is posted where it changed."""
    world.clock.advance(600)
    sky.run_once()


def test_what_a_command_printed_since_is_not_posted_again(
    world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]], tmp_path: Path
) -> None:
    """It posts what changed: a backup that knows an older output posts the present one no second time, also after a run
    that failed, and posts the next change, although it was printed before.
    """
    file = tmp_path / "said"
    file.write_text("Open")
    sky.commands.add(f"cat {file}", every="*/10 * * * *")
    watched(sky, world)
    restore = backup()
    file.write_text("Closed")
    watched(sky, world)
    watched(sky, world)
    file.rename(tmp_path / "away")
    restored = restore()
    watched(restored, world)
    (tmp_path / "away").rename(file)
    watched(restored, world)
    once = world.texts()
    file.write_text("Open")
    watched(restored, world)
    assert (["Open", "Closed"], ["Open", "Closed", "Open"]) == (once, world.texts())


def test_a_note_of_another_computer_is_no_newer(world: World, sky: Skywrite, tmp_path: Path) -> None:
    """Two computers take turns with a command: what the database says counts where it is newer than the notes."""
    file = tmp_path / "said"
    file.write_text("Up")
    sky.commands.add(f"cat {file}", every="*/10 * * * *")
    (tmp_path / "other").mkdir()
    shutil.copy(world.home / "key", tmp_path / "other")
    other = world.process(str(world.home / "skywrite.db"), SKYWRITE_HOME=str(tmp_path / "other"))
    for words, process in (("Up", sky), ("Down", other), ("Up", sky), ("Down", other)):
        file.write_text(words)
        watched(process, world)
    assert ["Up", "Down", "Up", "Down"] == world.texts()


@pytest.mark.parametrize("source", ["api", "import"])
def test_a_persons_key_is_no_imports(
    world: World, sky: Skywrite, backup: Callable[[], Callable[[], Skywrite]], source: str
) -> None:
    """A key that begins with the name of where the post came from is a person's all the same: other words are held."""
    key = f"{source}:launch"
    restore = backup()
    sky.schedule("Release 1", at=NOON, key=key, source=source)
    sky.run_once()
    restored = restore()
    restored.schedule("Release 2", at=NOON, key=key, source=source)
    restored.run_once()
    post = restored.context.store.posts.get(1)
    assert ("held", "record.another", ["Release 1"]) == (
        post.state,
        post.problem and post.problem.code,
        world.texts(),
    )
