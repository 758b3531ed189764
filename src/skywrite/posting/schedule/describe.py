"""Recurrences in plain English. Pure.

If not every month or year has a day, the text says so.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from skywrite.posting.schedule.cron import CronSeries, parse_cron
from skywrite.posting.schedule.english_rules import MergedSeries
from skywrite.posting.schedule.rrule import RRule
from skywrite.posting.schedule.series import NeverHappens, Series
from skywrite.posting.schedule.words import MONTH_FULL, WEEKDAY_FULL

_ALL_MONTHS = range(1, 13)
NO_LEAP_YEAR = datetime.min.year
_WHERE = "(where there is one)"
_WORKING_DAYS = tuple((0, weekday) for weekday in range(5))
_UNITS = {
    "YEARLY": "year",
    "MONTHLY": "month",
    "WEEKLY": "week",
    "DAILY": "day",
    "HOURLY": "hour",
    "MINUTELY": "minute",
}
_PLACES = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}


def describe_series(series: Series) -> str:
    """One sentence without its full stop: "Every week on Monday and Friday at 09:00"."""
    if isinstance(series, CronSeries):
        return _cron(series.expression)
    if isinstance(series, MergedSeries):
        times = sorted({time for rule in series.rules for time in _times(rule)})
        return _sentence(series.rules[0], times)
    assert isinstance(series, RRule)
    return _sentence(series, _times(series))


def _cron(expression: str) -> str:
    """Describe a cron expression. With days of the month and of the week, either is enough."""
    minute, hour, day, month, weekday = expression.split()
    if not (day.startswith("*") or weekday.startswith("*")):
        second = f"{minute} {hour} * {month} {weekday}"
        try:
            first = _cron(parse_cron(f"{minute} {hour} {day} {month} *").expression)
        except NeverHappens:
            return _explained(second)
        return f"{first}, and also on {_explained(second).partition(' on ')[2]}"
    text = _explained(expression)
    months = [number for number in _ALL_MONTHS if _has_month(month, number)]
    days = [int(number) for number in day.split(",")] if re.fullmatch(r"[\d,]+", day) else []
    return f"{text} {_WHERE}" if _is_missing(days, months) else text


def _explained(expression: str) -> str:
    """What cronsim says, with "31st" instead of its "31th", and articles."""
    from cronsim import CronSim

    text = CronSim(expression, datetime.min).explain()
    text = text.replace("day of month", "day of the month")
    return re.sub(r"\b(\d+)th\b", lambda number: _th(int(number[1])), text)


_MONTH_NAMES = tuple(name[:3].lower() for name in MONTH_FULL)


def _has_month(field: str, number: int) -> bool:
    """Whether the fourth field of a cron expression names a month."""
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        is_open = first == "*" or (step and not dash)
        begin = 1 if first == "*" else _month(first)
        end = _month(last) if dash else number if is_open else begin
        if begin <= number <= end and (number - begin) % int(step or 1) == 0:
            return True
    return False


def _month(text: str) -> int:
    return _MONTH_NAMES.index(text) + 1 if text in _MONTH_NAMES else int(text)


def _is_missing(days: Iterable[int], months: Iterable[int]) -> bool:
    """Whether some month, in some year, lacks one of the days."""
    shortest = [calendar.monthrange(NO_LEAP_YEAR, month)[1] for month in months]
    return any(day > length for day in days for length in shortest)


def _sentence(rule: RRule, times: Sequence[str]) -> str:
    unit = _UNITS[rule.freq]
    phrases = [f"Every {unit}" if rule.interval == 1 else f"Every {rule.interval} {unit}s"]
    phrases.extend(_on_days(rule))
    if rule.byweekno:
        phrases.append(f"in {_and([_week(number) for number in rule.byweekno])}")
    if rule.bymonth:
        phrases.append(f"in {_and([MONTH_FULL[month - 1] for month in rule.bymonth])}")
    if _leaves_out(rule):
        phrases.append(_WHERE)
    if rule.flows:
        phrases.extend(_parts_of_hours(rule))
    elif times:
        phrases.append(f"at {_and(times)}")
    if rule.bysetpos and rule.byday != _WORKING_DAYS:
        phrases.append(f"(only the {_and([_place(place) for place in rule.bysetpos])} of these)")
    if rule.count:
        phrases.append("once" if rule.count == 1 else f"{rule.count} times in all")
    if rule.until:
        phrases.append(f"until {rule.until:%Y-%m-%d %H:%M}")
    return " ".join(phrases)


def _on_days(rule: RRule) -> list[str]:
    """The days of the week, and those of the month or year. If both are given, a day must match both."""
    counted = [_counted(number, "day") for number in rule.bymonthday]
    counted += [_counted(number, "day of the year") for number in rule.byyearday]
    if rule.byday == _WORKING_DAYS and rule.bysetpos and not counted:
        return [f"on the {_and([_place(place) for place in rule.bysetpos])} weekday (Monday to Friday)"]
    only = "only on" if rule.freq in ("DAILY", "HOURLY", "MINUTELY") else "on"
    phrases = [f"{only} {_days(rule.byday)}"] if rule.byday else []
    if counted:
        phrases.append(f"if it is also {_and(counted, 'or')}" if rule.byday else f"{only} {_and(counted)}")
    return phrases


def _leaves_out(rule: RRule) -> bool:
    """Whether some of its months or years lack what it names."""
    return (
        _is_missing([abs(number) for number in rule.bymonthday], rule.bymonth or _ALL_MONTHS)
        or any(abs(number) == 366 for number in rule.byyearday)
        or any(abs(number) == 53 for number in rule.byweekno)
        or any(abs(ordinal) == (53 if rule.freq == "YEARLY" and not rule.bymonth else 5) for ordinal, _ in rule.byday)
    )


def _week(number: int) -> str:
    if number > 0:
        return f"week {number}"
    return f"the {_place(number)} week of the year"


def _parts_of_hours(rule: RRule) -> list[str]:
    phrases = []
    if rule.byhour:
        phrases.append(f"in the hour of {_and([f'{hour}:00' for hour in rule.byhour])}")
    if rule.byminute and not (rule.freq == "HOURLY" and rule.byminute == (0,)):
        phrases.append(f"at minute {_and([str(minute) for minute in rule.byminute])}")
    if rule.start.second:
        phrases.append(f"at second {rule.start.second}")
    return phrases


def _times(rule: RRule) -> list[str]:
    second = f":{rule.start.second:02d}" if rule.start.second else ""
    return [f"{hour:02d}:{minute:02d}{second}" for hour in rule.byhour for minute in rule.byminute]


def _days(byday: Sequence[tuple[int, int]]) -> str:
    if byday == _WORKING_DAYS:
        return "Monday to Friday"
    return _and([_day(*wanted) for wanted in byday])


def _day(ordinal: int, weekday: int) -> str:
    return f"the {_place(ordinal)} {WEEKDAY_FULL[weekday]}" if ordinal else WEEKDAY_FULL[weekday]


def _counted(number: int, what: str) -> str:
    return f"{what} {number}" if number > 0 else f"the {_place(number)} {what}"


def _place(number: int) -> str:
    if number in _PLACES:
        return _PLACES[number]
    return f"{_th(number)}" if number > 0 else f"{_th(-number)} last"


def _th(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _and(parts: Sequence[str], word: str = "and") -> str:
    *most, last = parts
    return f"{', '.join(most)} {word} {last}" if most else last
