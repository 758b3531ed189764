"""Rules in plain English. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from skywrite.schedule.cron import CronSeries
from skywrite.schedule.rrule import RRule
from skywrite.schedule.series import Series
from skywrite.schedule.spoken_rules import MergedSeries
from skywrite.schedule.words import MONTH_FULL, WEEKDAY_FULL

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
        from cronsim import CronSim

        return CronSim(series.expression, datetime(2024, 1, 1)).explain()
    if isinstance(series, MergedSeries):
        times = sorted({time for rule in series.rules for time in _times(rule)})
        return _sentence(series.rules[0], times)
    if isinstance(series, RRule):
        return _sentence(series, _times(series))
    return "At times of its own"


def _sentence(rule: RRule, times: Sequence[str]) -> str:
    unit = _UNITS[rule.freq]
    told = [f"Every {unit}" if rule.interval == 1 else f"Every {rule.interval} {unit}s"]
    if rule.byday:
        told.append(f"on {_days(rule.byday)}")
    if rule.bymonthday:
        told.append(f"on {_and([_counted(number, 'day') for number in rule.bymonthday])}")
    if rule.byyearday:
        told.append(f"on {_and([_counted(number, 'day of the year') for number in rule.byyearday])}")
    if rule.byweekno:
        told.append(f"in week {_and([str(number) for number in rule.byweekno])}")
    if rule.bymonth:
        told.append(f"in {_and([MONTH_FULL[month - 1] for month in rule.bymonth])}")
    if rule.flows:
        told.extend(_parts_of_hours(rule))
    elif times:
        told.append(f"at {_and(times)}")
    if rule.bysetpos:
        told.append(f"(only the {_and([_place(place) for place in rule.bysetpos])} of these)")
    if rule.count:
        told.append("once" if rule.count == 1 else f"{rule.count} times in all")
    if rule.until:
        told.append(f"until {rule.until:%Y-%m-%d %H:%M}")
    return " ".join(told)


def _parts_of_hours(rule: RRule) -> list[str]:
    told = []
    if rule.byhour:
        told.append(f"in the hour of {_and([f'{hour}:00' for hour in rule.byhour])}")
    if rule.byminute and not (rule.freq == "HOURLY" and rule.byminute == (0,)):
        told.append(f"at minute {_and([str(minute) for minute in rule.byminute])}")
    return told


def _times(rule: RRule) -> list[str]:
    return [f"{hour:02d}:{minute:02d}" for hour in rule.byhour for minute in rule.byminute]


def _days(byday: Sequence[tuple[int, int]]) -> str:
    if list(byday) == [(0, weekday) for weekday in range(5)]:
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
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _and(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
