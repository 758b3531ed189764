"""A backup that is put back while people, bots and groups were at work: nothing twice, lost or too much."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from skywrite import Item, Skywrite
from skywrite.features.answers.bot.answering import TRIAL_ANSWERS
from skywrite.features.answers.task import InboxTask
from skywrite.posting.publish.rounds import take_all
from tests.support.strangers import Stranger
from tests.support.world import NOON, World

Restore = Callable[[], Skywrite]


@pytest.fixture
def backup(world: World, sky: Skywrite, tmp_path: Path) -> Callable[[], Restore]:
    """Makes a backup now; what comes back is a process on a copy of it."""

    def make() -> Restore:
        path = tmp_path / "backup.db"
        sky.transfer.backup(path)

        def restore() -> Skywrite:
            copy = tmp_path / "restored.db"
            shutil.copy(path, copy)
            return world.process(str(copy))

        return restore

    return make


def _asked(sky: Skywrite, world: World, text: str = "When do you open?") -> int:
    """The number of an item below a post."""
    post = sky.post("Ask me").uri
    Stranger(world).say(text, to=post)
    sky.inbox.collect()
    return sky.inbox.list()[0].id


def test_other_words_to_what_was_answered_are_not_lost(
    world: World, sky: Skywrite, backup: Callable[[], Restore]
) -> None:
    """A person answers again in a queue that has forgotten the first answer: the words are held."""
    number = _asked(sky, world)
    restore = backup()
    sky.inbox.answer(number, "At nine.")
    sky.run_once()
    restored = restore()
    again = restored.inbox.answer(number, "At ten, sorry!")
    restored.run_once()
    post = restored.posts.get(again.post.id).post
    assert ("held", "record.another") == (post.state, post.problem and post.problem.code)


def test_the_same_words_to_what_was_answered_are_found(
    world: World, sky: Skywrite, backup: Callable[[], Restore]
) -> None:
    """A person who says the same again has said it once; so has one whose item was snoozed in the backup."""
    number = _asked(sky, world)
    sky.inbox.snooze(number, NOON + timedelta(hours=1))
    restore = backup()
    sky.inbox.answer(number, "At nine.")
    sky.run_once()
    world.clock.advance(3700)
    restored = restore()
    again = restored.inbox.answer(number, "At nine.")
    restored.run_once()
    assert ("published", 1) == (restored.posts.get(again.post.id).post.state, world.texts().count("At nine."))


def _turn(sky: Skywrite, world: World) -> None:
    take_all(InboxTask(sky.context, sky.inbox, sky._functions.listeners.all))
    for entry in sky.approvals.list():
        sky.approvals.approve(entry.post.id, sky.approvals.look(entry.post.id).digest, "a person")
    sky.run_once()
    world.clock.advance(61)


def _echoing(sky: Skywrite) -> None:
    @sky.on_mention
    def echo(item: Item) -> str:
        return f"Re: {item.text}"


def test_a_trial_that_was_half_done_ends_after_as_many_answers(
    world: World, sky: Skywrite, backup: Callable[[], Restore]
) -> None:
    """Those that the backup has forgotten are found on the network, and count."""
    did = sky.accounts.get().did
    _echoing(sky)
    sky.post("Ask me")
    _turn(sky, world)
    people = [Stranger(world, f"{name}.test") for name in ("carol", "dave", "erin")]
    for number in range(TRIAL_ANSWERS):
        people[number % 3].tag(f"@you: {number}", did)
        _turn(sky, world)
        if number == TRIAL_ANSWERS // 2:
            restore = backup()
    before = world.texts()
    assert TRIAL_ANSWERS + 1 == len(before)
    restored = restore()
    restored.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    _echoing(restored)
    people[0].tag("@you: more", did)
    for _ in range(TRIAL_ANSWERS):
        _turn(restored, world)
    assert before == world.texts()


def test_a_group_that_was_half_out(world: World, sky: Skywrite, backup: Callable[[], Restore]) -> None:
    """What was out is found, what was not goes out, and they still belong together."""
    sky.accounts.login("bob.test", world.box.account("bob.test").app_password, pds=world.box.url)
    group = sky.groups.add("We are open", accounts=["alice.test", "bob.test"], at=NOON + timedelta(minutes=1))
    sky.posts.move(group.posts[1].post.id, NOON + timedelta(minutes=3))
    restore = backup()
    world.clock.advance(60)
    sky.run_once()
    restored = restore()
    for _ in range(3):
        restored.run_once()
        world.clock.advance(120)
    states = [one.post.state for one in restored.groups.get(group.number).posts]
    out = [len(world.box.posts(handle)) for handle in ("alice.test", "bob.test")]
    assert (["published", "published"], [1, 1]) == (states, out)


def test_a_recurrence_that_was_approved_or_not(world: World, sky: Skywrite, backup: Callable[[], Restore]) -> None:
    """What nobody has approved at the time of the backup waits, whatever was approved since; what went out is found."""
    sky.accounts.set(None, {"approval": "all"})
    sky.schedule("Every hour", every="hourly")
    restore = backup()
    sky.approvals.approve_recurrence(1, sky.approvals.look_at_recurrence(1).digest, "me")
    for _ in range(2):
        world.clock.advance(3600)
        sky.run_once()
    before = world.texts()
    restored = restore()
    restored.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    for _ in range(2):
        world.clock.advance(3600)
        restored.run_once()
    assert (["Every hour"] * 2, before) == (before, world.texts())
