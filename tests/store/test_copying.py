"""A copy of the queue for a rehearsal, from either database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from skywrite.core.clock import FakeClock
from skywrite.queue import copying
from skywrite.queue.database import Database
from skywrite.queue.store import Store
from skywrite.queue.vault import Vault
from tests.support.stored import KEY, post

POSTS = 7


def test_a_copy_is_read_some_rows_at_a_time(
    store: Store, home: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All posts and accounts are there, and never more than a few of them were in memory."""
    store.posts.add([post(f"{number}") for number in range(POSTS)])
    monkeypatch.setattr(copying, "ROWS", 2)
    sizes: list[int] = []
    pages = Database.pages

    def watched(self: Database, *args: Any) -> Any:
        for page in pages(self, *args):
            sizes.append(len(page))
            yield page

    monkeypatch.setattr(Database, "pages", watched)
    copy = copying.copy_to(store, str(home / "copy.db"), Vault(home, KEY), clock)
    try:
        assert [one.text for one in store.listing.posts()] == [one.text for one in copy.listing.posts()]
        assert [one.did for one in store.accounts.all()] == [one.did for one in copy.accounts.all()]
    finally:
        copy.close()
    assert (sizes == [], True) == (store.dialect == "sqlite", max(sizes, default=0) <= 2)


def test_a_copy_is_of_one_time(store: Store, home: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is added while a copy is made is not in it, whichever tables were read by then."""
    store.posts.add([post("before")])
    pages = Database.pages

    def adding(self: Database, *args: Any) -> Any:
        yield from pages(self, *args)
        store.posts.add([post("meanwhile")])

    monkeypatch.setattr(Database, "pages", adding)
    copy = copying.copy_to(store, str(home / "copy.db"), Vault(home, KEY), clock)
    try:
        assert ["before"] == [one.text for one in copy.listing.posts()]
    finally:
        copy.close()
