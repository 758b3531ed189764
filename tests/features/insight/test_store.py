"""Marks in both databases."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from skywrite.core.clock import FakeClock
from skywrite.queue.marks import COUNTS, Marks
from skywrite.queue.model import Published
from skywrite.queue.store import Store
from tests.support.postgres import programs
from tests.support.stored import ALICE, NOON, claimed, opened, post, session


def test_a_post_is_counted_once_at_an_age(store: Store, clock: FakeClock) -> None:
    """In its time; the first count stays."""
    store.posts.add([post()])
    store.claims.settle(claimed(store), Published("at://x/app.bsky.feed.post/1", "cid"))
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


def ask(address: str, query: str) -> list[str]:
    """What a user gets who asks with the database's own program, and nothing of ours: fields separated by bars."""
    if "postgresql" not in address:
        with closing(sqlite3.connect(address)) as database:
            return ["|".join("" if value is None else str(value) for value in row) for row in database.execute(query)]
    command = [programs() / "psql", "--no-psqlrc", "-At", address, "-c", query]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_views_can_be_read_without_us(kind: str, request: pytest.FixtureRequest, home: Path, clock: FakeClock) -> None:
    """`v_posts` and `v_marks` are as the guide says, for sqlite3 and for psql; what was seen is said as what it is."""
    address: str = request.getfixturevalue(f"{kind}_address")
    with closing(opened(address, home, clock)) as store:
        store.accounts.sign_in(session())
        store.posts.add([post(text, key=text) for text in ("Shown", "Deleted", "Gone", "Waits")])
        for number in range(1, 4):
            store.claims.settle(
                claimed(store), Published(f"at://{ALICE}/app.bsky.feed.post/{number}", "cid", (str(number),))
            )
        store.posts.note_deleted(ALICE, f"at://{ALICE}/app.bsky.feed.post/2")
        clock.advance(3600)
        marks = Marks(store)
        counts = [dict.fromkeys(COUNTS, 3), None, None]
        marks.note((due, count, ["spam"] if count else []) for due, count in zip(marks.due(25), counts, strict=True))
    posts = "SELECT id, account, state, text, key, uri FROM v_posts WHERE published_at IS NULL OR id = 1 ORDER BY id"
    assert [
        f"1|alice.test|published|Shown|Shown|at://{ALICE}/app.bsky.feed.post/1",
        "4|alice.test|scheduled|Waits|Waits|",
    ] == ask(address, posts)
    seen = "SELECT post_id, account, kind, age_hours, likes, bookmarks, labels, seen FROM v_marks ORDER BY post_id"
    assert [
        '1|alice.test|text|1|3|3|["spam"]|shown',
        "2|alice.test|text|1|||[]|deleted",
        "3|alice.test|text|1|||[]|not shown",
    ] == ask(address, seen)
