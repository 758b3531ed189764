"""Calendar dates as people and programs write them, with numbers and names of months in any order. Pure.

Two numbers that could be day and month are read only if one order makes sense, or the order is given. With dots the
day comes first, by convention. What does not live here: days of the week and "tomorrow" (`languages`).
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, timedelta

from skywrite.posting.schedule.clock_forms import END, ISO_TIME, make_clock
from skywrite.posting.schedule.languages import OF, months
from skywrite.posting.schedule.time_errors import AmbiguousTime, InvalidTime
from skywrite.posting.schedule.tokens import CalendarDate, DateOrder, Found, Token, found

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?![0-9])", re.ASCII)
_WEEK = re.compile(r"(\d{4})-?w(\d\d)-?([1-7])?(?![0-9])", re.ASCII)
_ORDINAL = re.compile(r"(\d{4})-(\d{3})(?![0-9])", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?![0-9])", re.ASCII)
_HHMM = re.compile(rf" (\d\d)(\d\d)(\d\d)?{END}(?![:.])", re.ASCII)
_NUMERIC = re.compile(
    rf"(\d{{1,4}})([./-])(?:(?<=\.) )?(\d{{1,2}})(?:(\2)(?: ?(\d{{4}})|(\d{{1,2}})(?![:.]\d))?)?{END}"
    r"(?:(?![:/])|:(?=\d\d:\d\d))",
    re.ASCII,
)
_EAST = re.compile(r"(?:(\d{4}) ?[年년] ?)?(\d{1,2}) ?[月월] ?(\d{1,2}) ?[日号일]", re.ASCII)
_NAME = r"([^\W\d_]{3,}(?:-[^\W\d_]+)?)\.?"
_ORDINAL_END = r"(?:st|nd|rd|th|er|\.|º|°|:e|o)?"
_OF = "|".join(sorted(OF))
_YEAR_TEXT = r"(?:19|2[01])\d\d"
_DAY_FIRST = re.compile(
    rf"(\d{{1,2}}){_ORDINAL_END}(?: (?:{_OF}) |[ /-]?){_NAME}"
    rf"(?:(?:,? | (?:{_OF}) )({_YEAR_TEXT}){END}(?!:)"
    rf"|[-/]({_YEAR_TEXT}|\d\d)(?::(?=\d\d:\d\d)|{END}(?!:))|{END}(?![:/]))"
)
_MONTH_FIRST = re.compile(
    rf"{_NAME}[ /-]?(\d{{1,2}})(?:st|nd|rd|th)?(?![:.]\d| ?[ap]\.?m|(?: ?(?:h|uhr|uur|o'clock)){END})"
    rf"(?:(?:,? |[-/])({_YEAR_TEXT}){END}(?!:))?{END}"
)
_YEAR_FIRST = re.compile(rf"(\d{{4}})[ /-]?{_NAME}[ /-]?(\d{{1,2}}){END}(?![:.]\d| ?[ap]m)")


def read_date(text: str, pos: int, order: DateOrder | None) -> Found | None:
    """Read a day at this position, with a time after the T of ISO 8601. Raises InvalidTime, AmbiguousTime."""
    if match := _WEEK.match(text, pos):
        return _with_time(text, match, _from_week(match))
    if match := _ISO.match(text, pos):
        return _with_time(text, match, _day(match[0], int(match[1]), int(match[2]), int(match[3])))
    if match := _ORDINAL.match(text, pos):
        return _with_time(text, match, _from_day_of_year(match))
    if match := _COMPACT.match(text, pos):
        return _with_time(text, match, _day(match[0], int(match[1]), int(match[2]), int(match[3])))
    if match := _EAST.match(text, pos):
        return found(text, pos, match.end(), _day(match[0], match[1] and int(match[1]), int(match[2]), int(match[3])))
    return _read_named(text, pos, order) or _read_numeric(text, pos, order)


def _with_time(text: str, match: re.Match[str], day: CalendarDate) -> Found | None:
    """The day, with its time of day after a T, or without colons after a space."""
    end = match.end()
    token = Token(match[0], day)
    clock = ISO_TIME.match(text, end + 1) if text[end : end + 1] == "t" else None
    if clock:
        hour, minute, second, fraction = clock.groups()[:4] if clock[1] else clock.groups()[4:]
        value = make_clock(clock[0], hour, minute, second, fraction, is_iso=True)
        return Found(clock.end(), (token, Token(clock[0], value)))
    if bare := _HHMM.match(text, end):
        value = make_clock(bare[0].strip(), bare[1], bare[2], bare[3], is_iso=True)
        return Found(bare.end(), (token, Token(bare[0].strip(), value)))
    return Found(end, (token,)) if re.compile(END).match(text, end) else None


def _from_week(match: re.Match[str]) -> CalendarDate:
    if match[3] is None:
        raise InvalidTime(
            f"The week {match[0].upper()!r} has no day.", hint=f"Add one: {match[0].upper()}-1 is Monday."
        )
    try:
        day = date.fromisocalendar(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise InvalidTime(f"There is no week {match[2]} in {match[1]}.") from None
    return CalendarDate(day.year, day.month, day.day)


def _from_day_of_year(match: re.Match[str]) -> CalendarDate:
    try:
        day = date(int(match[1]), 1, 1) + timedelta(days=int(match[2]) - 1)
    except (ValueError, OverflowError):
        day = None
    if day is None or day.year != int(match[1]):
        raise InvalidTime(f"There is no day {match[2]} in {match[1]}.")
    return CalendarDate(day.year, day.month, day.day)


def _day(piece: str, year: int | str | None, month: int, day: int) -> CalendarDate:
    """A day that exists, in some year if none is given. Raises InvalidTime."""
    number = None if year is None else int(year)
    if not 1 <= month <= 12:
        raise InvalidTime(f"The date {piece!r} has the month {month}, which does not exist.")
    try:
        date(number if number is not None else 2024, month, day)
    except ValueError:
        raise InvalidTime(f"The date {piece!r} is not in the calendar.") from None
    return CalendarDate(number, month, day)


def _read_named(text: str, pos: int, order: DateOrder | None) -> Found | None:
    if (match := _YEAR_FIRST.match(text, pos)) and match[2] in months():
        return found(text, pos, match.end(), _day(match[0], match[1], months()[match[2]], int(match[3])))
    if (match := _DAY_FIRST.match(text, pos)) and match[2] in months():
        year = match[3] or match[4]
        if year and len(year) == 2:
            if order is None:
                shown = [f"{match[1]} {match[2]} 20{year}", f"{year} {match[2]} 20{match[1].zfill(2)}"]
                raise _ambiguous(text, match, "its year has two digits", shown)
            year = f"20{year}"
        return found(text, pos, match.end(), _day(match[0], year, months()[match[2]], int(match[1])))
    if (match := _MONTH_FIRST.match(text, pos)) and match[1] in months():
        return found(text, pos, match.end(), _day(match[0], match[3], months()[match[1]], int(match[2])))
    return None


def _read_numeric(text: str, pos: int, order: DateOrder | None) -> Found | None:
    """`24.12.`, `24.12.2026`, `12/24/2026`, `2026/12/24`, `24-12-2026`."""
    match = _NUMERIC.match(text, pos)
    if match is None:
        return None
    first, mark, second, closed, *years = match.groups()
    third = years[0] or years[1]
    piece = match[0].strip()
    if third is not None and len(third) == 1 and len(first) != 4:
        return None
    if len(first) == 3 or (closed and third is None and mark != "."):
        return None
    if len(first) == 4:
        if third is None or len(third) == 4:
            return None
        return found(text, pos, match.end(), _day(piece, first, int(second), int(third)))
    if third is None and not closed and mark in "-.":
        return None
    if third is not None and len(third) == 2:
        return found(text, pos, match.end(), _short_year(text, match, third, order))
    ordered = _ordered(int(first), int(second), "dmy" if mark == "." else order)
    if ordered is None:
        shown = [_spell(int(first), int(second), third), _spell(int(second), int(first), third)]
        raise _ambiguous(text, match, "the day or the month may come first", shown)
    return found(text, pos, match.end(), _day(piece, third, ordered[1], ordered[0]))


def _ordered(first: int, second: int, order: str | None) -> tuple[int, int] | None:
    """The day and the month of two numbers; None if either could be either."""
    if order == "dmy" or (order != "mdy" and (first > 12 or first == second)):
        return first, second
    if order == "mdy" or second > 12:
        return second, first
    return None


def _ambiguous(text: str, match: re.Match[str], why: str, readings: list[str]) -> AmbiguousTime:
    """The error for an ambiguous date, showing how to write the whole text instead."""
    head, tail = text[: match.start()], text[match.start() + len(match[0].strip()) :]
    return AmbiguousTime(text, why, [head + reading + tail for reading in readings], is_of_order=True)


def _spell(day: int, month: int, year: str | None) -> str:
    if year:
        return f"{year}-{month:02d}-{day:02d}"
    return f"{day} {_SHORT[month - 1]}"


_SHORT = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _short_year(text: str, match: re.Match[str], year_or_day: str, order: DateOrder | None) -> CalendarDate:
    """A date of three two-digit numbers, if only one order gives a day, or the order is known."""
    first, second, third = int(match[1]), int(match[3]), int(year_or_day)
    orders = {"dmy": (third, second, first), "mdy": (third, first, second), "ymd": (first, second, third)}
    if order:
        return _day(match[0].strip(), *_full_year(orders[order]))
    days = set()
    for year, month, day in orders.values():
        with suppress(ValueError):
            days.add(date(2000 + year, month, day))
    if len(days) == 1:
        only = days.pop()
        return CalendarDate(only.year, only.month, only.day)
    if not days:
        raise InvalidTime(f"The date {match[0].strip()!r} is not in the calendar.")
    shown = [day.isoformat() for day in sorted(days, reverse=True)]
    raise _ambiguous(text, match, "its year has two digits", shown)


def _full_year(numbers: tuple[int, int, int]) -> tuple[int, int, int]:
    return 2000 + numbers[0], numbers[1], numbers[2]
