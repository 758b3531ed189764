"""Periodic work of a worker: what each kind is made from.

What does not live here: the kinds, and whose turn it is (`publish.rounds`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

from skywrite.app.bots import Answerer
from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.publish.worker import in_turn


class WorkParts(NamedTuple):
    """What a kind of work may take. `answers`: a program's ways of answering; `commands`: whether commands run."""

    context: Context
    drafting: Drafting
    log: Log = silent
    answers: Sequence[Answerer] = ()
    commands: bool = True


@runtime_checkable
class MakesPosts(Protocol):
    """Work that makes posts, so that a single run publishes again after it. `made` grows with what it makes."""

    made: int


class Periodic:
    """What comes at once, and then every so often: a worker's own task, or a kind of work that looks for turns."""

    every: ClassVar[timedelta]
    ctx: Context
    _next_at: datetime | None = None

    def next_at(self) -> datetime:
        """When it comes next."""
        return in_turn(self._next_at, self.ctx.clock.now(), self.every)

    def begin(self) -> datetime:
        """Note that it comes now, and when it comes again. Returns the time."""
        now = self.ctx.clock.now()
        self._next_at = now + self.every
        return now
