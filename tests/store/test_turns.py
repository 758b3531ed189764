"""Threads that write into one database: a post that is due waits for nobody's flood."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from skywrite.core.clock import SYSTEM_CLOCK
from skywrite.queue.model import Claim, Published
from skywrite.queue.store import Store
from tests.support.claims import claim_next
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stored import ALICE, LEASE_SECONDS, NOON, OpenAt, post, session, take

STEPS = ("claim", "freeze", "renew", "settle")
FLOOD = 5


@pytest.mark.parametrize("step", STEPS)
def test_a_due_post_goes_before_what_else_is_written(
    tmp_path: Path, open_at: OpenAt, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """While many threads wait to write something else, each step of a due post is the next to be written."""
    store = open_at(str(tmp_path / "skywrite.db"), SYSTEM_CLOCK)
    store.accounts.sign_in(session(ALICE))
    store.posts.add([post("Due", due=NOON)])
    mine = None if step == "claim" else claim_next(store, "w", LEASE_SECONDS, take(None))

    def go_on(claim: Claim | None = mine) -> object:
        if claim is None:
            return claim_next(store, "w", LEASE_SECONDS, take(None))
        if step == "settle":
            return store.claims.settle(claim, Published("at://a/b/c", "bafy"))
        return store.claims.freeze(claim, "{}") if step == "freeze" else store.claims.renew(claim, LEASE_SECONDS)

    def write() -> None:
        with store.writing(wake=False):
            pass

    order, begin, turns = list[str](), store.database.begin, store.database.turns
    assert turns is not None

    def noted(connection: Any, *, write: bool) -> None:
        begin(connection, write=write)
        if write:
            order.append(threading.current_thread().name)

    threads = [threading.Thread(target=write, name=f"other {number}") for number in range(FLOOD)]
    threads.append(threading.Thread(target=go_on, name="due"))
    with store.writing(wake=False):
        monkeypatch.setattr(store.database, "begin", noted)
        for number, thread in enumerate(threads):
            thread.start()
            ends = time.monotonic() + PATIENCE_SECONDS
            while turns.waiting == number and time.monotonic() < ends:
                time.sleep(0.001)
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert ["due", *(f"other {number}" for number in range(FLOOD))] == order


def test_a_process_that_was_forked_while_a_thread_writes_has_its_own_turns(store: Store) -> None:
    """It is forked when the thread has written, and then writes with a connection of its own."""
    writes, may_end = threading.Event(), threading.Event()

    def write() -> None:
        with store.writing():
            writes.set()
            may_end.wait(PATIENCE_SECONDS)

    thread = threading.Thread(target=write)
    thread.start()
    assert writes.wait(PATIENCE_SECONDS)
    soon = threading.Timer(0.1, may_end.set)
    soon.start()
    child = os.fork()
    if not child:
        try:
            store.posts.add([post("Of the child")])
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    may_end.set()
    for one in (thread, soon):
        one.join()
    store.posts.add([post("Of the parent")])
    assert ["Of the child", "Of the parent"] == [one.text for one in store.listing.posts()]
