"""Times in files: a date and a time of day that mean the same whenever they are read. Pure.

`times` reads them, too. Anything that depends on the current day ("tomorrow 9:00", "24 dec 9:00") is refused.
"""

from __future__ import annotations

from datetime import UTC, datetime

from skywrite.core.errors import InputError
from skywrite.posting.schedule.localtime import UnknownZone, to_utc, zone_of
from skywrite.posting.schedule.meaning import resolve
from skywrite.posting.schedule.time_errors import EXAMPLES as ANY_EXAMPLES
from skywrite.posting.schedule.time_errors import InvalidTime, suggest
from skywrite.posting.schedule.times import in_zone, read_parts
from skywrite.posting.schedule.tokens import DateOrder

YEARS = range(1970, 2201)
EXAMPLES = "Write it like 2027-01-05 09:00 Europe/Berlin, 2027-01-05T09:00:00+01:00 or 2027-01-05 08:00 UTC."
# A time that names its day does not depend on the present; any will do.
_ANY = datetime(2000, 1, 1)


def read_timestamp(text: str, *, dates: DateOrder | None = None) -> datetime:
    """The time in a text: in UTC if it names a zone, else naive. Raises InvalidTime, UnknownZone.

    `dates` is the order of day and month in numeric dates that could be either.
    """
    try:
        return _read(text, dates)
    except (InvalidTime, UnknownZone) as error:
        if error.hint == ANY_EXAMPLES:
            error.hint = EXAMPLES
        suggest(error, text, lambda reading: _is_read(reading, dates))
        raise


def _is_read(text: str, dates: DateOrder | None) -> bool:
    try:
        _read(text, dates)
    except InputError:
        return False
    return True


def _read(text: str, dates: DateOrder | None) -> datetime:
    typed, parts = read_parts(text, dates)
    if not parts.is_absolute:
        reason = "has no time of day" if parts.date and parts.clock is None else "is not the same every day"
        raise InvalidTime(f"The time {typed!r} {reason}.", hint=EXAMPLES)
    at = parts.instant.at if parts.instant else resolve(parts, typed, _ANY)
    if at.year not in YEARS:
        raise InvalidTime(f"The time {typed!r} is too far away.", hint=EXAMPLES)
    if parts.zone or parts.zone_name:
        return in_zone(parts, at, parts.zone.zone if parts.zone else UTC, typed).at
    return at


def read_zone(text: str) -> str:
    """The zone's official name. Raises UnknownZone."""
    return zone_of(text).key


def due_time(at: datetime, zone: str) -> datetime:
    """A time in UTC. A naive one is local time in the zone, moved forward if the clocks skip it."""
    return at.astimezone(UTC) if at.tzinfo else to_utc(at, zone_of(zone)).at
