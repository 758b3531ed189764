"""Local time and UTC: named zones, and local times that do not exist or occur twice. Pure.

What lives here: the conversion both ways. What does not: reading what people write (`times`), and rules (`recurrence`).
Zones are those of the IANA database, from the operating system or the `tzdata` package.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from skywrite.core.errors import InputError

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
NAME_MAX = 40
_NAMES = "Use a name such as Europe/Berlin, Asia/Tokyo or UTC."
# No zone changes its offset twice within this time.
_SCAN = timedelta(hours=12)

LocalKind = Literal["plain", "gap", "twice"]


class UnknownZone(InputError):
    """A time zone that is not in the IANA database, or not clear.

    In a written time, `readings` are the whole text with other zones (`suggestions`).
    """

    code = "zone.unknown"

    lead, most = "Write", 3

    def __init__(self, message: str, *, hint: str, readings: Sequence[str] = (), lead: str = "Write") -> None:
        super().__init__(message, hint=hint)
        self.readings, self.lead = tuple(readings), lead


@dataclass(frozen=True, slots=True)
class Mapped:
    """The UTC time of a local time, and whether that local time is plain, does not exist, or occurs twice."""

    at: datetime
    kind: LocalKind


def zone_of(name: str) -> ZoneInfo:
    """The zone with this IANA name; letter case does not matter. Raises UnknownZone."""
    if not isinstance(name, str):
        raise UnknownZone(f"The time zone {name!r} is not text.", hint=_NAMES)
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        pass
    known = zone_names().get(name.strip().lower())
    if known is not None:
        return ZoneInfo(known)
    near = closest_zones(name)
    meant = f"Did you mean {' or '.join(near)}?" if near else _NAMES
    raise UnknownZone(f"There is no time zone {name!r}.", hint=meant)


@lru_cache(maxsize=1000)
def closest_zones(name: str) -> list[str]:
    """The IANA names that differ from this one by a letter or two: one for `Europe/Berln`, none for most others."""
    from difflib import get_close_matches

    if len(name) > NAME_MAX:
        return []
    return [zone_names()[lower] for lower in get_close_matches(name.strip().lower(), zone_names(), n=2, cutoff=0.85)]


@cache
def zone_names() -> dict[str, str]:
    """All IANA names by their lower case."""
    return {name.lower(): name for name in sorted(available_timezones())}


def to_local(at: datetime, zone: tzinfo) -> datetime:
    """The naive local time of a time in UTC."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def to_utc(local: datetime, zone: tzinfo) -> Mapped:
    """The time in UTC of a naive local time.

    A time that does not exist, because the clocks went forward, moves forward as far as they did (RFC 5545, 3.3.5).
    If it occurs twice, this returns the first.
    """
    first = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first == second:
        return Mapped(first, "plain")
    return Mapped(first, "twice" if first < second else "gap")


def after_gap(local: datetime, zone: tzinfo) -> datetime:
    """The end of the gap that contains this local time: when the clocks go forward."""
    early = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    late = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return _bisect(early, late, zone)


def next_change(after: datetime, until: datetime, zone: tzinfo) -> datetime | None:
    """The first change of the zone's offset after `after`, up to and including `until`; all in UTC."""
    point = after
    while point < until:
        step = min(point + _SCAN, until)
        if _offset(point, zone) != _offset(step, zone):
            return _bisect(point, step, zone)
        point = step
    return None


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _bisect(early: datetime, late: datetime, zone: tzinfo) -> datetime:
    """The first whole second with the offset of `late`, which `early` does not have."""
    # Clocks change at whole seconds, so `late` still has its offset without its microseconds.
    early, late = early.replace(microsecond=0), late.replace(microsecond=0)
    new = _offset(late, zone)
    while late - early > SECOND:
        middle = early + timedelta(seconds=int((late - early).total_seconds()) // 2)
        if _offset(middle, zone) == new:
            late = middle
        else:
            early = middle
    return late
