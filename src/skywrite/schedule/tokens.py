"""The parts that a written time consists of, one small type for each. Pure data.

What does not live here: finding them in a text (`scanner`), and what they mean together (`meaning`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal, NamedTuple

DateOrder = Literal["dmy", "mdy", "ymd"]
PartName = Literal["morning", "afternoon", "evening", "night"]


@dataclass(frozen=True, slots=True)
class CalendarDate:
    """A day of the calendar; without a year the next such day is meant."""

    year: int | None
    month: int
    day: int


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day. `twelve`: nothing says yet whether the hour counts to 12 or to 24."""

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
    """Today (0), tomorrow (1), and so on; `part` where the word says it too, as "tonight" does."""

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
    """`next week`, beside a day of the week."""


@dataclass(frozen=True, slots=True)
class Now:
    """`now`."""


@dataclass(frozen=True, slots=True)
class Year:
    """A year that stands apart from its month."""

    number: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number whose part depends on what stands beside it."""

    value: int


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone: IANA name or offset."""

    zone: tzinfo
    is_offset: bool


@dataclass(frozen=True, slots=True)
class ZoneName:
    """What a program prints beside an offset: `CET`, `(Eastern Standard Time)`. `offsets` in minutes, if known."""

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
    """A time in UTC that is complete by itself: Unix time."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Filler:
    """A word such as "at" that means nothing by itself and goes before one of these."""

    before: frozenset[type]


@dataclass(frozen=True, slots=True)
class Ignored:
    """What a program appends that says nothing about the time: Go's monotonic clock reading."""


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
    """A part of a text and what it says."""

    text: str
    value: Value


class Found(NamedTuple):
    """What a reader found: the tokens, and where the text goes on."""

    end: int
    tokens: tuple[Token, ...]


def found(text: str, start: int, end: int, *values: Value) -> Found:
    """The parts that `text[start:end]` says."""
    piece = text[start:end].strip(" ,")
    return Found(end, tuple(Token(piece, value) for value in values))
