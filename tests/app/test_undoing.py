"""Whatever a user does is undone by `undo`, or refused by it: undoing never reaches what was done before that.

What lives here: the walk over every method of `Skywrite`, and what each kind of change answers. What does not: how a
change is taken back (`tests/store/test_undo.py`), and the words of the command line (`tests/vectors/typed.tsv`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from skywrite import Skywrite
from skywrite.core.errors import InputError
from skywrite.queue.authors import written_by
from skywrite.queue.model import Slot
from tests.app.test_public_names import NOUNS
from tests.support.world import World

UNDONE = (
    "posts.schedule posts.publish posts.edit posts.move posts.cancel posts.hold posts.release posts.retry "
    "transfer.import_rows transfer.post_rows bulk.shift bulk.copy bulk.cancel bulk.approve approvals.approve"
)
# Recorded where they are done, with what was there before.
RECORDED_BELOW = (
    "accounts.reset accounts.set accounts.set_default accounts.set_slots posts.delete recurrences.edit recurrences.stop"
)
# What changes nothing, and what only workers do.
READ = (
    "accounts.get accounts.list accounts.server_for accounts.slots answers.list answers.rehearse answers.try_text "
    "bots.status approvals.is_wanted approvals.list approvals.look "
    "approvals.look_at_recurrence commands.list commands.try_run feeds.get feeds.items feeds.list feeds.opml "
    "groups.get hooks.believe hooks.get hooks.list hooks.take hooks.test ways.answered ways.get ways.list "
    "snippets.get snippets.list "
    "feeds.preview feeds.read_opml follow_ups.get follow_ups.list inbox.get inbox.list inbox.talks inbox.waiting "
    "notices.list notices.test posts.count posts.count_due posts.each posts.each_finished posts.forecast posts.get "
    "posts.history posts.last_published posts.list posts.preview posts.receipt posts.undo recurrences.get "
    "recurrences.list recurrences.next_times recurrences.status reposts.list stats.csv stats.groups stats.marks "
    "stats.of stats.report stats.total stats.zone transfer.backup transfer.export_rows transfer.read_table "
    "feeds.check_due inbox.answer_by inbox.collect inbox.drop_stale inbox.hidden inbox.take_back posts.send"
)
# A session is no change of the queue, and neither is how a table is read.
NO_CHANGE_OF_THE_QUEUE = "accounts.login transfer.remember"


def test_every_method_is_undone_or_shields_what_was_before_it(sky: Skywrite) -> None:
    """A method that is in none of these lists is new: say which it is."""
    known = {*UNDONE.split(), *RECORDED_BELOW.split(), *READ.split(), *NO_CHANGE_OF_THE_QUEUE.split()}
    methods = [f"{noun}.{name}" for noun, names in NOUNS.items() for name in names.split()]
    final = {
        path for path in methods if hasattr(getattr(getattr(sky, path.split(".")[0]), path.split(".")[1]), "final")
    }
    assert (set(), set()) == (known & final, set(methods) - known - final)


ACTS: dict[str, tuple[Callable[[Skywrite], object], str, str]] = {
    "publish": (lambda sky: sky.post("Out"), "Post 4 was changed, tried or published", "sky.posts.delete(4)"),
    "reject": (lambda sky: sky.approvals.reject(1, "Berta"), "the rejection of post 1", "sky.approvals.approve(1)"),
    "set": (lambda sky: sky.accounts.set(None, {"zone": "UTC"}), "the change of zone", "zone="),
    "slots": (
        lambda sky: sky.accounts.set_slots(None, [Slot(0, 540, "UTC")]),
        "the change of the slots of alice.test",
        "set_slots('alice.test', '')",
    ),
    "skip": (
        lambda sky: sky.recurrences.skip_or_move(1, "tomorrow 9:00", None),
        "a change of one time of recurrence 1",
        "sky.recurrences.get(1)",
    ),
    "repost": (lambda sky: sky.reposts.repost(2, at="in 1 day"), "the new repost 1", "sky.reposts.cancel(1)"),
    "follow-up": (
        lambda sky: sky.follow_ups.add(2, when="50 likes", repost=True),
        "the new follow-up 1",
        "sky.follow_ups.cancel(1)",
    ),
    "command": (lambda sky: sky.commands.add("date", every="daily 9:00"), "the new command 1", "commands.remove(1)"),
    "notice": (lambda sky: sky.notices.add_command("true"), "the new notice channel 1", "sky.notices.remove(1)"),
    "logout": (lambda sky: sky.accounts.logout(), "the sign-out of alice.test", "sky.accounts.login('alice.test')"),
    "deletion": (lambda sky: sky.posts.delete(2), "the deletion of post 2", "sky.posts.get(2)"),
}


@pytest.mark.parametrize(("act", "what", "way_back"), ACTS.values(), ids=ACTS.keys())
def test_undo_never_reaches_what_was_done_before(
    world: World, sky: Skywrite, act: Callable[[Skywrite], Any], what: str, way_back: str
) -> None:
    """The error names what was done last, and the way back; the post that was scheduled before that stays."""
    sky.schedule("Waits", at="in 1 day")
    sky.post("There")
    sky.schedule("Again", every="daily 9:00")
    act(sky)
    before = world.states(sky)
    with pytest.raises(InputError, match=what) as refused:
        sky.posts.undo()
    assert (True, before) == (way_back in str(refused.value.hint), world.states(sky))


def test_what_others_deleted_shields_what_was_before_it(world: World, sky: Skywrite) -> None:
    """A post that somebody else deleted cannot be brought back, and nothing older is undone in its place."""
    sent = sky.post("Is deleted")
    sky.schedule("Waits", at="in 1 day")
    with written_by("person 2", agent=False):
        sky.posts.delete(1)
    with pytest.raises(InputError, match="the deletion of post 1, which cannot be undone"):
        sky.posts.undo()
    assert ([], "scheduled") == (world.texts(), sky.posts.get(2).post.state)
    assert sent.uri == sky.posts.get(1).post.uri


@pytest.mark.parametrize("who", ["key 7", "person 2"])
def test_undo_takes_back_nothing_that_others_did(world: World, sky: Skywrite, who: str) -> None:
    """A post that a key or a person has cancelled does not go out because somebody else undoes something."""
    sky.schedule("Waits", at="in 1 day")
    sky.schedule("Is cancelled", at="in 1 day")
    with written_by(who, agent=who.startswith("key")):
        sky.posts.cancel(2)
    with pytest.raises(InputError, match=f"not yours: {who} made it") as refused:
        sky.posts.undo()
    assert "See: sky.posts.get(2)" == str(refused.value.hint)
    sky.posts.hold(1)
    sky.posts.undo()
    assert [(1, "scheduled"), (2, "cancelled")] == world.states(sky)
