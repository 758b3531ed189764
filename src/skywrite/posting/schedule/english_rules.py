"""English rules, such as "every weekday 9:00" or "mon,fri 18:30", as RRULEs. Pure.

What lives here: the grammar. A text has words for the days, then times of day; or it is "every N hours" (or minutes),
or "every N days" (or weeks or months), which count from the given start.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import groupby
from zoneinfo import ZoneInfo

from skywrite.core.digits import whole_number
from skywrite.posting.schedule.rrule import RRule
from skywrite.posting.schedule.rrule_text import parse_rrule
from skywrite.posting.schedule.series import UnknownRule
from skywrite.posting.schedule.time_errors import swapped
from skywrite.posting.schedule.words import MONTH_FULL, WEEKDAY_FULL, WEEKDAY_NAMES, clock_minutes, month_of, weekday_of

_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_ORDINALS = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "last": -1}
_UNITS = {
    **dict.fromkeys(("seconds", "secs", "sec"), "SECONDLY"),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), "MINUTELY"),
    **dict.fromkeys(("hour", "hours"), "HOURLY"),
    **dict.fromkeys(("day", "days"), "DAILY"),
    **dict.fromkeys(("week", "weeks"), "WEEKLY"),
    **dict.fromkeys(("month", "months"), "MONTHLY"),
    **dict.fromkeys(("year", "years"), "YEARLY"),
}
_SHORT = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ADVERBS = {"hourly": "HOURLY", "daily": "DAILY", "weekly": "WEEKLY", "monthly": "MONTHLY", "yearly": "YEARLY"}
_GROUPS = {"weekday": range(5), "weekdays": range(5), "weekend": range(5, 7), "weekends": range(5, 7)}
_EITHER = re.compile(r"\bevery +(?:second|third|fourth|2nd|3rd|4th)\b")
_EVERY_NTH_DAY = re.compile(r"\bevery +(?:second|third|fourth|2nd|3rd|4th) +day\b")
_WORDS = (
    *("every", "each", "other", "through", "noon", "midnight"),
    *(*WEEKDAY_NAMES, *(name.lower() for name in WEEKDAY_FULL), *(name.lower() for name in MONTH_FULL)),
    *(*_ORDINALS, *_UNITS, *_ADVERBS, *_GROUPS),
)
_RANGE = re.compile(r"\b([a-z]+)\s+(?:to|through|thru|until|till)\s+([a-z]+)\b")
_NOISE = frozenset(("at", "on", "the", "and", "of", "each", "every"))


@dataclass(frozen=True, slots=True)
class MergedSeries:
    """Several RRULEs as one series, one for each time of day."""

    rules: tuple[RRule, ...]

    @property
    def flows(self) -> bool:
        """False: only rules of days and longer are merged."""
        return self.rules[0].flows

    @property
    def in_gap(self) -> str:
        """As an RRULE."""
        return self.rules[0].in_gap

    @property
    def is_counted(self) -> bool:
        """False: English rules have no COUNT."""
        return False

    def after(self, local: datetime) -> Iterator[datetime]:
        """The naive local times after `local`, in order."""
        return (at for at, _ in groupby(merge(*(rule.after(local) for rule in self.rules))))


@dataclass(slots=True)
class _Said:
    """What the words of a rule have said so far."""

    freq: str = ""
    interval: int = 1
    weekdays: tuple[int, ...] = ()
    ordinal: int | None = None
    number: int | None = None
    month: int | None = None
    is_working_day: bool = False


def parse_english_rule(text: str, zone: ZoneInfo, start: datetime | None) -> MergedSeries:
    """Read an English rule; `start` is a naive local time. Raises UnknownRule, InputError."""
    words = _words(text)
    _check_one_clause(words, text)
    minutes = [minute for word in words if (minute := clock_minutes(word)) is not None]
    terms = _said([word for word in words if clock_minutes(word) is None], text)
    base = _rrule(terms, text)
    if terms.freq in ("HOURLY", "MINUTELY") and minutes:
        raise _unknown(text)
    times = [f";BYHOUR={minute // 60};BYMINUTE={minute % 60}" for minute in sorted(set(minutes))] or [""]
    if times == [""] and terms.freq not in ("SECONDLY", "MINUTELY", "HOURLY") and start is None:
        raise UnknownRule(f"The rule {text!r} has no time of day.", readings=[f"{text} 9:00"], lead="Add one:")
    return MergedSeries(tuple(parse_rrule(base + clock, zone, start)[0] for clock in times))


def _words(text: str) -> list[str]:
    lower = text.lower()
    if _EVERY_NTH_DAY.search(lower) or (_EITHER.search(lower) and "month" not in lower):
        raise _either(text, lower)
    spaced = _RANGE.sub(r"\1-\2", re.sub(r"(\d) ([ap]m)\b", r"\1\2", " ".join(lower.split())))
    return [word for word in re.sub(r" ?- ?", "-", spaced).replace(",", " ").split() if word not in _NOISE]


def _check_one_clause(words: list[str], text: str) -> None:
    """Refuse "mon 9:00 and fri 17:00": in a rule, all days have all times, which is not what this says."""
    kinds = "".join("t" if clock_minutes(word) is not None else "d" if _weekdays(word) else "" for word in words)
    if re.search("dt+d", kinds):
        raise UnknownRule(
            f"The rule {text!r} has different times for different days.",
            hint='Make a recurrence for each, such as "mon,wed 9:00" and "fri 17:00".',
        )


def _said(words: list[str], text: str) -> _Said:
    terms = _Said()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        unit = _UNITS.get(rest[0]) if rest else None
        number = whole_number(word)
        if word == "other" and rest and (unit or weekday_of(rest[0]) is not None):
            terms.interval = 2
        elif number is not None and unit:
            terms.interval = number
        elif word in _ORDINALS and rest[:1] == ["day"] and terms.number is None:
            terms.number = _ORDINALS[word]
            rest.pop(0)
        elif word in _ORDINALS and rest[:1] == ["weekday"] and terms.ordinal is None:
            terms.ordinal, terms.is_working_day = _ORDINALS[word], True
        elif not _take(terms, word):
            raise _unknown(text)
    if not terms.freq:
        terms.freq = "MONTHLY" if terms.ordinal is not None and terms.weekdays else "WEEKLY"
        if terms.month is not None:
            terms.freq = "YEARLY"
    return terms


def _take(terms: _Said, word: str) -> bool:
    """Add one word to what was said; False if it is unknown or a repetition."""
    freq = _UNITS.get(word) or _ADVERBS.get(word)
    if freq:
        earlier, terms.freq = terms.freq, freq
        return not earlier
    month = month_of(word)
    if month is not None:
        given_month, terms.month = terms.month, month
        return given_month is None
    days = _weekdays(word)
    if days:
        terms.weekdays = (*terms.weekdays, *days)
        return True
    if word in _ORDINALS and terms.ordinal is None:
        terms.ordinal = _ORDINALS[word]
        return True
    match = re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th|\.)?", word, re.ASCII)
    if match and terms.number is None:
        terms.number = int(match[1])
        return True
    return False


def _weekdays(word: str) -> tuple[int, ...]:
    if word in _GROUPS:
        return tuple(_GROUPS[word])
    first, dash, last = word.partition("-")
    begin = weekday_of(first) if weekday_of(first) is not None else weekday_of(first.removesuffix("s"))
    end = weekday_of(last) if dash else begin
    if begin is None or end is None:
        return ()
    return tuple((begin + step) % 7 for step in range((end - begin) % 7 + 1))


def _rrule(terms: _Said, text: str) -> str:
    """The RRULE for what was said, without its times of day."""
    rule = f"FREQ={terms.freq}" + (f";INTERVAL={terms.interval}" if terms.interval != 1 else "")
    by_day = ",".join(_CODES[day] for day in sorted(set(terms.weekdays)))
    ordinal = terms.ordinal
    if ordinal is not None and not by_day and terms.number is None:
        # "monthly last", "monthly 1st": a day of the month.
        terms.number, ordinal = ordinal, None
    allowed = {
        "WEEKLY": terms.month is None and ordinal is None and terms.number is None,
        "MONTHLY": terms.month is None and not (by_day and terms.number is not None),
        "YEARLY": (terms.month is None) == (terms.number is None) and not by_day,
    }
    bare = not by_day and terms.month is None and ordinal is None and terms.number is None
    if not allowed.get(terms.freq, bare) or (ordinal is not None) != (terms.freq == "MONTHLY" and bool(by_day)):
        raise _unknown(text)
    if terms.is_working_day and len(set(terms.weekdays)) == 5:
        rule += f";BYDAY={by_day};BYSETPOS={ordinal}"
    elif by_day and ordinal is not None and any(word in text.lower() for word in ("weekday", "weekend")):
        raise _unknown(text)
    elif by_day:
        rule += ";BYDAY=" + (by_day if ordinal is None else ",".join(f"{ordinal}{day}" for day in by_day.split(",")))
    if terms.month is not None:
        rule += f";BYMONTH={terms.month}"
    return rule + (f";BYMONTHDAY={terms.number}" if terms.number is not None else "")


def _unknown(text: str) -> UnknownRule:
    return UnknownRule(f"Skywrite does not understand the rule {text!r}.", readings=list(_respelled(text.lower())))


def _respelled(text: str) -> Iterator[str]:
    """The rule with a time of day or a misspelled word written as it can be read."""
    from difflib import get_close_matches

    from skywrite.posting.schedule.foreign_rules import in_english

    if translated := in_english(text) or in_english(f"{text} 9:00"):
        yield translated
    if short := re.fullmatch(r"(?:every )?(\d+) ?(m|h|d|w)", text):
        yield f"every {short[1]} {_SHORT[short[2]]}"
    yield re.sub(r"\b([01]?\d|2[0-3])\.([0-5]\d)\b", r"\1:\2", text)
    if hour := re.search(r"(?<![\d:.-])(?:[01]?\d|2[0-3])$", text):
        number = int(hour[0])
        for clock in dict.fromkeys((number, number % 12 + 12 if number <= 12 else number)):
            yield text[: hour.start()] + f"{clock}:00"
    for word in re.finditer(r"[^\W\d_]{3,}", text):
        day = None if word[0] in _WORDS else _foreign_weekday(word[0])
        if day is not None:
            yield swapped(text, *word.span(), WEEKDAY_FULL[day].lower())
            continue
        for near in get_close_matches(word[0], _WORDS, n=1, cutoff=0.75):
            yield swapped(text, *word.span(), near)


def _foreign_weekday(word: str) -> int | None:
    """0 for "lundi", and for "montags", which is each Monday."""
    from skywrite.posting.schedule.languages import weekdays
    from skywrite.posting.schedule.words import fold

    folded = fold(word)
    return weekdays().get(folded, weekdays().get(folded.removesuffix("s")))


def _either(text: str, lower: str) -> UnknownRule:
    """The error for "every second monday 9:00": every 2 weeks, or the second one of the month."""
    match = re.search(r"\bevery +(second|third|fourth|2nd|3rd|4th) +([a-z]+)", lower)
    readings: list[str] = []
    if match:
        day = "" if match[2] == "day" else match[2]
        weeks = f"every {_ORDINALS[match[1]]} {'weeks' if day else 'days'}"
        readings = [
            swapped(lower, *match.span(), f"{weeks} {day}"),
            swapped(lower, *match.span(), f"{match[1]} {match[2]} of the month"),
        ]
    return UnknownRule(
        f"The rule {text!r} could mean two things.",
        hint='Write "every 2 weeks" or "second monday of the month".',
        readings=readings,
    )
