"""Rows that cannot be read, because a column holds what Skywrite never writes there: a hand or a disk put it there.

What lives here: finding such columns, and reading the other rows as if these were not there. What does not: what a row
means (`rows` and the decoders of each noun), what a worker does about one (`claims`), how it is reported (`damaged`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, NamedTuple, TypeVar

from skywrite.core.errors import Do, Hint, SkywriteError
from skywrite.queue.database import Row, time_of

T = TypeVar("T")

UNREADABLE = "row.unreadable"
REPAIR = "Restore the last backup, or repair the row with the database's own tools. It is tried again within the hour."
# How long a row that cannot be read is left alone, unless something else makes its account ready again.
SET_ASIDE = timedelta(hours=1)
LONG_AGO = "2000-01-01T00:00:00+00:00"
FAR_AHEAD = "9998-01-01T00:00:00+00:00"
_BEYOND_YEAR_9999 = r"\d{5,}-\d\d-\d\d \d\d:"
# Counters grow by one, and no wait lasts 68 years. A larger number could not grow: in PostgreSQL, some have 32 bits.
COUNT_MAX = 2**31 - 2
_COUNTERS = ("version", "attempts", "lease_token", "tries", "failures", "position", "_seconds")
_TIMES = ("_at", "until", "occurrence", "_since", "minute")
_DOCUMENTS: Mapping[str, type] = {
    **dict.fromkeys(("settings", "draft", "prepared", "exceptions", "memory", "config", "data", "content"), dict),
    **dict.fromkeys(("pool", "labels", "texts", "scopes", "accounts", "kinds", "redirect_uris"), list),
}


class UnreadableRow(SkywriteError):
    """A row of the database holds something that Skywrite never writes. Nothing is done with what it describes."""

    code = "row.unreadable"

    def __init__(self, row: Unreadable) -> None:
        super().__init__(row.message, hint=row.repair)
        self.row = row


class Unreadable(NamedTuple):
    """A row that cannot be read: its table, its key, and the columns that are wrong, where that is known."""

    table: str
    key: str | int
    columns: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """What is wrong with it, in one sentence."""
        columns = f" ({', '.join(self.columns)})" if self.columns else ""
        return f"Its row cannot be read: {self.table} {self.key}{columns}."

    @property
    def repair(self) -> str:
        """What to do about it. Settings can be set again."""
        if (self.table, self.columns) == ("account", ("settings",)):
            return Hint("Reset its settings: ", Do("accounts.reset", self.key))
        return REPAIR


def json_of(text: str, kind: type[T]) -> T:
    """A JSON column, which must hold an object (`dict`) or an array (`list`)."""
    value = json.loads(text)
    if not isinstance(value, kind):
        raise ValueError(f"not a JSON {kind.__name__}")
    return value


def prepared_of(text: str) -> dict[str, Any]:
    """The column of what a post was prepared to: an object, whose `records` are objects."""
    fields = json_of(text, dict)
    records = fields.get("records", [])
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ValueError("records that are none")
    return fields


def object_with(text: str, *names: str) -> dict[str, Any]:
    """A JSON column that must hold an object with these names."""
    fields = json_of(text, dict)
    if missing := set(names) - fields.keys():
        raise ValueError(f"without {missing}")
    return fields


def count_of(value: int) -> int:
    """A counter, or a number of seconds."""
    if not 0 <= value <= COUNT_MAX:
        raise ValueError("not a number that was counted")
    return value


def seconds_of(value: int | None) -> int | None:
    """A number of seconds, where there is one."""
    return None if value is None else count_of(value)


def time_in(value: object) -> datetime | None:
    """The time in a setting; None for anything else."""
    try:
        return time_of(value) if isinstance(value, str) else None
    except ValueError:
        return None


def mended(row: Row) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The row with something harmless in each column that cannot be read, and the names of those columns.

    A time that cannot be read stays before or after all others, where the database sorts it.
    """
    whole, wrong = dict(row), []
    for name, value in whole.items():
        harmless = None if value is None else _harmless(name, value)
        if harmless is not None:
            whole[name] = harmless
            wrong.append(name)
    return whole, tuple(wrong)


def reads(table: str, key: str = "id") -> Callable[[Callable[[Row], T]], Callable[[Row], T]]:
    """Make a decoder of rows raise UnreadableRow for one that it cannot read."""

    def of(decode: Callable[[Row], T]) -> Callable[[Row], T]:
        @wraps(decode)
        def read(row: Row) -> T:
            try:
                return decode(row)
            except UnreadableRow:
                raise
            except Exception as error:
                raise UnreadableRow(unreadable(table, row, key)) from error

        return read

    return of


def unreadable(table: str, row: Row, key: str = "id") -> Unreadable:
    """What is known of a row that cannot be read."""
    return Unreadable(table, row[key], mended(row)[1])


def readable(rows: Iterable[Row], decode: Callable[[Row], T]) -> list[T]:
    """What can be read of these rows; the others are left out, and `doctor` reports them."""
    values = []
    for row in rows:
        try:
            values.append(decode(row))
        except UnreadableRow:
            continue
    return values


def _harmless(name: str, value: Any) -> object:
    """Something harmless instead of a column's value; None if nothing is wrong with it."""
    if name.endswith(_TIMES) and isinstance(value, str):
        return _other_time(value)
    if name.endswith(_COUNTERS) and isinstance(value, int) and not 0 <= value <= COUNT_MAX:
        return 0
    if name in _DOCUMENTS:
        try:
            prepared_of(value) if name == "prepared" else json_of(value, _DOCUMENTS[name])
        except ValueError:
            return "{}" if _DOCUMENTS[name] is dict else "[]"
    return None


def _other_time(value: str) -> str | None:
    try:
        time_of(value)
    except ValueError:
        return FAR_AHEAD if _is_late(value) else LONG_AGO
    return None


def _is_late(text: str) -> bool:
    """Whether the database sorts this behind the present: SQLite as text, PostgreSQL as a time."""
    return (text > "2" and not text.endswith("BC")) or re.match(_BEYOND_YEAR_9999, text) is not None
