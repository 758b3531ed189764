"""Recurrences: the rules that make posts again and again, as users see them.

What does not live here: making one (`posts`), and the posts that it makes (`occurrences`).
"""

from __future__ import annotations

import builtins
from datetime import datetime

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.occurrences import Occurrences
from skywrite.queue.model import Recurrence


class Recurrences:
    """The recurrences of a queue."""

    def __init__(self, ctx: Context, drafting: Drafting) -> None:
        self._ctx = ctx
        self._drafting = drafting

    def list(self, account: str | None = None) -> builtins.list[Recurrence]:
        """All recurrences, or those of an account."""
        return self._ctx.store.recurrences(self._ctx.account(account).did if account else None)

    __call__ = list

    def get(self, recurrence_id: int) -> Recurrence:
        """One recurrence. Raises UnknownRecurrence."""
        return self._ctx.store.recurrence(recurrence_id)

    def stop(self, recurrence_id: int) -> int:
        """Forget a recurrence and cancel its posts that wait; how many were cancelled."""
        return self._ctx.store.remove_recurrence(recurrence_id)

    def skip_or_move(self, recurrence_id: int, occurrence: str | datetime, to: str | datetime | None) -> Recurrence:
        """Move one occurrence to another time, or skip it (None). Raises NoOccurrence."""
        account = self._ctx.store.account(self._ctx.store.recurrence(recurrence_id).account_did)
        original = self._drafting.when(account, occurrence)
        moved_to = None if to is None else self._drafting.when(account, to)
        return Occurrences(self._ctx, self._drafting).change(recurrence_id, original, moved_to)
