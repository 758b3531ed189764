"""Taking back the last change: whole or not at all, and only what nobody has touched since."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from skywrite.core.clock import FakeClock
from skywrite.queue.authors import attended
from skywrite.queue.journal import together
from skywrite.queue.model import Changes, Failed, NewRecurrence, Post, Published, State
from skywrite.queue.store import Store
from tests.support.claims import claim_next
from tests.support.errors import fails
from tests.support.stored import ALICE, BOB, NOON, PROBLEM, claimed, later, media, post, raw, take

DONE = Published("at://did:plc:alice/app.bsky.feed.post/3kroot", "bafypost")


def stored(store: Store) -> list[tuple[str, State]]:
    """Every post."""
    return [(one.text, one.state) for one in store.listing.all_posts()]


def same(before: Post, after: Post) -> bool:
    """Whether a post is what it was, but for having been changed twice."""
    return before == after._replace(version=before.version, updated_at=before.updated_at)


CHANGES: dict[str, tuple[str, Callable[[Store], object]]] = {
    "edit": (
        "scheduled",
        lambda store: store.posts.edit(1, Changes(draft={"text": "new"}, due_at=later(9)), operation="edit"),
    ),
    "move": ("scheduled", lambda store: store.posts.move(1, later(3600), undoable=True)),
    "hold": ("scheduled", lambda store: store.posts.hold(1, undoable=True)),
    "cancel": ("scheduled", lambda store: store.posts.cancel(1, undoable=True)),
    "release": ("held", lambda store: store.posts.release(1, undoable=True)),
    "retry": ("failed", lambda store: store.posts.retry(1, undoable=True)),
    "cancel of one that failed": ("failed", lambda store: store.posts.cancel(1, undoable=True)),
    "move of a draft": ("draft", lambda store: store.posts.move(1, later(60), undoable=True)),
}


def prepared(store: Store, state: str) -> Post:
    """Post 1, in a state."""
    store.posts.add([post(late_policy="hold", late_seconds=60, due=None if state == "draft" else NOON)])
    if state == "held":
        store.posts.hold(1, PROBLEM)
    elif state == "failed":
        store.claims.settle(claimed(store, take(None)), Failed(PROBLEM))
    return store.posts.get(1)


@pytest.mark.parametrize(("state", "change"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_taken_back(store: Store, state: str, change: Callable[[Store], object], clock: FakeClock) -> None:
    """The post is what it was, its reason and policies with it, and the change is forgotten."""
    before = prepared(store, state)
    change(store)
    clock.advance(1)
    undone = store.journal.undo_last()
    assert (1, (1,), True) == (undone.posts, undone.ids, same(before, store.posts.get(1)))
    with fails("undo.nothing"):
        store.journal.undo_last()


def test_a_post_that_is_taken_back_into_the_queue_goes_out(store: Store) -> None:
    """Its account hears of it: a cancelled post whose cancel is taken back is claimed at its time."""
    store.posts.add([post()])
    store.posts.cancel(1, undoable=True)
    assert claim_next(store, "worker", 60, take()) is None
    store.journal.undo_last()
    assert 1 == claimed(store).post.id


PASSING = {name: change for name, (state, change) in CHANGES.items() if state == "scheduled"}


@pytest.mark.parametrize("change", PASSING.values(), ids=PASSING.keys())
@pytest.mark.parametrize("due", [later(3600), NOON], ids=["its time passed", "it was due"])
def test_undoing_publishes_nothing(
    store: Store, change: Callable[[Store], object], due: datetime, clock: FakeClock
) -> None:
    """A post that a change kept from going out is held when that is undone too late, although its policy is to publish
    however late; released, it goes out.
    """
    store.posts.add([post(due=due)])
    change(store)
    clock.advance(7200)
    undone = store.journal.undo_last()
    held = store.posts.get(1)
    assert ((1,), "held", "post.time_passed", None) == (
        undone.held,
        held.state,
        held.problem and held.problem.code,
        claim_next(store, "worker", 60, take()),
    )
    store.posts.release(1)
    assert 1 == claimed(store).post.id


def test_a_slip_that_is_undone_at_once_makes_no_post_late(store: Store, clock: FakeClock) -> None:
    """Cancelled just before its time and taken back just after it: it goes out."""
    store.posts.add([post(due=later(10))])
    store.posts.cancel(1, undoable=True)
    clock.advance(30)
    assert ((), 1) == (store.journal.undo_last().held, claimed(store).post.id)


def test_an_import_is_taken_back(store: Store) -> None:
    """Posts of several accounts and rules with their first posts are forgotten; their keys are free again."""
    store.posts.add([post("mine")])
    rule = NewRecurrence(ALICE, "daily 9:00", "UTC")
    posts = [post(f"{n}", key=f"k{n}", did=BOB if n % 2 else ALICE) for n in range(10)]
    store.recurrences.add_with_posts([*posts, posts[0]], [(rule, post("first", occurrence=NOON))], operation="import")
    undone = store.journal.undo_last()
    assert ("import", 11, [("mine", "scheduled")], []) == (
        undone.operation,
        undone.posts,
        stored(store),
        store.recurrences.all(),
    )
    assert not store.posts.add([posts[0]])[0].existed


def test_nothing_is_taken_back_by_halves(store: Store) -> None:
    """One post of an import is on the network: all others stay, too, and the error counts."""
    store.posts.add([post(f"{n}") for n in range(3)], operation="import")
    store.claims.settle(claimed(store), DONE)
    before = stored(store)
    with fails("undo.impossible", match="1 of the 3 posts"):
        store.journal.undo_last()
    assert before == stored(store)


def test_an_import_of_which_a_post_was_changed_stays(store: Store) -> None:
    """Somebody has moved one of its posts, which still waits: their work is not thrown away."""
    store.posts.add([post(f"{n}") for n in range(3)], operation="import")
    store.posts.move(2, later(60))
    with fails("undo.impossible", match="1 of the 3 posts"):
        store.journal.undo_last()
    assert 3 == len(stored(store))


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda store: store.posts.move(1, later(99)),
        lambda store: store.claims.settle(claimed(store), DONE),
        lambda store: claimed(store),
    ],
    ids=["moved", "published", "being published"],
)
def test_what_was_changed_since_is_left_alone(store: Store, meanwhile: Callable[[Store], object]) -> None:
    """Somebody else, or a worker, has changed the post: the change stays, and the error says so."""
    store.posts.add([post()])
    store.posts.move(1, later(-1), undoable=True)
    meanwhile(store)
    before = store.posts.get(1)
    with fails("undo.impossible", match="Post 1 has been changed, attempted or published since"):
        store.journal.undo_last()
    assert before == store.posts.get(1)


def test_changes_of_one_command_are_one(store: Store) -> None:
    """`cancel 1 2 3` is taken back as a whole, and the change before it stays."""
    store.posts.add([post(f"{n}") for n in range(4)])
    store.posts.hold(4, undoable=True)
    with together():
        for number in (1, 2, 3):
            store.posts.cancel(number, undoable=True)
    assert (3, (1, 2, 3)) == store.journal.undo_last()[1:3]
    assert ["held", "scheduled", "scheduled", "scheduled"] == sorted(state for _, state in stored(store))


def test_the_changes_before_can_be_taken_back_one_by_one(store: Store) -> None:
    """Of different posts, the last one first."""
    store.posts.add([post("a"), post("b")])
    store.posts.hold(1, undoable=True)
    store.posts.cancel(2, undoable=True)
    assert ["cancel", "hold"] == [store.journal.undo_last().operation, store.journal.undo_last().operation]
    assert [("a", "scheduled"), ("b", "scheduled")] == stored(store)


def test_changes_of_one_post_can_be_taken_back_one_by_one(store: Store) -> None:
    """Back to before it was there; each time it is what it was."""
    store.posts.add([post("a"), post("b")], operation="import")
    first = store.posts.get(1)
    store.posts.edit(1, Changes(draft={"text": "new"}), operation="edit")
    second = store.posts.get(1)
    store.posts.hold(1, undoable=True)
    store.posts.cancel(1, undoable=True)
    assert ["cancel", "hold"] == [store.journal.undo_last().operation, store.journal.undo_last().operation]
    assert same(second, store.posts.get(1))
    assert ("edit", True) == (store.journal.undo_last().operation, same(first, store.posts.get(1)))
    assert ("import", 2) == store.journal.undo_last()[:2]
    assert [] == stored(store)


def test_an_import_stays_if_a_post_was_changed_between_what_is_taken_back(store: Store) -> None:
    """What was changed in a way that no undo knows is not what it was, whatever was undone after that."""
    store.posts.add([post("a"), post("b")], operation="import")
    store.posts.move(1, later(60))
    store.posts.hold(1, undoable=True)
    store.journal.undo_last()
    with fails("undo.impossible", match="1 of the 2 posts were changed"):
        store.journal.undo_last()
    assert 2 == len(stored(store))


def test_a_post_that_came_back_held_is_not_taken_away(store: Store, clock: FakeClock) -> None:
    """It waits for a decision: that is not what it was when it was scheduled."""
    store.posts.add([post("a")], operation="schedule")
    store.posts.cancel(1, undoable=True)
    clock.advance(timedelta(days=2).total_seconds())
    assert (1,) == store.journal.undo_last().held
    with fails("undo.impossible"):
        store.journal.undo_last()
    assert [("a", "held")] == stored(store)


def test_what_cron_does_is_passed_over(store: Store) -> None:
    """A program without a terminal is nobody: a person undoes what they did before, and what it did stays."""
    store.posts.add([post("a")], operation="schedule")
    store.posts.hold(1, undoable=True)
    with attended(False):
        store.posts.add([post("cron")], operation="schedule")
        store.journal.note_final("the change of zone")
    assert ("hold", 2) == (store.journal.undo_last().operation, store.journal.undo_last().passed_over)
    assert [("cron", "scheduled")] == stored(store)
    with fails("undo.nothing") as caught:
        store.journal.undo_last()
    assert "What a command without a terminal did is undone post by post: sky.posts.list()" == str(caught.value.hint)


def test_what_cron_changed_is_not_undone_by_what_was_before_it(store: Store) -> None:
    """It changed the same post: what a person did before that is no longer what is there."""
    store.posts.add([post("a")], operation="schedule")
    store.posts.hold(1, undoable=True)
    with attended(False):
        store.posts.cancel(1, undoable=True)
    with fails("undo.impossible", match="Post 1 has been changed"):
        store.journal.undo_last()
    assert [("a", "cancelled")] == stored(store)


def test_without_a_terminal_the_last_change_is_undone(store: Store) -> None:
    """A script that takes back what it did passes over nothing."""
    store.posts.add([post("a")], operation="schedule")
    with attended(False):
        store.posts.add([post("cron")], operation="schedule")
        undone = store.journal.undo_last()
    assert ("schedule", (2,), 0) == (undone.operation, undone.ids, undone.passed_over)
    assert [("a", "scheduled")] == stored(store)


def test_media_come_back_with_an_edit(store: Store, clock: FakeClock) -> None:
    """While they are kept; when they were dropped meanwhile, nothing is taken back."""
    for cid in ("one", "two"):
        store.media.put(media(b"bytes", cid))
    store.posts.add([post(media=("one",))])
    store.posts.edit(1, Changes(draft={"text": "x"}, media=("two",)), operation="edit")
    store.journal.undo_last()
    assert ["one"] == [row["cid"] for row in raw(store, "SELECT cid FROM post_media")]
    store.posts.edit(1, Changes(draft={"text": "x"}, media=("two",)), operation="edit")
    clock.advance(timedelta(days=2).total_seconds())
    store.media.prune()
    with fails("undo.impossible", match="no longer stored"):
        store.journal.undo_last()
    assert ("x", ["two"]) == (store.posts.get(1).text, [row["cid"] for row in raw(store, "SELECT cid FROM post_media")])


def test_what_workers_do_is_not_taken_back(store: Store) -> None:
    """Only what a user asked for counts as a change."""
    rule = store.recurrences.get(store.recurrences.add(NewRecurrence(ALICE, "daily 9:00", "UTC")).id)
    store.recurrences.add_occurrence(rule, post(occurrence=NOON))
    store.claims.settle(claimed(store), Failed(PROBLEM))
    with fails("undo.nothing"):
        store.journal.undo_last()


def end_recurrence(store: Store) -> None:
    """Remove a recurrence."""
    store.recurrences.remove(store.recurrences.add(NewRecurrence(ALICE, "daily 9:00", "UTC")).id)


def edit_recurrence(store: Store) -> None:
    """Replace a recurrence."""
    rule = store.recurrences.get(store.recurrences.add(NewRecurrence(ALICE, "daily 9:00", "UTC")).id)
    store.recurrences.replace(rule, NewRecurrence(ALICE, "daily 10:00", "UTC"), post("c", occurrence=NOON))


def delete_published(store: Store) -> None:
    """Delete a post that was published."""
    store.claims.settle(claimed(store), DONE)
    store.posts.note_deleted(ALICE, DONE.uri)


@pytest.mark.parametrize(
    ("final", "what"),
    [
        (end_recurrence, "the end of recurrence 1"),
        (edit_recurrence, "an edit of recurrence 1"),
        (delete_published, "the deletion of post 2"),
    ],
)
def test_what_is_final_shields_what_was_done_before_it(store: Store, final: Callable[[Store], None], what: str) -> None:
    """It cannot be taken back, and a post that was cancelled before it does not come back in its stead."""
    store.posts.add([post("a"), post("b")])
    store.posts.cancel(1, undoable=True)
    final(store)
    with fails("undo.impossible", match=f"{what}, which cannot be undone"):
        store.journal.undo_last()
    assert "cancelled" == store.posts.get(1).state
