"""Rows of an import, a command or a function: what each means, and the post that it becomes.

What does not live here: storing them (`features.tables`, `timers`), files of tables (`sources.table`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.occurrences import CheckedRecurrence, Occurrences, RecurrenceOptions
from skywrite.core.errors import InputError, Notice
from skywrite.posting.compose.draft import Draft, invalid_draft
from skywrite.posting.compose.fields import OPTIONS, RECURRENCE_OPTIONS, ROW_OPTIONS
from skywrite.posting.schedule.recurrence import read_exceptions
from skywrite.posting.schedule.tokens import DateOrder
from skywrite.queue.model import Account, NewPost

if TYPE_CHECKING:
    from skywrite.posting.schedule.slots import FreeSlots


@dataclass
class Batch:
    """What the rows of one import share: accounts, free slots, texts and minutes.

    `fixed`: the times that rows name; those without a time are planned around them. `dates`: the order of day and
    month.
    """

    accounts: dict[str | None, Account] = field(default_factory=dict)
    slots: dict[str, FreeSlots] = field(default_factory=dict)
    texts: dict[tuple[str, str], int] = field(default_factory=dict)
    minutes: dict[tuple[str, datetime], int] = field(default_factory=dict)
    queued: dict[str, set[datetime]] = field(default_factory=dict)
    fixed: dict[str, set[datetime]] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[int, Mapping[str, Any]]] = field(default_factory=dict)
    dates: DateOrder | None = None
    zone: str | None = None

    def claim_key(self, did: str, row: Mapping[str, Any], number: int) -> None:
        """Remember a row's own key. Raises InputError if an earlier row used it for something else."""
        key = row.get("key")
        if key is None:
            return
        first, earlier = self.keys.setdefault((did, str(key)), (number, row))
        if dict(earlier) != dict(row):
            raise InputError(
                f"Row {first} has the key {key!r} for another post.",
                code="post_key.reused",
                hint="Give each post its own key.",
            )

    def clashes(self, did: str, text: str, due_at: datetime | None, row: int) -> list[Notice]:
        """Warnings about earlier rows of the same text or the same minute."""
        warnings: list[Notice] = []
        first = self.texts.setdefault((did, text.strip()), row) if text else row
        if first != row:
            warnings.append(Notice("SameTextInRow", f"The same text is in row {first}.", first))
        minute = minute_of(due_at) if due_at else None
        first = self.minutes.setdefault((did, minute), row) if minute else row
        if first != row:
            warnings.append(Notice("SameMinuteInRow", f"Row {first} goes out in the same minute.", first))
        return warnings


class Rows:
    """Turns rows into posts that can be stored."""

    def __init__(self, ctx: Context, drafting: Drafting) -> None:
        self._ctx = ctx
        self._drafting = drafting

    def accept(
        self,
        row: Mapping[str, Any] | Draft,
        *,
        base: Path | None = None,
        account: str | None = None,
        batch: Batch | None = None,
        now: bool = False,
        dry_run: bool = False,
        key: str | None = None,
        source: str = "import",
    ) -> tuple[NewPost, tuple[Notice, ...]]:
        """Check a row and keep its media (unless `dry_run`).

        Returns its post, to be stored, and its warnings. Without `at` it takes the next free slot that no other row of
        the batch has, or is due at once (`now`). `key` and `account` are the defaults if the row names none.
        """
        batch = batch or Batch()
        fields: Mapping[str, Any] = {} if isinstance(row, Draft) else row
        _check_no_recurrence(fields)
        options = {name: _text_or_none(name, fields.get(name)) for name in OPTIONS}
        owner = self.owner(options["account"] or account, batch)
        if isinstance(row, Draft):
            draft = row
        else:
            draft = self._drafting.draft(owner, {name: value for name, value in row.items() if name not in ROW_OPTIONS})
        ready = self._drafting.prepare(draft, owner, base=base)
        due_at, notes = self._row_time(owner, options["at"], options["jitter"], batch, now, fields.get("draft"))
        if not dry_run:
            self._drafting.keep_media([ready])
        by_slot = options["at"] is None and due_at is not None and not (now or options["jitter"])
        key, late = options["key"] or key, options["late"]
        new = self._drafting.new_post(ready, due_at=due_at, key=key, late=late, source=source, exclusive_slot=by_slot)
        return new, (*notes, *ready.warnings)

    def accept_recurrence(
        self, row: Mapping[str, Any], *, base: Path | None, account: str | None, batch: Batch, source: str
    ) -> CheckedRecurrence:
        """Check a row with `every`: a recurrence, and the post of its first occurrence."""
        options = {name: _text_or_none(name, row.get(name)) for name in (*OPTIONS, "every", "until", "zone")}
        if row.get("key") is not None or row.get("draft"):
            raise invalid_draft("A recurrence has neither key nor draft: each of its posts is a new one.")
        # The cell of a table that has the column for other rows is empty.
        pool = None if row.get("pool") == "" else row.get("pool")
        exceptions = row.get("exceptions") or {}
        if not isinstance(pool, list | None) or not isinstance(exceptions, Mapping):
            raise invalid_draft("pool must be a list, and exceptions an object of times.")
        read_exceptions(exceptions)
        owner = self.owner(options["account"] or account, batch)
        recurring = RecurrenceOptions(
            str(options["every"]),
            options["at"],
            options["until"],
            pool,
            options["late"],
            options["jitter"],
            source,
            batch.zone if options["zone"] is None else options["zone"],
            exceptions,
            batch.dates,
            grammar=None if row.get("grammar") == "" else row.get("grammar"),
            distinct=None if row.get("distinct") == "" else row.get("distinct"),
        )
        draft = {name: value for name, value in row.items() if name not in ROW_OPTIONS}
        return Occurrences(self._ctx, self._drafting).accept(owner, draft, recurring, base)

    def owner(self, name: str | None, batch: Batch) -> Account:
        """The account with this handle, or the default one, looked up once for a batch."""
        if name not in batch.accounts:
            batch.accounts[name] = self._ctx.account(name)
        return batch.accounts[name]

    def _row_time(
        self, account: Account, at: Any, jitter: Any, batch: Batch, now: bool, draft: Any
    ) -> tuple[datetime | None, list[Notice]]:
        if draft not in (None, True, False):
            raise invalid_draft(f"draft must be true or false, not {draft!r}.", hint="Leave it out to give it a time.")
        if draft:
            if at is not None:
                raise invalid_draft("A draft has no time.", hint="Leave out either at or draft.")
            return None, []
        if at is None and not now and account.did not in batch.slots:
            batch.slots[account.did] = self._drafting.free_slots(account, also=batch.fixed.get(account.did, ()))
        slots = batch.slots.get(account.did)
        return self._drafting.when_with_notes(
            account, at or ("now" if now else None), jitter, slots=slots, zone=batch.zone, dates=batch.dates
        )


def _check_no_recurrence(fields: Mapping[str, Any]) -> None:
    """Raise InputError for fields that only a recurrence may have."""
    for name in RECURRENCE_OPTIONS:
        if fields.get(name):
            hint = "Make a recurrence of it with every." if name != "every" else "Import makes recurrences."
            raise invalid_draft(f"{name} does not go with a single post.", hint=hint)


def minute_of(at: datetime) -> datetime:
    """The minute that a time is in."""
    return at.replace(second=0, microsecond=0)


def _text_or_none(name: str, value: Any) -> Any:
    if value is None or isinstance(value, str | datetime):
        return value
    raise invalid_draft(f"{name} must be text, not {type(value).__name__}.", hint="Put it into quotation marks.")
