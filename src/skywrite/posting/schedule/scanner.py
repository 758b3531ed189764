"""Split a written time into its parts, so that every character belongs to one. Pure.

What lives here: the order in which the readers try, the words of dates, and the errors for a piece that no reader
knows. What does not: what the parts mean together (`meaning`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache

from skywrite.posting.schedule.clock_forms import END, make_clock, read_clock
from skywrite.posting.schedule.date_forms import read_date
from skywrite.posting.schedule.languages import WORDS_MAX, months, numbers, phrases, tongues, weekdays
from skywrite.posting.schedule.span_forms import read_span, units
from skywrite.posting.schedule.time_errors import EXAMPLES, AmbiguousTime, InvalidTime, swapped
from skywrite.posting.schedule.tokens import (
    DateOrder,
    Found,
    Ignored,
    Instant,
    Number,
    Token,
    Year,
    found,
)
from skywrite.posting.schedule.vocabulary import BEFORE_OR_AFTER
from skywrite.posting.schedule.zone_forms import read_zone, suggest_zone

_UNIX = re.compile(r"@?(\d{10})(?:[.,](\d+))?|@?(\d{13})", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", re.ASCII)
_WORD = re.compile(r"'?[^\W\d_]+(?:['-][^\W\d_]+)*'?|@")
_NUMBER = re.compile(rf"(\d{{1,2}}){END}(?![:.,]\d)", re.ASCII)
_YEAR = re.compile(rf"((?:19|2[01])\d\d){END}(?![:.,]\d)", re.ASCII)
_MONOTONIC = re.compile(r"m=[+-]\d+\.\d+$", re.ASCII)
_EAST = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+")
_SEPARATORS = re.compile(r"[ ,]+")
_AGAIN = re.compile(r"every|each|daily|weekly|monthly|hourly|weekdays|weekends|jeden|chaque|cada|ogni|elke")
_NTH = re.compile(r"\b(?:first|last|second|third|fourth) [a-z]+ of\b")
_DAYS = re.compile(r"\b([a-z]{2,})(?: (?:to|through) | ?- ?)([a-z]{2,})")
# They have another date each year.
_MOVABLE = re.compile(r"\b(?:easter|good friday|thanksgiving|ostern|ramadan)\b")
# "Friday week" is a week after Friday, where people say so.
_WEEKS_LATER = re.compile(
    r"\b(?:[a-z]+day|tomorrow) (?:week|fortnight)\b|\b(?:(?:a|one|two|\d) )?(?:weeks?|fortnight) (?:on|from) [a-z]+"
)
_RANGE_END = re.compile(r"(?: (?:to|through) | ?- ?)[a-z]{3,}")
_AT_WHICH_HOUR = "Say at which hour, such as"
_DATE = "Write the date, such as"
# What does not say when; and how to write it: with which words, and at which hour where the text has none.
_HELP = (
    (r"eod", "Say at which hour the day ends, such as", "", "17:00"),
    (r"cob", "Say at which hour business closes, such as", "", "17:00"),
    (r"eow", "Say which day and hour, such as", "fri", "17:00"),
    (r"lunch(?:time)?", _AT_WHICH_HOUR, "", "12:30"),
    (r"soon", "Say when, such as", "in 10 minutes", ""),
    (r"later", "Say when, such as", "in 2 hours", ""),
    (r"(?:in )?a fortnight", "Write", "in 2 weeks", ""),
    (r"christmas eve|heiligabend", _DATE, "24 dec", "18:00"),
    (r"christmas(?: day)?|xmas|weihnachten", _DATE, "25 dec", "9:00"),
    (r"new year'?s eve|silvester", _DATE, "31 dec", "18:00"),
    (r"new year(?:'?s)?(?: day)?|neujahr", _DATE, "1 jan", "9:00"),
    (r"halloween", _DATE, "31 oct", "18:00"),
    (r"valentine'?s(?: day)?", _DATE, "14 feb", "9:00"),
    (rf"(?:{'|'.join(BEFORE_OR_AFTER.split())})(?![\w'-])", "Say one time, such as", "", "9:00"),
)


def scan(text: str, typed: str, order: DateOrder | None) -> list[Token]:
    """The parts of a folded text. Raises InvalidTime for an unknown piece, and AmbiguousTime."""
    whole = _read_whole(text, typed)
    if whole:
        return [whole]
    tokens: list[Token] = []
    pos = 0
    while pos < len(text):
        gap = _SEPARATORS.match(text, pos)
        if gap:
            pos = gap.end()
            continue
        read = _read_part(text, pos, order)
        if read is None:
            raise _unknown(text, pos, typed)
        tokens += read.tokens
        pos = read.end
    return tokens


def _read_part(text: str, pos: int, order: DateOrder | None) -> Found | None:
    return (
        read_span(text, pos)
        or read_date(text, pos, order)
        or read_clock(text, pos)
        or _read_words(text, pos)
        or read_zone(text, pos)
        or _read_number(text, pos)
    )


def _read_whole(text: str, typed: str) -> Token | None:
    """Read a text that is one number: Unix time, or a date and a time without separators."""
    if match := _COMPACT.fullmatch(text):
        year, month, day, *clock = match.groups()
        try:
            local = datetime(int(year), int(month), int(day))
        except ValueError:
            raise InvalidTime(f"The time {typed!r} is not in the calendar.") from None
        value = make_clock(text, *clock)
        local += timedelta(hours=value.hour, minutes=value.minute, seconds=value.second)
        return Token(text, Instant(local))
    match = _UNIX.fullmatch(text)
    if match is None:
        return None
    if match[3]:
        at = datetime.fromtimestamp(int(match[3]) // 1000, UTC) + timedelta(milliseconds=int(match[3]) % 1000)
        return Token(text, Instant(at))
    at = datetime.fromtimestamp(int(match[1]), UTC) + timedelta(microseconds=int((match[2] or "0")[:6].ljust(6, "0")))
    _check_no_date(match[1], typed, at)
    return Token(text, Instant(at))


def _check_no_date(digits: str, typed: str, at: datetime) -> None:
    """Refuse ten digits that could be a day and an hour as well as Unix time."""
    if not digits.startswith("20"):
        return
    try:
        other = datetime(int(digits[:4]), int(digits[4:6]), int(digits[6:8]), int(digits[8:]))
    except ValueError:
        return
    readings = [f"{other:%Y-%m-%d %H:%M}", f"{at:%Y-%m-%dT%H:%M:%SZ}"]
    raise AmbiguousTime(typed, "it may be Unix time, or a day and an hour", readings)


def _read_words(text: str, pos: int) -> Found | None:
    """Read the longest known phrase, of up to four words."""
    ends: list[int] = []
    end = pos
    while len(ends) < WORDS_MAX and (word := _WORD.match(text, end)):
        ends.append(word.end())
        end = word.end() + 1 if text[word.end() : word.end() + 1] == " " else len(text)
    for stop in reversed(ends):
        values = phrases().get(text[pos:stop])
        if values is not None:
            return found(text, pos, stop + (text[stop : stop + 1] == "."), *values)
    east = _EAST.match(text, pos)
    for stop in range(east.end(), pos, -1) if east else ():
        values = phrases().get(text[pos:stop])
        if values is not None:
            return found(text, pos, stop, *values)
    if match := _MONOTONIC.match(text, pos):
        return found(text, pos, match.end(), Ignored())
    return None


def _read_number(text: str, pos: int) -> Found | None:
    if match := _YEAR.match(text, pos):
        return found(text, pos, match.end(), Year(int(match[1])))
    match = _NUMBER.match(text, pos)
    return found(text, pos, match.end(), Number(int(match[1]))) if match else None


def _unknown(text: str, pos: int, typed: str) -> InvalidTime:
    """The error for a piece that no reader knows, with a hint that fits it."""
    match = _WORD.match(text, pos)
    piece = match[0] if match else re.compile(r"[^ ,]+").match(text, pos)[0]  # type: ignore[index]
    message = f"Skywrite does not understand {piece!r} in the time {typed!r}."
    if _AGAIN.fullmatch(piece) or _NTH.search(text) or _has_days(text):
        return InvalidTime(
            f"The time {typed!r} is a recurrence.",
            hint='Give one time, such as "mon 9:00", or make it a recurrence.',
            readings=[_RANGE_END.sub("", text) if _has_days(text) else swapped(text, pos, pos + len(piece), "")],
            lead="Make it a recurrence, or give one time, such as",
        )
    if re.match(r"in [-−]\d", text[pos:]):
        return InvalidTime(f"The time {typed!r} is in the past.", hint='Write a length such as "in 5 minutes".')
    if _MOVABLE.search(text):
        return InvalidTime(message, hint='Write the date, such as "24 dec 9:00".')
    if weeks := _WEEKS_LATER.search(text):
        what = f"The time {typed!r} counts weeks from a day: {weeks[0]!r}."
        return InvalidTime(what, readings=[swapped(text, *weeks.span(), "24 dec")], lead=_DATE)
    if _CRON.fullmatch(text):
        return InvalidTime(f"The time {typed!r} is a recurrence.", hint="Make it a recurrence, or give one time.")
    if help_ := _help(text, typed):
        return help_
    half = _HALF.match(text, pos)
    hour = (int(half[1]) if half[1].isdecimal() else numbers().get(half[1])) if half else None
    if half and hour and hour < 13:
        readings = [swapped(text, *half.span(), f"{clock}:30") for clock in (hour, hour - 1)]
        what = f"The time {typed!r} is not clear: {half[0]!r} may be half past, or half an hour before."
        return InvalidTime(what, readings=readings)
    if piece in months():
        return InvalidTime(
            f"The time {typed!r} has a month without a day.",
            hint='Write a day, such as "24 dec 9:00".',
            readings=[swapped(text, pos, pos + len(piece), f"24 {piece}")],
            lead="Write a day, such as",
        )
    dotted = re.compile(rf"(\d{{1,2}})\.(\d\d?){END}").match(text, pos)
    if dotted:
        return _dotted(text, dotted, typed)
    return InvalidTime(message, readings=list(_respelled(text, pos)), most=1, hint=_hint_of(piece))


def _has_days(text: str) -> bool:
    """Whether it says from which day of the week to which."""
    return any(days[1] in weekdays() and days[2] in weekdays() for days in _DAYS.finditer(text))


def _help(text: str, typed: str) -> InvalidTime | None:
    """The error for a word such as "lunch", which does not say when; None if the text has none of them."""
    for pattern, lead, instead, hour in _HELP:
        if word := re.compile(rf"\b(?:{pattern})\b").search(text):
            bare = swapped(text, *word.span(), instead)
            readings = [bare, swapped(text, *word.span(), f"{instead} {hour}"), f"today {hour}", f"tomorrow {hour}"]
            if not bare:
                readings = readings[2:]
            what = f"The time {typed!r} is not clear: {word[0]!r} does not say when."
            return InvalidTime(what, readings=readings, lead=lead, most=1)
    return None


# Nine o'clock or nine hours, in languages that have one word for both.
_HOUR_IN_WORDS = re.compile(r"([^\W\d_]+) (?:heures?|horas?|ore|uur|uhr)\b")
_HALF = re.compile(r"half (?!an? )(\w+)")
_CRON = re.compile(r"(?=.*\*)[\d*/,-]+(?: (?:[\d*/,-]+|[a-z]{3}(?:-[a-z]{3})?)){4}")
# Its letters are parts of words.
_EAST_ASIA = "\u2e80"


def _hint_of(piece: str) -> str:
    return 'Write a time of day like 9:00 or 9am, and a length like "in 2 hours".' if piece in numbers() else EXAMPLES


def _respelled(text: str, pos: int) -> Iterator[str]:
    """The text with a time of day, a city, a length or a misspelled word written as it can be read."""
    if digits := re.compile(rf"([01]\d|2[0-3])([0-5]\d){END}").match(text, pos):
        yield swapped(text, pos, digits.end(), f"{digits[1]}:{digits[2]}")
    if zone := suggest_zone(text[pos:].removesuffix(" time").replace(" ", "_")):
        yield swapped(text, pos, len(text), zone)
    if length := re.match(r"(?:now ?)?(?:\+ ?|plus )(\d.*)|p(?:t(\d+[hms])|(\d+d))$", text):
        yield f"in {length[1] or length[2] or length[3]}"
    if not (hour := _HOUR_IN_WORDS.match(text)) or hour[1] not in numbers():
        yield f"in {text}"
    unknown = (word for word in _WORD.finditer(text) if word[0] not in _known_words())
    if word := next(unknown, None):
        for near in _similar(word[0]):
            yield swapped(text, *word.span(), near)


@cache
def _known_words() -> dict[str, None]:
    return dict.fromkeys((*tongues(), *units(), *(word for phrase in phrases() for word in phrase.split()), "in"))


@lru_cache(maxsize=1000)
def _similar(word: str) -> list[str]:
    """The words of times that differ from this one by a letter or two.

    None that lacks a part of it: "übernächsten" is not "nächsten", and "下周五" not "周五".
    """
    from difflib import get_close_matches

    known = [near for near in _known_words() if near not in word or not _is_longer(word, near)]
    return get_close_matches(word, known, n=3, cutoff=0.75) if 2 < len(word) < 20 else []


def _is_longer(word: str, near: str) -> bool:
    """Whether a word is another one with more than a slip before or after it, in the same word."""
    slip = 0 if word >= _EAST_ASIA else 2
    before, _, after = word.partition(near)
    return len(before + after) > slip and (before[-1:].isalpha() or after[:1].isalpha())


def _dotted(text: str, match: re.Match[str], typed: str) -> InvalidTime:
    """`17.00` and `10.12`: a time of day, a day and a month, or either."""
    first, second = int(match[1]), int(match[2])
    readings = []
    if first < 24 and second < 60 and len(match[2]) == 2:
        readings.append(swapped(text, *match.span(), f"{first}:{second:02d}"))
    if _is_day(first, second):
        day = swapped(text, *match.span(), f"{first}.{second}.")
        readings += [day, f"{day} 9:00"]
    if len(readings) == 3:
        return AmbiguousTime(typed, f"{match[0]!r} may be a time of day or a date", readings)
    if not readings:
        return InvalidTime(f"The time {typed!r} is invalid: {match[0]!r} is neither a time of day nor a date.")
    return InvalidTime(f"The time {typed!r} has a dot in {match[0]!r}.", readings=readings)


def _is_day(day: int, month: int) -> bool:
    try:
        date(2024, month, day)
    except ValueError:
        return False
    return True
