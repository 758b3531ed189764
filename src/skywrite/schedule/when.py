"""Read the moments that people write, and write moments so that people know which is meant. Pure.

What lives here: ISO 8601 and a small strict grammar of English ("fri 17:00 Europe/Berlin"), which knows one meaning
of each text or none. What it does not know goes to `dateparser` for other languages (`other_words`). What does not:
rules that come again (`recurrence`), weekly slots (`slots`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from skywrite.errors import InputError
from skywrite.schedule.localtime import DAY, UnknownZone, to_local, to_utc, zone_of
from skywrite.schedule.words import MONTH_FULL, WEEKDAY_FULL, clock_minutes, month_of, weekday_of

__all__ = [
    "ParsedTime",
    "PastTime",
    "UnknownTime",
    "UnknownZone",
    "format_time",
    "local_zone",
    "parse_time",
    "parse_when",
]

GRACE = timedelta(seconds=60)
FAR = 50 * 365 * DAY
TEXT_MAX = 100
EXAMPLES = 'Write it like "tomorrow 9:00", "in 2 hours", "fri 17:00 Europe/Berlin" or 2026-12-24T17:00:00+01:00.'

_ABBREVIATIONS = frozenset(
    [
        *("acst", "aest", "aedt", "akst", "akdt", "ast", "bst", "cat", "cest", "cet", "cdt", "cst", "eat", "edt"),
        *("eest", "eet", "est", "hst", "ist", "jst", "kst", "mdt", "met", "mst", "msk", "ndt", "nst", "nzdt", "nzst"),
        *("pdt", "pst", "sast", "sgt", "wat", "west", "wet", "wib"),
    ]
)
_OFFSET = re.compile(r"(?:utc|gmt)?([+-])(\d{1,2})(?::?(\d\d))?", re.ASCII)
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)(?:[t ]+(\d\d?:\d\d(?::\d\d(?:\.\d{1,6})?)?) ?(z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})?", re.ASCII)
_SLASHED = re.compile(r"(\d{1,4})[/.](\d{1,2})(?:[/.](\d{2,4}))?", re.ASCII)
_DAY_NUMBER = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.)?", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)
_SPAN = re.compile(r"(\d{1,5}) ?(seconds?|secs?|s|minutes?|mins?|min|m|hours?|hrs?|hr|h|days?|d|weeks?|w)", re.ASCII)
_SPANS = re.compile(rf"(?:{_SPAN.pattern}(?:,? and |, | )?)+", re.ASCII)
_NOISE = frozenset(("at", "on", "the", "of", "this"))
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


class UnknownTime(InputError):
    """A text that should say a moment does not, or could mean more than one."""

    def __init__(self, message: str, *, hint: str = EXAMPLES) -> None:
        super().__init__(message, hint=hint)


class PastTime(InputError):
    """The moment is over."""


@dataclass(frozen=True, slots=True)
class ParsedTime:
    """A moment in UTC, the zone in which it was meant, and a note when that zone's clocks change about then."""

    at: datetime
    zone: str
    note: str = ""


def parse_when(text: str, *, now: datetime, zone: str) -> datetime:
    """The moment in UTC that `text` means in `zone`; see `parse_time`."""
    return parse_time(text, now=now, zone=zone).at


def parse_time(text: str, *, now: datetime, zone: str, past: bool = False) -> ParsedTime:
    """Read ISO 8601 (with an offset, or local in `zone`), "now", "in 2 hours", or a day and a time of day.

    A day is today, tomorrow, a day of the week (the next one; today if the time is still to come), a date (without a
    year the next one) or left out (the next such time). A zone at the end (`Europe/Berlin`, `UTC`, `+02:00`) goes
    before `zone`. A local time that does not exist moves forward as far as the clocks did; one that comes twice is the
    first. A moment over since at most a minute is now. With `past` one in ISO 8601 may be over, and stays what it is.

    Raises UnknownTime, UnknownZone, and PastTime for a moment that is over.
    """
    given = " ".join(text.split())
    if not given or len(given) > TEXT_MAX:
        raise UnknownTime("No time was given." if not given else f"The time {given[:40]!r}... is too long.")
    words, named = _split_zone(given.lower(), given)
    place = named or zone_of(zone)
    found = _read(words, given, now, place)
    moment = found if isinstance(found, ParsedTime) else _moment(found, place)
    if moment.at > now + FAR:
        raise UnknownTime(f"The time {given!r} is more than {FAR // DAY // 365} years away.")
    if moment.at >= now or (past and _ISO.fullmatch(words)):
        return moment
    if moment.at >= now - GRACE:
        return replace(moment, at=now.astimezone(UTC))
    raise PastTime(
        f"The time {given!r} is over: it was {format_time(moment.at, zone)}.",
        hint="Give one to come, or leave the time out to post now.",
    )


def _moment(local: datetime, place: tzinfo) -> ParsedTime:
    mapped = to_utc(local, place)
    name = _zone_name(place)
    note = ""
    if mapped.kind == "gap":
        used = to_local(mapped.at, place)
        note = f"The time {local:%H:%M} does not exist in {name} on that day; {used:%H:%M} is used."
    elif mapped.kind == "twice":
        note = f"The time {local:%H:%M} comes twice in {name} on that day; the first is used."
    return ParsedTime(mapped.at, name, note)


def _zone_name(place: tzinfo) -> str:
    return place.key if isinstance(place, ZoneInfo) else str(place)


def _split_zone(words: str, given: str) -> tuple[str, tzinfo | None]:
    """The words without a zone at their end, and that zone."""
    head, _, last = words.rpartition(" ")
    bare = last.strip("()")
    if not head:
        return words, None
    if bare in ("utc", "gmt", "z"):
        return head, zone_of("UTC")
    if "/" in bare and bare[0].isalpha():
        return head, zone_of(given.rpartition(" ")[2].strip("()"))
    if bare in _ABBREVIATIONS:
        raise UnknownZone(
            f"{bare.upper()!r} is no time zone that is the same all year and everywhere.",
            hint="Name a place, such as Europe/Berlin, or an offset, such as +01:00.",
        )
    match = _OFFSET.fullmatch(bare)
    if match and int(match[2]) <= 14 and int(match[3] or 0) < 60:
        offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        return head, timezone(offset if match[1] == "+" else -offset)
    return words, None


def _read(words: str, given: str, now: datetime, place: tzinfo) -> ParsedTime | datetime:
    """The moment, or a naive time in `place`."""
    if words in ("now", "right now", "immediately"):
        return ParsedTime(now.astimezone(UTC), _zone_name(place))
    iso = _ISO.fullmatch(words)
    if iso:
        return _read_iso(iso, given, place)
    local_now = to_local(now, place)
    span = _read_span(words, given, now, local_now, place)
    if span is not None:
        return span
    local = _read_english(words, given, local_now)
    if local is not None:
        return local
    from skywrite.schedule.other_words import read_with_dateparser

    return read_with_dateparser(words, given, local_now)


def _read_iso(iso: re.Match[str], given: str, place: tzinfo) -> ParsedTime | datetime:
    if iso[2] is None:
        raise UnknownTime(f"The time {given!r} is a day without a time of day.", hint=f'Add one: "{given} 9:00".')
    clock = iso[2] if iso[2][2:3] == ":" else f"0{iso[2]}"
    try:
        local = datetime.fromisoformat(f"{iso[1]}T{clock}")
        if iso[3] is None:
            return local
        return ParsedTime(
            datetime.fromisoformat(f"{local.isoformat()}{iso[3].upper()}").astimezone(UTC), _zone_name(place)
        )
    except (ValueError, OverflowError) as error:
        raise UnknownTime(f"The time {given!r} does not exist: {error}.") from None


def _read_span(
    words: str, given: str, now: datetime, local_now: datetime, place: tzinfo
) -> ParsedTime | datetime | None:
    """`in 2 hours`, `in 1h30m`, `in 3 days`, `in 3 days 9:00`: hours are real, days are days of the calendar."""
    start, _, rest = words.partition(" ")
    if start != "in":
        return None
    rest = re.sub(r"\b(?:an?|one) (?=(?:min|hour|day|week))", "1 ", rest.replace("half an hour", "30 min"))
    head, _, last = rest.rpartition(" ")
    clock = clock_minutes(last) if ":" in last or last in ("noon", "midnight") else None
    spans = _SPANS.fullmatch(head if clock is not None else rest)
    if spans is None:
        return None
    seconds = days = 0
    for number, unit in _SPAN.findall(spans[0]):
        if unit[0] in "dw":
            days += int(number) * (7 if unit[0] == "w" else 1)
        else:
            seconds += int(number) * _UNIT_SECONDS[unit[0]]
    try:
        if clock is not None:
            if seconds or not days:
                raise UnknownTime(f"The time {given!r} has both a span and a time of day.")
            return datetime.combine((local_now + days * DAY).date(), time()) + timedelta(minutes=clock)
        if not days:
            return ParsedTime((now + timedelta(seconds=seconds)).astimezone(UTC), _zone_name(place))
        moment = _moment(local_now + days * DAY, place)
        return replace(moment, at=moment.at + timedelta(seconds=seconds))
    except OverflowError:
        raise UnknownTime(f"The time {given!r} is too far away.") from None


@dataclass
class _Parts:
    """What the words of a text said so far."""

    minutes: int | None = None
    day: Callable[[datetime, int], date] | None = None
    month: int | None = None
    number: int | None = None
    year: int | None = None
    skip_today: bool = False
    seen: list[str] = field(default_factory=list)


def _read_english(words: str, given: str, local_now: datetime) -> datetime | None:
    """A day and a time of day in any order, or None when a word is not known."""
    parts = _Parts()
    for word in _tokens(words):
        if not _take(parts, word, given):
            return None
    if (parts.number is None) != (parts.month is None) or (parts.year is not None and parts.month is None):
        raise UnknownTime(f"The time {given!r} is not clear.", hint="Write a time like 9:00 or 9am, a day like 9 dec.")
    if parts.skip_today and "weekday" not in parts.seen:
        return None
    if parts.minutes is None:
        raise UnknownTime(f"The time {given!r} has no time of day.", hint=f'Add one: "{given} 9:00".')
    chosen = parts.day
    if parts.month is not None:
        if chosen is not None:
            raise UnknownTime(f"The time {given!r} names two days.")
        chosen = _dated(parts.month, parts.number or 0, parts.year, given)
    try:
        day = (chosen or _next_time)(local_now, parts.minutes)
    except OverflowError:
        raise UnknownTime(f"The time {given!r} is too far away.") from None
    return datetime.combine(day, time()) + timedelta(minutes=parts.minutes)


def _tokens(words: str) -> list[str]:
    joined = re.sub(r"(\d) (am|pm|a\.m\.|p\.m\.)(?= |$)", lambda m: m[1] + m[2].replace(".", ""), words)
    return [word for word in joined.replace(",", " ").split() if word not in _NOISE]


def _take(parts: _Parts, word: str, given: str) -> bool:
    """Add one word to the parts; False when it is not known."""
    weekday, month = weekday_of(word), month_of(word)
    clock = clock_minutes(word)
    if clock is not None:
        return _once(parts, "clock", given) and _set(parts, minutes=clock)
    if word == "next":
        return _once(parts, "next", given) and _set(parts, skip_today=True)
    if word in ("today", "tonight", "tomorrow", "tmrw"):
        ahead = 0 if word in ("today", "tonight") else 1
        return _once(parts, "day", given) and _set(parts, day=lambda now, _: now.date() + ahead * DAY)
    if weekday is not None:
        parts.seen.append("weekday")
        return _once(parts, "day", given) and _set(parts, day=_next_weekday(weekday, parts.skip_today))
    if month is not None:
        return _once(parts, "month", given) and _set(parts, month=month)
    return _take_number(parts, word, given)


def _take_number(parts: _Parts, word: str, given: str) -> bool:
    full, dotted = _DATE.fullmatch(word), _DOTTED.fullmatch(word)
    if full or dotted:
        year, month, number = (
            (int(full[1]), int(full[2]), int(full[3]))
            if full
            else (int(dotted[3]) if dotted[3] else None, int(dotted[2]), int(dotted[1]))  # type: ignore[index]
        )
        if not 1 <= month <= 12:
            raise UnknownTime(f"The time {given!r} has no month {month}.")
        return _once(parts, "month", given) and _set(parts, year=year, month=month, number=number)
    if _SLASHED.fullmatch(word):
        raise UnknownTime(
            f"The time {given!r} could mean more than one day.", hint="Write the day like 2026-04-03 or 3 apr."
        )
    if _YEAR.fullmatch(word):
        return _once(parts, "year", given) and _set(parts, year=int(word))
    number_match = _DAY_NUMBER.fullmatch(word)
    return bool(number_match) and _once(parts, "number", given) and _set(parts, number=int(number_match[1]))  # type: ignore[index]


def _once(parts: _Parts, what: str, given: str) -> bool:
    if what in parts.seen:
        raise UnknownTime(f"The time {given!r} says twice when.")
    parts.seen.append(what)
    return True


def _set(parts: _Parts, **values: object) -> bool:
    for name, value in values.items():
        setattr(parts, name, value)
    return True


def _next_time(now: datetime, minutes: int) -> date:
    return now.date() + (DAY if _over(now, minutes) else timedelta())


def _over(now: datetime, minutes: int) -> bool:
    return datetime.combine(now.date(), time()) + timedelta(minutes=minutes) <= now


def _next_weekday(weekday: int, skip_today: bool) -> Callable[[datetime, int], date]:
    def choose(now: datetime, minutes: int) -> date:
        ahead = (weekday - now.weekday()) % 7
        if ahead == 0 and (skip_today or _over(now, minutes)):
            ahead = 7
        return now.date() + ahead * DAY

    return choose


def _dated(month: int, number: int, year: int | None, given: str) -> Callable[[datetime, int], date]:
    def choose(now: datetime, minutes: int) -> date:
        # A leap day comes again after eight years at the most.
        for candidate in (year,) if year is not None else range(now.year, now.year + 9):
            try:
                day = date(candidate, month, number)
            except ValueError:
                continue
            if year is not None or day > now.date() or (day == now.date() and not _over(now, minutes)):
                return day
        raise UnknownTime(f"The time {given!r} has no day {number} in {MONTH_FULL[month - 1]}.")

    return choose


def format_time(at: datetime, zone: str) -> str:
    """A moment in a zone and in UTC: `Fri 27 Nov 2026 17:00 Europe/Berlin (16:00 UTC)`. Raises UnknownZone."""
    local, world = at.astimezone(zone_of(zone)), at.astimezone(UTC)
    told = f"{_day(local)} {local.year} {local:%H:%M} {zone}"
    if zone.upper() == "UTC":
        return told
    return (
        f"{told} ({world:%H:%M} UTC)" if local.date() == world.date() else f"{told} ({_day(world)} {world:%H:%M} UTC)"
    )


def _day(moment: datetime) -> str:
    return f"{WEEKDAY_FULL[moment.weekday()][:3]} {moment.day} {MONTH_FULL[moment.month - 1][:3]}"


def local_zone() -> str:
    """The IANA name of the computer's time zone; UTC when it has none."""
    from tzlocal import get_localzone_name

    try:
        name = get_localzone_name()
    except (LookupError, ValueError, OSError):
        return "UTC"
    return zone_of(name).key if name else "UTC"
