"""Recurrences, as users see them: posts that repeat.

What does not live here: making one (`posts`), and the posts that it makes (`occurrences`).
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.nouns import checked, final
from skywrite.app.occurrences import Occurrences, RecurrenceOptions, occurrences_after
from skywrite.app.reports import RecurrenceStatus
from skywrite.core.errors import Conflict, Do, Hint, InputError, Notice, SkywriteError
from skywrite.posting.schedule.policy import late_text
from skywrite.queue.model import Recurrence

POOL_ARGUMENT = Do("argument", "pool")


@checked("recurrences")
class Recurrences:
    """The recurrences of a queue."""

    def __init__(self, ctx: Context, drafting: Drafting) -> None:
        self._ctx = ctx
        self._drafting = drafting

    def list(self, account: str | None = None) -> builtins.list[Recurrence]:
        """All recurrences, or those of an account."""
        return self._ctx.store.recurrences.all(self._ctx.did(account))

    def get(self, recurrence_id: int) -> Recurrence:
        """One recurrence. Raises NotFound."""
        return self._ctx.store.recurrences.get(recurrence_id)

    def edit(
        self,
        recurrence_id: int,
        *,
        every: str | None = None,
        until: str | datetime | None = None,
        late: str | None = None,
        jitter: str | None = None,
        zone: str | None = None,
        pool: Sequence[Any] | None = None,
        grammar: Path | str | Mapping[str, Any] | None = None,
        distinct: int | None = None,
        base: Path | None = None,
        **changes: Any,
    ) -> tuple[Recurrence, tuple[Notice, ...]]:
        """Change a recurrence and all its future posts; what is not given stays.

        `changes` are fields of a draft. The waiting post is made again. Raises InputError, and Conflict if the
        recurrence has ended.
        """
        from skywrite.app.drafting import edited_row

        old = self.get(recurrence_id)
        if old.state != "active":
            raise Conflict(f"Recurrence {old.id} has {old.state}.", code="post.wrong_state", hint="Make another one.")
        if old.pool and changes and pool is None and grammar is None:
            raise InputError(
                f"Recurrence {old.id} takes its texts from a pool.", hint=Hint("Give another pool: ", POOL_ARGUMENT)
            )
        kept = [item["draft"] for item in old.pool] or None
        drafts = kept if pool is None and grammar is None else pool
        options = RecurrenceOptions(
            every=old.rule if every is None else every,
            at=old.starts_at,
            until=old.until if until is None else until,
            pool=drafts,
            late=late_text(old.late_policy, old.late_seconds) if late is None else late,
            jitter=f"{old.jitter_seconds}s" if jitter is None else jitter,
            source=old.source,
            zone=old.zone if zone is None else zone,
            exceptions=old.exceptions,
            grammar=grammar,
            distinct=distinct,
        )
        row = {} if drafts is not None or grammar is not None else edited_row(old, changes)
        return Occurrences(self._ctx, self._drafting).edit(old, row, options, base)

    def next_times(self, recurrence: Recurrence, count: int = 5) -> builtins.list[datetime]:
        """The next times of a recurrence: without skipped occurrences, and with moved ones at their new time."""
        occurrences = islice(occurrences_after(recurrence, self._ctx.clock.now()), count)
        return sorted(occurrence.at for occurrence in occurrences)

    def status(self, recurrence: Recurrence) -> RecurrenceStatus:
        """A recurrence with its account and its next times; none of a rule that can no longer be read."""
        times: builtins.list[datetime] = []
        with suppress(SkywriteError):
            times = self.next_times(recurrence)
        return RecurrenceStatus(recurrence, self._ctx.store.accounts.get(recurrence.account_did).handle, times)

    def stop(self, recurrence_id: int) -> int:
        """Remove a recurrence and cancel its waiting posts. Returns how many were cancelled."""
        return self._ctx.store.recurrences.remove(recurrence_id)

    @final(
        "a change of one time of recurrence {recurrence_id}",
        "See what comes: ",
        Do("recurrences.get", "{recurrence_id}"),
    )
    def skip_or_move(self, recurrence_id: int, occurrence: str | datetime, to: str | datetime | None) -> Recurrence:
        """Move one occurrence to another time, or skip it (None). Raises InputError."""
        account = self._ctx.store.accounts.get(self._ctx.store.recurrences.get(recurrence_id).account_did)
        original = self._drafting.when(account, occurrence)
        moved_to = None if to is None else self._drafting.when(account, to)
        return Occurrences(self._ctx, self._drafting).change(recurrence_id, original, moved_to)
