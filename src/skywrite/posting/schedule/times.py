"""Read the times that people write, and write times so that people understand them. Pure.

A time is valid only if every part of the text means something and exactly one meaning remains. For anything else, the
error shows the possible meanings or an example. Here the parts (`scanner`, `meaning`) meet a zone and the present. What
does not live here: times in files, which do not depend on the present (`timestamps`), recurrences, weekly slots.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import NamedTuple
from unicodedata import category
from zoneinfo import ZoneInfo

from skywrite.core.errors import InputError, Notice
from skywrite.posting.schedule.false_friends import check_false_friends
from skywrite.posting.schedule.localtime import DAY, Mapped, UnknownZone, to_local, to_utc, zone_of
from skywrite.posting.schedule.meaning import Parts, at_clock, gather, later, midnight, resolve
from skywrite.posting.schedule.scanner import scan
from skywrite.posting.schedule.time_errors import AmbiguousTime, InvalidTime, PastTime, suggest
from skywrite.posting.schedule.tokens import CalendarDate, Clock, DateOrder, Instant
from skywrite.posting.schedule.words import MONTH_FULL, WEEKDAY_FULL, fold
from skywrite.posting.schedule.zone_forms import check_name

__all__ = [
    "AmbiguousTime",
    "DateOrder",
    "InvalidTime",
    "ParsedTime",
    "PastTime",
    "UnknownZone",
    "can_be_read",
    "format_time",
    "local_zone",
    "parse_time",
]

_PLAIN = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|\+(?:0\d|1[0-3]):[0-5]\d)?", re.ASCII)
UTC_NAMES = frozenset({"UTC", "ETC/UTC", "ETC/UCT", "ETC/ZULU", "UCT", "ZULU"})
GRACE = timedelta(seconds=60)
FAR = 50 * 365 * DAY
TEXT_MAX = 100


class ParsedTime(NamedTuple):
    """A time in UTC, with a note if its local time does not exist (NonexistentTime) or occurs twice (RepeatedTime).

    `zone` is the IANA zone in the text, or else the one that was passed.
    """

    at: datetime
    zone: str
    note: Notice | None = None


def parse_time(
    text: str, *, now: datetime, zone: str, past: bool = False, dates: DateOrder | None = None
) -> ParsedTime:
    """Read "now", a length of time ("in 2 hours"), Unix time, or a day and a time of day in any common form.

    A day is today, tomorrow, a day of the week (the next one; today if the time is still to come), a date (without a
    year, the next one) or left out (the next such time). A zone in the text (`Europe/Berlin`, `UTC`, `+02:00`) takes
    precedence over `zone`. `dates` is the order of day and month in numeric dates that could be either. A local time
    that does not exist moves forward as far as the clocks did; if it occurs twice, the first counts. A time that passed
    at most a minute ago means now. With `past`, a time that names its year may have passed, and is returned unchanged.

    Raises InvalidTime, AmbiguousTime, UnknownZone, and PastTime for a time that has passed.
    """
    try:
        return _parse(text, now, zone, past, dates)
    except (InvalidTime, UnknownZone) as error:
        suggest(error, text, lambda reading: _is_read(reading, now, zone, past, dates))
        raise


def _is_read(text: str, now: datetime, zone: str, past: bool, dates: DateOrder | None) -> bool:
    try:
        _parse(text, now, zone, past, dates)
    except InputError:
        return False
    return True


def _parse(text: str, now: datetime, zone: str, past: bool, dates: DateOrder | None) -> ParsedTime:
    typed, parts = read_parts(text, dates)
    place = parts.zone.zone if parts.zone else zone_of(zone)
    named = place.key if isinstance(place, ZoneInfo) and not (parts.zone and parts.zone.is_offset) else zone
    read = _read(parts, typed, now, place)._replace(zone=named)
    if read.at - now > FAR:
        raise InvalidTime(f"The time {typed!r} is more than {FAR // DAY // 365} years away.")
    if read.at >= now or (past and parts.is_absolute):
        return read
    if read.at >= now - GRACE:
        return read._replace(at=now.astimezone(UTC))
    raise PastTime(
        f"The time {typed!r} has passed: it was {format_time(read.at, zone)}.",
        hint='Choose a time in the future, or "now".',
    )


def can_be_read(text: str, dates: DateOrder | None = None) -> bool:
    """Whether a text is a time, with this order of day and month in numeric dates."""
    try:
        read_parts(text, dates)
    except InputError:
        return False
    return True


def read_parts(text: str, dates: DateOrder | None) -> tuple[str, Parts]:
    """The text with single spaces, and its parts. Raises InvalidTime, AmbiguousTime, UnknownZone."""
    if not isinstance(text, str):
        raise InvalidTime(f"The time {text!r} is not text.")
    typed = " ".join(text.split())
    if not typed or len(typed) > TEXT_MAX:
        raise InvalidTime("No time was given." if not typed else f"The time {typed[:40]!r}... is too long.")
    plain = _read_plain(typed)
    if plain is not None:
        return typed, plain
    if not typed.isascii() and any(category(mark) == "No" for mark in typed):
        # Superscript and circled digits do not belong in a time.
        raise InvalidTime(f"The time {typed!r} contains characters that times do not use.")
    tokens = scan(fold(typed), typed, dates)
    check_false_friends(tokens, typed)
    return typed, gather(tokens, typed)


def _read_plain(typed: str) -> Parts | None:
    """Read the most common form quickly: most rows of an import are ISO 8601. None leaves the text to other readers.

    Those also read negative offsets, which may be a second time of day.
    """
    if _PLAIN.fullmatch(typed) is None:
        return None
    try:
        at = datetime.fromisoformat(typed)
        if at.tzinfo is not None:
            return Parts(instant=Instant(at.astimezone(UTC)))
    except (ValueError, OverflowError):
        return None
    clock = Clock(at.hour, at.minute, at.second, at.microsecond, form="iso")
    return Parts(date=CalendarDate(at.year, at.month, at.day), clock=clock)


def _read(parts: Parts, typed: str, now: datetime, place: tzinfo) -> ParsedTime:
    if parts.zone_name and (parts.zone is None or not parts.is_absolute):
        check_name(parts.zone_name, None, None, parts.tokens, typed)
    if parts.is_now:
        return ParsedTime(now.astimezone(UTC), _zone_name(place))
    if parts.span is not None:
        return _read_span(parts, typed, now, place)
    if parts.instant is not None and parts.instant.at.tzinfo:
        return ParsedTime(parts.instant.at, _zone_name(place))
    local = parts.instant.at if parts.instant else resolve(parts, typed, to_local(now, place))
    return in_zone(parts, local, place, typed)


def in_zone(parts: Parts, local: datetime, place: tzinfo, typed: str) -> ParsedTime:
    """A naive local time in its zone. Raises UnknownZone if the zone's name does not agree with it."""
    try:
        mapped = to_utc(local, place)
        if parts.offset:
            mapped = _agreed(local, parts.offset.zone, place, typed)
    except (OverflowError, ValueError):
        raise InvalidTime(f"The time {typed!r} is too far away.") from None
    if parts.zone_name:
        check_name(parts.zone_name, parts.zone, mapped.at, parts.tokens, typed)
    note = _clock_change(local, mapped, place) if mapped.kind != "plain" else None
    return ParsedTime(mapped.at, _zone_name(place), note)


def _clock_change(local: datetime, mapped: Mapped, place: tzinfo) -> Notice:
    """A note about a local time in the hour that the clocks skip or repeat, and how to write the other one."""
    used = mapped.at.astimezone(place)
    where = f"in {_zone_name(place)} on {_day(local)}"
    if mapped.kind == "gap":
        text = f"The time {local:%H:%M} does not exist {where}, when the clocks go forward; {used:%H:%M} is used."
        return Notice("NonexistentTime", text)
    second = local.replace(tzinfo=place, fold=1)
    return Notice(
        "RepeatedTime",
        f"The time {local:%H:%M} occurs twice {where}, when the clocks go back; the first is used"
        f" ({_with_offset(used)}). For the second write {_with_offset(second)}.",
    )


def _with_offset(at: datetime) -> str:
    return at.isoformat(" ", "seconds" if at.second else "minutes")


def _agreed(local: datetime, offset: tzinfo, place: tzinfo, typed: str) -> Mapped:
    """The time at an offset with its zone next to it. Raises InvalidTime if the two do not agree."""
    at = local.replace(tzinfo=offset).astimezone(UTC)
    if at.astimezone(place).utcoffset() != offset.utcoffset(None):
        raise InvalidTime(f"The offset and the zone in {typed!r} do not agree.", hint="Keep one of them.")
    return Mapped(at, "plain")


def _read_span(parts: Parts, typed: str, now: datetime, place: tzinfo) -> ParsedTime:
    """Add a length of time: hours are elapsed time, days and months follow the calendar."""
    span = parts.span
    assert span is not None
    seconds = timedelta(seconds=span.seconds)
    try:
        if parts.clock is None and parts.part is None:
            if not (span.days or span.months):
                return ParsedTime((now + seconds).astimezone(UTC), _zone_name(place))
            begin = in_zone(parts, later(span, to_local(now, place), typed), place, typed)
            return begin._replace(at=begin.at + seconds)
        if span.seconds or parts.clock is None or parts.part:
            raise InvalidTime(
                f"The time {typed!r} has both a length of time and a time of day.",
                hint='Write "in 2 hours" or "in 3 days 9:00".',
            )
        if parts.clock.form == "midnight":
            raise midnight(parts, typed)
        day = later(span, datetime.combine(to_local(now, place).date(), time()), typed).date()
        return in_zone(parts, at_clock(day, parts.clock), place, typed)
    except OverflowError:
        raise InvalidTime(f"The time {typed!r} is too far away.") from None


def _zone_name(place: tzinfo) -> str:
    return place.key if isinstance(place, ZoneInfo) else str(place)


def format_time(at: datetime, zone: str) -> str:
    """A time in a zone and in UTC: `Fri 27 Nov 2026 17:00 Europe/Berlin (16:00 UTC)`. Raises UnknownZone."""
    local, world = at.astimezone(zone_of(zone)), at.astimezone(UTC)
    if zone.upper() in UTC_NAMES:
        return f"{_day(local)} {local.year} {local:%H:%M} UTC"
    shown = f"{_day(local)} {local.year} {local:%H:%M} {zone}"
    if local.date() == world.date():
        return f"{shown} ({world:%H:%M} UTC)"
    return f"{shown} ({_day(world)} {world:%H:%M} UTC)"


def _day(at: datetime) -> str:
    return f"{WEEKDAY_FULL[at.weekday()][:3]} {at.day} {MONTH_FULL[at.month - 1][:3]}"


def local_zone() -> str:
    """The IANA name of the computer's time zone; UTC if it has none, or another name of UTC."""
    from tzlocal import get_localzone_name

    try:
        name = get_localzone_name()
    except (LookupError, ValueError, OSError):
        return "UTC"
    return zone_of(name).key if name and name.upper() not in UTC_NAMES else "UTC"
