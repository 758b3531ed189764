"""Moments in files: a date and a time of day that mean the same whenever they are read. Pure.

What does not live here: spoken moments ("tomorrow 9:00"), which mean another moment each day (`schedule.when`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from skywrite.errors import InputError
from skywrite.schedule.localtime import to_utc, zone_of

YEARS = range(1970, 2201)
EXAMPLES = "Write it like 2027-01-05 09:00 Europe/Berlin, 2027-01-05T09:00:00+01:00 or 2027-01-05 08:00 UTC."

_AT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ]\s*(\d\d?):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?\s*"
    r"([Zz]|[Uu][Tt][Cc]|[+-]\d\d:?\d\d|[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+)?",
    re.ASCII,
)


class InvalidTime(InputError):
    """A text that should say one moment for good does not."""

    def __init__(self, message: str, *, hint: str = EXAMPLES) -> None:
        super().__init__(message, hint=hint)


def read_at(text: str) -> datetime:
    """The moment that a text says: in UTC where it names a zone, else naive. Raises InvalidTime, UnknownZone."""
    match = _AT.fullmatch(text.strip())
    if match is None:
        raise InvalidTime(f"{text!r} is no date with a time of day.")
    day, hour, minute, second, zone = match.groups()
    if hour is None:
        raise InvalidTime(f"{text!r} has no time of day.")
    try:
        local = datetime.strptime(f"{day} {int(hour):02d}:{minute}:{second or '00'}", "%Y-%m-%d %H:%M:%S")
    except ValueError:
        raise InvalidTime(f"{text!r} is not in the calendar.") from None
    if local.year not in YEARS:
        raise InvalidTime(f"{text!r} is too far away.")
    if zone is None:
        return local
    if zone[0] in "+-":
        digits = zone.replace(":", "")
        if int(digits[1:3]) > 14 or int(digits[3:]) > 59:
            raise InvalidTime(f"{text!r} has no zone that exists.")
        offset = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:]))
        return local.replace(tzinfo=timezone(offset if zone[0] == "+" else -offset)).astimezone(UTC)
    return due_time(local, "UTC" if zone.upper() in ("Z", "UTC") else zone)


def read_zone(text: str) -> str:
    """The zone's own name. Raises UnknownZone."""
    return zone_of(text).key


def due_time(at: datetime, zone: str) -> datetime:
    """A moment in UTC; a naive one is local time in the zone, moved forward where clocks skip it."""
    return at.astimezone(UTC) if at.tzinfo else to_utc(at, zone_of(zone)).at
