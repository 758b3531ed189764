"""Lists and exports of large queues are written as they are read: memory does not grow with them."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from skywrite.app import Skywrite
from skywrite.queue import listing
from skywrite.queue.listing import PAGE_POSTS
from skywrite.queue.model import NewPost
from tests.support.shell import Shell

POSTS = 4000
PEAK_BYTES = 6_000_000


@pytest.fixture
def full(shell: Shell) -> Shell:
    """A queue of thousands of posts, each of two kilobytes."""
    with Skywrite() as sky:
        did = sky.context.account().did
        due = datetime(2100, 1, 1, tzinfo=UTC)
        text = "x" * 1000
        sky.context.store.posts.add(
            [
                NewPost(did, {"text": f"{n} {text}"}, {"records": [{"text": text}]}, due + timedelta(minutes=n))
                for n in range(POSTS)
            ]
        )
    return shell


def peak_of(action: Callable[[], object]) -> int:
    """The most memory that Python objects took at once while something was done."""
    action()
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "words",
    [("export", "-o"), pytest.param(("export", "--json", "-o"), marks=pytest.mark.nightly)],
    ids=["jsonl", "json"],
)
def test_an_export_takes_no_memory(full: Shell, tmp_path: Path, words: tuple[str, ...]) -> None:
    """Eight megabytes go to a file, and at no time are all of them in memory."""
    path = tmp_path / "plan"
    peak = peak_of(lambda: full(*words, str(path)))
    text = path.read_text()
    rows = json.loads(text) if "--json" in words else [json.loads(line) for line in text.splitlines()]
    assert (POSTS, True) == (len(rows), peak < PEAK_BYTES), peak


def test_a_queue_as_json_is_written_item_by_item(full: Shell, tmp_path: Path) -> None:
    """All of a long queue comes as one JSON array, in order; what is captured here is most of what is held."""
    with Skywrite() as sky:
        peak = peak_of(lambda: sum(1 for _ in sky.posts.each()))
    told = full("queue", "--json", "--limit", str(POSTS)).json
    assert (POSTS, True) == (len(told), peak < PEAK_BYTES), peak
    assert sorted(entry["due_at"] for entry in told) == [entry["due_at"] for entry in told]


@pytest.mark.parametrize("command", ["queue", "history"])
def test_a_table_is_printed_while_it_is_read(full: Shell, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """With the first line, no more than a few hundred posts were read; in the end, each was printed once."""
    if command == "history":
        with Skywrite() as sky, sky.context.store.writing() as tx:
            tx.select("UPDATE post SET state = 'cancelled'", {})
    read: list[int] = []
    printed: list[tuple[int, int]] = []
    post_of = listing.post_of
    monkeypatch.setattr(listing, "post_of", lambda row: read.append(1) or post_of(row))
    monkeypatch.setattr(click, "echo", lambda text, **more: printed.append((len(read), text.count("xxx" * 5))))
    full(command, "--limit", str(POSTS))
    lines = sum(count for _, count in printed)
    assert (POSTS, True, True) == (len(read), printed[0][0] <= 2 * PAGE_POSTS, lines >= POSTS)


def test_an_empty_list_is_an_array_too(shell: Shell) -> None:
    """Scripts get what they can parse."""
    assert [] == shell("list", "--json").json
