"""Marks in both databases."""

from __future__ import annotations

from skywrite.clock import FakeClock
from skywrite.queue.marks import COUNTS, Marks
from skywrite.queue.model import Published
from skywrite.queue.store import Store
from tests.store.support import NOON, claimed, post


def test_a_post_is_counted_once_at_an_age(store: Store, clock: FakeClock) -> None:
    """In its time; the first count stays."""
    store.add([post()])
    store.settle(claimed(store), Published("at://x/app.bsky.feed.post/1", "cid"))
    marks = Marks(store)
    assert [] == marks.due(25)
    clock.advance(3600)
    (due,) = marks.due(25)
    assert ("at://x/app.bsky.feed.post/1", 1) == (due.uri, due.age_hours)
    marks.note([(due, dict.fromkeys(COUNTS, 3), ["spam"])])
    marks.note([(due, None, [])])
    assert [] == marks.due(25)
    (mark,) = marks.at(1, NOON)
    assert (3, ("spam",), True) == (mark.bookmarks, mark.labels, mark.is_shown)
    assert [mark] == marks.of(1)
