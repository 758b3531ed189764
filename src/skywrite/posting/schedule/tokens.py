"""The parts of a written time, one small type for each. Pure data.

What does not live here: finding them in a text (`scanner`), and what they mean together (`meaning`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal, NamedTuple

DateOrder = Literal["dmy", "mdy", "ymd"]
PartName = Literal["morning", "afternoon", "evening", "night"]


@dataclass(frozen=True, slots=True)
class CalendarDate:
    """A calendar date; without a year, the next such day."""

    year: int | None
    month: int
    day: int


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day. `twelve`: an hour up to 12 may still be one of the 12-hour clock."""

    hour: int
    minute: int = 0
    second: int = 0
    microsecond: int = 0
    twelve: bool = False
    form: Literal["plain", "iso", "letter", "midnight"] = "plain"


@dataclass(frozen=True, slots=True)
class Weekday:
    """A day of the week, 0 for Monday."""

    number: int


@dataclass(frozen=True, slots=True)
class RelativeDay:
    """Today (0), tomorrow (1), and so on; with `part` if the word says that too, as "tonight" does."""

    days: int
    part: PartName | None = None


@dataclass(frozen=True, slots=True)
class PartOfDay:
    """Morning, afternoon, evening or night."""

    name: PartName


@dataclass(frozen=True, slots=True)
class Next:
    """`next`, before or after a day of the week."""


@dataclass(frozen=True, slots=True)
class NextWeek:
    """`next week`, with a day of the week."""


@dataclass(frozen=True, slots=True)
class Now:
    """`now`."""


@dataclass(frozen=True, slots=True)
class Year:
    """A year that is separate from its month."""

    number: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number whose meaning depends on what is next to it."""

    value: int


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone: IANA name or offset."""

    zone: tzinfo
    is_offset: bool


@dataclass(frozen=True, slots=True)
class ZoneName:
    """What a program prints next to an offset: `CET`, `(Eastern Standard Time)`. `offsets` in minutes, if known."""

    name: str
    offsets: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time from now."""

    seconds: float = 0
    days: int = 0
    months: int = 0


@dataclass(frozen=True, slots=True)
class Instant:
    """A complete time in UTC: Unix time."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Filler:
    """A word such as "at" that means nothing by itself and must precede one of these.

    `which` says which day of the week, or part of the day, is meant: `this` one, or the `coming` one.
    """

    before: frozenset[type]
    which: Literal["", "this", "coming"] = ""


@dataclass(frozen=True, slots=True)
class Ignored:
    """What a program appends, but does not change the time: Go's monotonic clock reading."""


Value = (
    CalendarDate
    | Clock
    | Weekday
    | RelativeDay
    | PartOfDay
    | Next
    | NextWeek
    | Now
    | Year
    | Number
    | Zone
    | ZoneName
    | Span
    | Instant
    | Filler
    | Ignored
)


class Token(NamedTuple):
    """A part of a text and its meaning."""

    text: str
    value: Value


class Found(NamedTuple):
    """What a reader found: the tokens, and where the text continues."""

    end: int
    tokens: tuple[Token, ...]


def found(text: str, start: int, end: int, *values: Value) -> Found:
    """What `text[start:end]` means, as a result of a reader."""
    piece = text[start:end].strip(" ,")
    return Found(end, tuple(Token(piece, value) for value in values))


def rewritten(tokens: Sequence[Token], changes: Mapping[int, str]) -> str:
    """The text of all tokens, with some of them written otherwise. Those with an empty text are left out."""
    return " ".join(piece for place, token in enumerate(tokens) if (piece := changes.get(place, token.text)))
