"""What the parts of a written time mean together: one local time, or none. Pure.

What lives here: which parts go together, and every choice between readings. A part that adds nothing (a day of the
week next to its date, a zone's name next to its offset) must agree with the others. What does not: zones and the past
(`times`).
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, field, replace
from datetime import MAXYEAR, date, datetime, time, timedelta
from itertools import pairwise, zip_longest
from typing import Literal

from skywrite.posting.schedule.localtime import DAY
from skywrite.posting.schedule.time_errors import AmbiguousTime, InvalidTime
from skywrite.posting.schedule.tokens import (
    CalendarDate,
    Clock,
    Filler,
    Ignored,
    Instant,
    Next,
    NextWeek,
    Now,
    Number,
    PartOfDay,
    RelativeDay,
    Span,
    Token,
    Value,
    Weekday,
    Year,
    Zone,
    ZoneName,
    rewritten,
)
from skywrite.posting.schedule.words import MONTH_FULL, WEEKDAY_FULL

# The hours of each part of the day.
_HOURS = {"morning": range(0, 12), "afternoon": range(12, 19), "evening": range(17, 24), "night": range(18, 24)}
_ISO = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DAYS = tuple(name.lower() for name in WEEKDAY_FULL)
# The name of each part in the error about a text that has two of it.
_NAMES: dict[type, str] = {
    Clock: "times of day",
    CalendarDate: "days",
    Weekday: "days",
    RelativeDay: "days",
    Zone: "time zones",
    Span: "lengths of time",
    PartOfDay: "parts of the day",
    Year: "years",
    Number: "numbers",
    Now: "times",
    Instant: "times",
    Next: "weeks",
    NextWeek: "weeks",
    ZoneName: "names of zones",
}


@dataclass(slots=True)
class Parts:
    """What the tokens of a text say, at most one of each kind."""

    clock: Clock | None = None
    date: CalendarDate | None = None
    weekday: int | None = None
    relative: RelativeDay | None = None
    part: PartOfDay | None = None
    next: Next | NextWeek | None = None
    zone: Zone | None = None
    offset: Zone | None = None
    zone_name: ZoneName | None = None
    span: Span | None = None
    instant: Instant | None = None
    number: int | None = None
    year: int | None = None
    is_now: bool = False
    which: Literal["", "this", "coming"] = ""
    tokens: tuple[Token, ...] = field(default=(), compare=False)

    @property
    def is_absolute(self) -> bool:
        """Whether it means the same whenever it is read, apart from the zone."""
        return self.instant is not None or (
            self.date is not None and self.date.year is not None and self.clock is not None
        )

    def rewritten(self, *changes: tuple[type, str]) -> str:
        """The whole text with the tokens of some kinds written otherwise."""
        return rewritten(
            self.tokens,
            {place: text for kind, text in changes for place, one in enumerate(self.tokens) if type(one.value) is kind},
        )


def gather(tokens: list[Token], typed: str) -> Parts:
    """Collect the parts of a text. Raises InvalidTime if they do not fit together."""
    _check_order(tokens, typed)
    parts = Parts(tokens=tuple(tokens))
    seen: dict[type, str] = {}
    for index, token in enumerate(tokens):
        value = token.value
        if isinstance(value, Filler):
            parts.which = value.which or parts.which
            if value.which != "this" or not isinstance(tokens[index + 1].value, PartOfDay):
                continue
            # "This afternoon" is that of today.
            value = RelativeDay(0)
        if isinstance(value, Ignored):
            continue
        kind = type(value)
        may_repeat = seen.get(Zone, "").startswith(("+", "-")) or token.text.startswith("[")
        if may_repeat and isinstance(value, Zone) and _may_repeat(parts.zone, value):
            parts.zone, parts.offset = value, parts.zone
            continue
        if kind in seen:
            raise InvalidTime(
                f"The time {typed!r} has two {_NAMES[kind]}: {seen[kind]!r} and {token.text!r}.", hint="Keep one."
            )
        seen[kind] = token.text
        _put(parts, value)
        if parts.clock and parts.clock.form == "letter" and index and isinstance(tokens[index - 1].value, Filler):
            parts.clock = replace(parts.clock, form="plain")
    _check_range(parts, typed)
    _fill_hour(parts)
    _fill_year(parts)
    _check_together(parts, typed)
    return parts


def _may_repeat(first: Zone | None, second: Zone) -> bool:
    """Whether a second zone may follow an offset: `+0300 +03`, `+01:00[Europe/Berlin]`. `times` checks it."""
    return (
        first is not None
        and first.is_offset
        and (not second.is_offset or first.zone.utcoffset(None) == second.zone.utcoffset(None))
    )


def _put(parts: Parts, value: Value) -> None:
    match value:
        case Clock():
            parts.clock = value
        case CalendarDate():
            parts.date = value
        case Weekday():
            parts.weekday = value.number
        case RelativeDay():
            parts.relative = value
            parts.part = PartOfDay(value.part) if value.part else parts.part
        case PartOfDay():
            parts.part = value
        case Next() | NextWeek():
            parts.next = value
        case Zone():
            parts.zone = value
        case ZoneName():
            parts.zone_name = value
        case Span():
            parts.span = value
        case Instant():
            parts.instant = value
        case Number():
            parts.number = value.value
        case Year():
            parts.year = value.number
        case Now():
            parts.is_now = True


def _check_order(tokens: list[Token], typed: str) -> None:
    """Small words go before what they belong to, and zones after a time of day."""
    for token, following in zip_longest(tokens, tokens[1:]):
        if isinstance(token.value, Filler) and not (following and _may_follow(token.value, following.value)):
            raise InvalidTime(f"Skywrite does not understand the time {typed!r}: {token.text!r} has no meaning here.")
    had_clock = False
    for token in tokens:
        had_clock = had_clock or isinstance(token.value, Clock | Number | Instant | Now | Span)
        if isinstance(token.value, Zone) and token.value.is_offset and token.text[0] in "+-" and not had_clock:
            raise InvalidTime(f"Skywrite does not understand the time {typed!r}: no time of day before {token.text!r}.")


def _may_follow(filler: Filler, value: Value) -> bool:
    if isinstance(value, Number):
        return Clock in filler.before
    return type(value) in filler.before


def _check_range(parts: Parts, typed: str) -> None:
    """`9:00-10:00` may be two times of day, or a time of day and an offset.

    It is an offset after the T of ISO 8601 and after seconds. If it is smaller than the time of day, it is one beside
    a date of ISO 8601, and beside another date with its year if only the time of day has a colon.
    """
    is_iso = any(isinstance(token.value, CalendarDate) and _ISO.match(token.text) for token in parts.tokens)
    has_year = parts.date is not None and parts.date.year is not None
    for clock, zone in pairwise(parts.tokens):
        if not (isinstance(clock.value, Clock) and isinstance(zone.value, Zone)) or zone.text[0] != "-":
            continue
        if clock.value.form == "iso" or clock.text.count(":") == 2:
            continue
        end = zone.text[1:]
        is_smaller = f"{end:0>2}".replace(":", "").ljust(4, "0") < f"{clock.value.hour:02d}{clock.value.minute:02d}"
        is_full = len(end) > 4 or (len(end) == 2 and ":" in clock.text)
        has_another_form = ":" in clock.text and ":" not in end and len(end) == 4
        if is_smaller and ((has_year and has_another_form) or (is_iso and is_full)):
            continue
        hours = end if ":" in end or len(end) < 4 else f"{end[:2]}:{end[2:]}"
        shown = clock.text if clock.value.form == "plain" else f"{clock.value.hour}:{clock.value.minute:02d}"
        raise AmbiguousTime(
            typed,
            f"{end!r} may be an offset or a second time of day",
            [parts.rewritten((Clock, shown), (Zone, offset)) for offset in (f"UTC-{hours}", "")],
        )


def _fill_hour(parts: Parts) -> None:
    """In "friday evening at 8" the number is the hour."""
    if parts.part and parts.clock is None and parts.number is not None and parts.number <= 24:
        parts.clock = Clock(parts.number, twelve=True)
        parts.number = None


def _fill_year(parts: Parts) -> None:
    """In "Thu Dec 24 09:00:00 2026" the year is separate."""
    if parts.year is not None and parts.date and parts.date.year is None:
        parts.date, parts.year = replace(parts.date, year=parts.year), None


def _check_together(parts: Parts, typed: str) -> None:
    if parts.number is not None or parts.year is not None:
        raise _left_over(parts, typed)
    days = [name for name in ("date", "weekday", "relative") if getattr(parts, name) is not None]
    others = days or parts.clock or parts.part or parts.next or parts.span
    if (parts.is_now and others) or (parts.span and days):
        raise InvalidTime(f"The time {typed!r} contains two times.", hint="Keep one of them.")
    if len(days) > 1 and days != ["date", "weekday"]:
        raise InvalidTime(f"The time {typed!r} names two days.", hint="Keep one of them.")
    if parts.next is not None and days != ["weekday"]:
        raise InvalidTime(
            f"The time {typed!r} is not clear: 'next' needs a day of the week.",
            hint='Write it like "mon 9:00".',
            readings=[
                parts.rewritten((Next, day), (NextWeek, f"next week {day}")) + hour
                for day in _DAYS
                for hour in ("", " 9:00")
            ],
            lead="Write it like",
            most=1,
        )


def _left_over(parts: Parts, typed: str) -> InvalidTime:
    """The error for a number that has no place, with both times of day that it may be."""
    left = parts.number if parts.number is not None else parts.year
    hint, lead, readings = "Write a time like 9:00 or 9am, a day like 9 dec.", "Write", []
    if parts.span:
        lead, readings = f"Write the unit of {left}, such as", [parts.rewritten((Number, f"{left} minutes"))]
    elif parts.clock is None and parts.number is not None and parts.number < 24:
        hours = [parts.number] if parts.number > 12 else [parts.number % 12, parts.number % 12 + 12]
        hours = sorted(hours, key=lambda hour: hour != parts.number)
        readings = [parts.rewritten((Number, f"{hour}:00")) for hour in hours]
    what = f"The time {typed!r} is not clear: {left} may be several things."
    return InvalidTime(what, hint=hint, readings=readings, lead=lead)


def resolve(parts: Parts, typed: str, local_now: datetime) -> datetime:
    """The naive local time that the parts mean, as seen from `local_now`. Raises InvalidTime, AmbiguousTime."""
    clock = _clock(parts, typed)
    if clock is None:
        raise _no_clock(parts, typed)
    if clock.form == "letter" and parts == Parts(clock=clock, zone=parts.zone):
        shown = f"{clock.hour}:{clock.minute:02d}"
        hours = "1 hour" if clock.hour == 1 else f"{clock.hour} hours"
        length = f"in {clock.hour}h{clock.minute:02d}" if clock.minute else f"in {hours}"
        readings = [parts.rewritten((Clock, shown)), parts.rewritten((Clock, length))]
        raise AmbiguousTime(typed, "it may be a time of day or a length of time", readings)
    try:
        return at_clock(_day(parts, clock, typed, local_now), clock)
    except OverflowError:
        raise InvalidTime(f"The time {typed!r} is too far away.") from None


def at_clock(day: date, clock: Clock) -> datetime:
    """A time of day on a day; 24:00 is its end."""
    return datetime.combine(day, time()) + timedelta(
        hours=clock.hour, minutes=clock.minute, seconds=clock.second, microseconds=clock.microsecond
    )


def later(span: Span, local: datetime, typed: str) -> datetime:
    """A local time, later by the days and months of a length of time. Raises InvalidTime."""
    try:
        moved = local + span.days * DAY
        if not span.months:
            return moved
        month = moved.month - 1 + span.months
        year, month = moved.year + month // 12, month % 12 + 1
        if moved.day > calendar.monthrange(year, month)[1]:
            raise InvalidTime(f"The time {typed!r} does not exist: {MONTH_FULL[month - 1]} has no day {moved.day}.")
        return moved.replace(year=year, month=month)
    except (OverflowError, ValueError):
        raise InvalidTime(f"The time {typed!r} is too far away.") from None


def _clock(parts: Parts, typed: str) -> Clock | None:
    """The time of day on a 24-hour clock, given the part of the day."""
    clock, part = parts.clock, parts.part
    if clock is None or part is None:
        return clock
    if clock.form == "midnight":
        if parts.relative == RelativeDay(0, "evening"):
            return Clock(24)
        raise InvalidTime(
            f"The time {typed!r} is not clear: midnight is not in the {part.name}.",
            readings=[parts.rewritten((Clock, hour), (PartOfDay, "")) for hour in ("0:00", "24:00")],
        )
    hour = clock.hour
    if clock.twelve and hour >= 1 and hour + 12 in _HOURS[part.name]:
        hour += 12
    if hour not in _HOURS[part.name]:
        shown = f"{clock.hour}:{clock.minute:02d}"
        raise InvalidTime(
            f"The time {typed!r} is not clear: {shown} is not in the {part.name}.",
            readings=_without_part(parts, clock, part),
        )
    return replace(clock, hour=hour)


def _without_part(parts: Parts, clock: Clock, part: PartOfDay) -> list[str]:
    """The text with times on the 24-hour clock, and without the part of the day that does not fit the one given.

    Twelve at night is no noon: it begins the day, or ends it. Twelve in the morning may be either.
    """
    hours = [clock.hour]
    if clock.hour == 12 and part.name != "afternoon":
        hours = [0, 12] if part.name == "morning" else [0] if clock.minute else [0, 24]
    days = ("today", "tomorrow") if parts.relative and parts.relative.part else ("",)
    readings = []
    for day in days:
        # What is left of tonight's hours after midnight is tomorrow's, which does not end then.
        for hour in [hour for hour in hours if (day, hour) != ("tomorrow", 24)]:
            shown = f"{hour}:{clock.minute:02d}"
            changes = ((Clock, shown), (Number, shown), (PartOfDay, ""))
            readings.append(parts.rewritten(*changes, *(((RelativeDay, day),) if day else ())))
    return readings


def _no_clock(parts: Parts, typed: str) -> InvalidTime:
    if parts.part is None:
        readings = [f"{typed} {hour}:00" for hour in (9, 18, 21, 23)]
        return InvalidTime(f"The time {typed!r} has no time of day.", readings=readings, lead="Add one:", most=1)
    hours = _HOURS[parts.part.name]
    why = f": the {parts.part.name} has {len(hours)} of them" if not (parts.relative and parts.relative.part) else ""
    shown = {"morning": 8, "afternoon": 14, "evening": 20, "night": 21}[parts.part.name]
    return InvalidTime(
        f"The time {typed!r} does not say at which hour{why}.",
        readings=[f"{typed} {hour}:00" for hour in (shown, shown + 1, *hours[1:])],
        lead="Add it, such as",
        most=2,
    )


def _day(parts: Parts, clock: Clock, typed: str, now: datetime) -> date:
    if clock.form == "midnight" and any(item is not None for item in (parts.date, parts.weekday, parts.relative)):
        raise midnight(parts, typed)
    if parts.date is not None:
        return _dated(parts.date, parts.weekday, clock, typed, now)
    if parts.relative is not None:
        return now.date() + parts.relative.days * DAY
    if parts.weekday is None:
        return now.date() + (timedelta() if at_clock(now.date(), clock) > now else DAY)
    if parts.next is not None:
        return _next_weekday(parts, parts.weekday, typed, now.date())
    ahead = (parts.weekday - now.weekday()) % 7
    if ahead == 0 and parts.which == "coming" and at_clock(now.date(), clock) > now:
        raise _which_week(parts, {now.date(), now.date() + 7 * DAY}, typed)
    if ahead == 0 and parts.which != "this" and at_clock(now.date(), clock) <= now:
        ahead = 7
    return now.date() + ahead * DAY


def midnight(parts: Parts, typed: str) -> AmbiguousTime:
    """The error for midnight of a day, which may be its beginning or its end."""
    readings = [parts.rewritten((Clock, hour)) for hour in ("0:00", "24:00")]
    return AmbiguousTime(typed, "midnight may begin or end the day", readings)


def _next_weekday(parts: Parts, weekday: int, typed: str, today: date) -> date:
    """`next friday` may be the coming one, or that of next week, which begins on Monday or Sunday: all must agree."""
    coming = today + ((weekday - today.weekday() - 1) % 7 + 1) * DAY
    monday = today + (7 - today.weekday()) * DAY
    sunday = today + ((6 - today.weekday() - 1) % 7 + 1) * DAY
    days = {monday + weekday * DAY, sunday + (weekday + 1) % 7 * DAY}
    if not isinstance(parts.next, NextWeek):
        days.add(coming)
    if len(days) > 1:
        raise _which_week(parts, days, typed)
    return days.pop()


def _which_week(parts: Parts, days: set[date], typed: str) -> AmbiguousTime:
    """The error for a day of the week that may be that of one week or another."""
    named = [f"{WEEKDAY_FULL[day.weekday()]} {day.day} {MONTH_FULL[day.month - 1]}" for day in sorted(days)]
    changes = ((Next, ""), (NextWeek, ""), (Filler, ""))
    readings = [parts.rewritten((Weekday, day.isoformat()), *changes) for day in sorted(days)]
    return AmbiguousTime(typed, f"it may be {' or '.join(named)}", readings)


def _dated(wanted: CalendarDate, weekday: int | None, clock: Clock, typed: str, now: datetime) -> date:
    """The day of a date; without a year, the next one. A day of the week next to it must match."""
    day = _calendar_day(wanted, clock, typed, now)
    if weekday is not None and day.weekday() != weekday:
        raise InvalidTime(
            f"The time {typed!r} names two days: {day.day} {MONTH_FULL[day.month - 1]} {day.year} is a "
            f"{WEEKDAY_FULL[day.weekday()]}, not a {WEEKDAY_FULL[weekday]}.",
            hint="Keep one of them." if wanted.year else "Keep one of them, or write the year.",
        )
    return day


def _calendar_day(wanted: CalendarDate, clock: Clock, typed: str, now: datetime) -> date:
    for year in (wanted.year,) if wanted.year is not None else range(now.year, MAXYEAR):
        try:
            day = date(year, wanted.month, wanted.day)
        except ValueError:
            continue
        if wanted.year is not None or at_clock(day, clock) > now:
            return day
    raise InvalidTime(f"The time {typed!r} has no day {wanted.day} in {MONTH_FULL[wanted.month - 1]}.")
