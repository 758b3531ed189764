"""What happens to an open database when its process is forked: no transaction writes in that moment, and the new
process has turns, locks and connections of its own.

SQLite keeps the locks of all connections of a process in one place, which a fork copies: a lock that a thread had then
would never be freed in the new process, where that thread does not exist.

What does not live here: turns (`turns`), connections (`database`).
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Protocol
from weakref import WeakSet

from skywrite.queue.turns import Turns


class Forked(Protocol):
    """What has a turn at writing, and begins anew in another process."""

    turns: Turns | None

    def begin_process(self) -> None: ...


_known: WeakSet[Forked] = WeakSet()
_held: list[ExitStack] = []


def follow_forks(database: Forked) -> None:
    """Let this database know of the forks of its process, as long as it lives."""
    _known.add(database)


def _before() -> None:
    held = ExitStack()
    # Always in one order, so that two threads that fork do not wait for each other.
    for database in sorted(_known, key=id):
        if database.turns is not None:
            held.enter_context(database.turns.taken(first=True))
    _held.append(held)


def _in_parent() -> None:
    _held.pop().close()


def _in_child() -> None:
    # What is held stays so: those who waited for it are threads of the other process.
    for database in tuple(_known):
        database.begin_process()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
