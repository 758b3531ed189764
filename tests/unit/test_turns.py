"""Turns at the one writer of a database."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from skywrite.queue.turns import FIRST_IN_A_ROW, Turns
from tests.support.processes import PATIENCE_SECONDS


class Row:
    """Threads that ask one after the other, and in which order they got their turn."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.got: list[str] = []
        self._threads: list[threading.Thread] = []

    def ask(self, name: str, *, first: bool = False, then: Callable[[], object] = lambda: None) -> None:
        """A thread asks; returns when it waits."""

        def have() -> None:
            with self.turns.taken(first=first):
                self.got.append(name)
                then()

        before = self.turns.waiting
        self._threads.append(threading.Thread(target=have))
        self._threads[-1].start()
        ends = time.monotonic() + PATIENCE_SECONDS
        while self.turns.waiting == before and time.monotonic() < ends:
            time.sleep(0.001)

    def end(self) -> list[str]:
        """The names, when all have had their turn."""
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        return self.got


def test_who_asks_first_is_first() -> None:
    """A thread that asks again at once comes after those that have waited."""
    row = Row()
    with row.turns.taken():
        row.ask("second")
        row.ask("third")
    with row.turns.taken():
        row.got.append("first, again")
    assert ["second", "third", "first, again"] == row.end()


def test_due_posts_go_first() -> None:
    """However many wait, who says `first` goes before all of them, in the order of asking."""
    row = Row()
    with row.turns.taken():
        for number in range(3):
            row.ask(f"other {number}")
        row.ask("due 0", first=True)
        row.ask("due 1", first=True)
    assert ["due 0", "due 1", "other 0", "other 1", "other 2"] == row.end()


def test_others_are_never_kept_out() -> None:
    """After a number of those that go first, one of the others has its turn."""
    row = Row()
    with row.turns.taken():
        row.ask("other")
        for number in range(FIRST_IN_A_ROW + 2):
            row.ask(f"due {number}", first=True)
    assert FIRST_IN_A_ROW == row.end().index("other")


def test_a_turn_within_a_turn() -> None:
    """The thread that has the turn may take it again, and keeps it until the outer block ends."""
    row = Row()
    with row.turns.taken():
        row.ask("next")
        with row.turns.taken(first=True):
            pass
        row.got.append("still mine")
    assert ["still mine", "next"] == row.end()


def test_a_turn_that_fails_is_passed_on() -> None:
    """An error in the block ends the turn as its end does."""
    row = Row()
    with suppress(ZeroDivisionError), row.turns.taken():
        row.ask("next")
        raise ZeroDivisionError
    assert (["next"], 0) == (row.end(), row.turns.waiting)


def test_ctrl_c_while_it_waits() -> None:
    """A thread that is interrupted while it waits is in nobody's way."""
    row, ended = Row(), threading.Event()

    def interrupt() -> None:
        ends = time.monotonic() + PATIENCE_SECONDS
        while not row.turns.waiting and time.monotonic() < ends:
            time.sleep(0.001)
        os.kill(os.getpid(), signal.SIGINT)
        ended.wait(PATIENCE_SECONDS)

    holding = threading.Event()

    def hold() -> None:
        with row.turns.taken():
            holding.set()
            interrupt()

    holder = threading.Thread(target=hold)
    holder.start()
    holding.wait(PATIENCE_SECONDS)
    interrupted = False
    try:
        with row.turns.taken():
            row.got.append("never")
    except KeyboardInterrupt:
        interrupted = True
    waiting = row.turns.waiting
    ended.set()
    holder.join()
    with row.turns.taken():
        row.got.append("afterwards")
    assert (True, 0, ["afterwards"]) == (interrupted, waiting, row.got)


def test_ctrl_c_right_after_it_got_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that is interrupted before its block begins hands its turn on."""
    row = Row()
    take = Turns._take

    def interrupted(turns: Turns, *arguments: Any) -> None:
        take(turns, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(Turns, "_take", interrupted)
    with pytest.raises(KeyboardInterrupt), row.turns.taken():
        row.got.append("never")
    monkeypatch.undo()
    with row.turns.taken():
        row.ask("next")
    assert (["next"], 0) == (row.end(), row.turns.waiting)
