"""Several posts that are changed together are killed at each point: all of them are changed, or none.

The same tests fail where each post is changed by itself: see the controls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.crash.killing import BULK, Ended
from tests.crash.test_killed_commands import Desk, queue, simple

__all__ = ["queue", "simple"]

VERBS = ("shift", "copy", "cancel", "approve", "undo")


def look_of(desk: Desk, numbers: list[int]) -> list[Any]:
    """What may change of each of these posts: its state, its time, whether it waits for an approval, its copies."""
    store, approvals = desk.sky.context.store, desk.sky.approvals
    texts = [post.text for post in store.listing.all_posts(("draft", "scheduled"))]
    posts = [store.posts.get(number) for number in numbers]
    return [(post.state, post.due_at, approvals.is_wanted(post.id), texts.count(post.text)) for post in posts]


def act(desk: Desk, verb: str, numbers: list[int]) -> Callable[[int, str], Ended]:
    """How a verb is killed; what comes before an undo is done here."""
    if verb == "undo":
        desk.sky.bulk.shift(numbers, "1d")
    words: dict[str, tuple[str | int, ...]] = {
        "shift": ("shift", *numbers, "--by", "2h"),
        "copy": ("copy", *numbers, "--by", "2h"),
        "cancel": (BULK, "cancel", *numbers),
        "approve": (BULK, "approve", *numbers),
        "undo": ("undo",),
    }
    return lambda point, wrongly: desk.run(*words[verb], point=point, wrongly=wrongly)


def changed_at_each_point(desk: Desk, verb: str, wrongly: str = "") -> list[int]:
    """How many of two posts were changed, each time that the verb was killed, and at last when it was not."""
    if verb == "approve":
        desk.sky.accounts.set("alice.test", {"approval": "all"})
    counts: list[int] = []

    def once(point: int) -> Ended:
        numbers = [desk.add(f"{word} {point}") for word in ("One", "Two")]
        kill = act(desk, verb, numbers)
        before = look_of(desk, numbers)
        ended = kill(point, wrongly)
        after = look_of(desk, numbers)
        counts.append(sum(old != new for old, new in zip(before, after, strict=True)))
        return ended

    desk.until_it_survives(once, lambda: 1 in counts)
    return counts


@pytest.mark.parametrize("verb", VERBS)
def test_several_posts_are_changed_together_or_not_at_all(queue: Desk, verb: str) -> None:
    """At whatever point it is killed: both, or none; and both when it was not killed."""
    counts = changed_at_each_point(queue, verb)
    assert ({0, 2}, 2) == (set(counts), counts[-1])


@pytest.mark.parametrize("verb", VERBS[:-1])
def test_one_after_the_other_is_noticed(simple: Desk, verb: str) -> None:
    """The control."""
    assert 1 in changed_at_each_point(simple, verb, "one_by_one")


def skipped_at_each_point(desk: Desk, wrongly: str = "") -> list[tuple[bool, bool]]:
    """Whether the post of an occurrence was cancelled, and the rule knows it, each time that `skip` was killed."""
    store = desk.sky.context.store
    found: list[tuple[bool, bool]] = []

    def once(point: int) -> Ended:
        made = desk.sky.schedule(f"Daily {point}", every="daily 9:00", zone="UTC")
        assert made.recurrence_id is not None
        first = store.posts.get(made.post_id)
        assert first.occurrence is not None
        words = ("recurring", "skip", made.recurrence_id, first.occurrence.isoformat())
        ended = desk.run(*words, point=point, wrongly=wrongly)
        known = bool(store.recurrences.get(made.recurrence_id).exceptions)
        found.append((store.posts.get(first.id).state == "cancelled", known))
        return ended

    desk.until_it_survives(once, lambda: (True, False) in found)
    return found


def test_a_skipped_occurrence_is_skipped_with_its_post(queue: Desk) -> None:
    """Its post is cancelled and its rule knows it, or neither, at whatever point `skip` is killed."""
    found = skipped_at_each_point(queue)
    assert ({(False, False), (True, True)}, (True, True)) == (set(found), found[-1])


def test_a_skip_in_two_steps_is_noticed(simple: Desk) -> None:
    """The control."""
    assert (True, False) in skipped_at_each_point(simple, "one_by_one")
