"""Dates as feeds write them: RFC 822, RFC 3339, ISO 8601, and their common variants. Pure.

A date is read only if all of it is understood: an unknown word or zone makes it invalid, because a post may show it,
and the order of items depends on it. Without a zone it counts as UTC.

What people type ("tomorrow 9:00") does not live here (`schedule.times`).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

LENGTH_MAX = 80
YEAR_MIN, YEAR_MAX = 1970, 9000

_MONTH_NAMES = """
jan january januar januari janvier janv enero ene gennaio gen janeiro jän ιαν ιανουαρίου január
feb february februar februari février févr fév febrero febbraio fevereiro fev φεβ φεβρουαρίου február
mar march märz mär maerz mars marzo março maart mrt μάρ μαρ μαρτίου március
apr april avril avr abril abr aprile απρ απριλίου április
may mai mayo maggio mag maio mei μάι μαι μαΐου május
jun june juni juin junio giugno giu junho ιούν ιουν ιουνίου június
jul july juli juillet juil julio luglio lug julho ιούλ ιουλ ιουλίου július
aug august août agosto ago augustus αύγ αυγ αυγούστου augusztus
sep sept september septembre septiembre settembre set setembro σεπ σεπτεμβρίου szeptember
oct october oktober okt octobre octubre ottobre ott outubro out οκτ οκτωβρίου október
nov november novembre noviembre novembro νοέ νοε νοεμβρίου
dec december dezember dez décembre déc diciembre dic dicembre dezembro δεκ δεκεμβρίου
"""
_MONTHS = {name: number for number, line in enumerate(_MONTH_NAMES.split("\n")) for name in line.split()}

# Hours from UTC. Names that mean several zones (IST) are left out; the American ones are those of RFC 822.
_ZONE_HOURS = {
    **dict.fromkeys(("z", "ut", "utc", "gmt", "wet"), 0.0),
    **dict.fromkeys(("bst", "west", "cet", "met", "mez"), 1.0),
    **dict.fromkeys(("cest", "mest", "mesz", "eet", "sast"), 2.0),
    **{"eest": 3.0, "msk": 3.0, "pkt": 5.0, "wib": 7.0, "hkt": 8.0, "sgt": 8.0, "awst": 8.0, "jst": 9.0, "kst": 9.0},
    **{"acst": 9.5, "aest": 10.0, "acdt": 10.5, "aedt": 11.0, "nzst": 12.0, "nzdt": 13.0},
    **{"ndt": -2.5, "nst": -3.5, "brt": -3.0, "art": -3.0, "adt": -3.0, "ast": -4.0, "edt": -4.0, "est": -5.0},
    **{"cdt": -5.0, "cst": -6.0, "mdt": -6.0, "mst": -7.0, "pdt": -7.0, "pst": -8.0, "akdt": -8.0, "akst": -9.0},
    "hst": -10.0,
}
_ZONE_PLACES = {
    "at": "America/Halifax",
    "et": "America/New_York",
    "ct": "America/Chicago",
    "mt": "America/Denver",
    "pt": "America/Los_Angeles",
}
_KOREA = timezone(timedelta(hours=9))

_TIME = re.compile(
    r"(?P<early>오전|오후)?\s*(?<!\d)(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d{1,12}))?)?"
    r"(?:\s*(?P<half>[ap])\.?m\b\.?)?(?![\d:])",
    re.IGNORECASE,
)
_COMPACT_TIME = re.compile(r"(?<=\d)T(\d\d)(\d\d)(\d\d)?(?:\.\d{1,12})?(?=Z|[+-]|\Z)")
_COMMENT = re.compile(r"\s*\([^()]{0,60}\)\s*\Z")
_AFTER = re.compile(
    r"\s*(?P<name>[A-Za-z]{1,5}|[A-Za-z_]{1,20}(?:/[A-Za-z0-9_+-]{1,30}){1,2})?"
    r"\s*(?P<offset>[+-]\d{1,2}(?::?\d\d)?)?(?:\s+(?P<year>\d{4}))?\s*"
)
_WEEKDAY = re.compile(r"[^\W\d_]{2,15}(?:\.|,|\.,)?\s*(?=[^\W_])")
_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?P<year>\d{4})-(?P<month>0?\d{1,2})-(?P<day>\d{1,2})",
        r"(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})",
        r"(?P<year>\d{4})년 ?(?P<month>\d{1,2})월 ?(?P<day>\d{1,2})일",
        r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})",
        r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.|º)?[ -]*(?:de )?(?P<name>[^\W\d_]{3,12})\.?,?[ -]*(?:de )?"
        r"(?P<year>\d{4}|\d\d)",
        r"(?P<name>[^\W\d_]{3,12})\.? ?(?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>\d{4})",
        r"(?P<name>[^\W\d_]{3,12})\.? ?(?P<day>\d{1,2})(?P<later>)",
        r"(?P<year>\d{4})[ -](?P<name>[^\W\d_]{3,12})[ -](?P<day>\d{1,2})",
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)",
        r"(?P<year>\d{4})-?(?P<count>\d{3})",
        r"(?P<year>\d{4})(?:-(?P<month>\d\d))?",
        # The short forms of ISO 8601:1988.
        r"(?P<year>\d\d)-(?P<month>\d\d)-(?P<day>\d\d)",
        r"(?P<year>\d\d)(?P<month>\d\d)(?P<day>\d\d)",
        r"-(?P<year>\d\d)-?(?P<month>\d\d)",
        r"(?P<year>\d\d)(?P<count>\d{3})",
    )
)


def read_feed_date(text: str) -> datetime | None:
    """The time of a date in a feed (or in HTTP), in UTC; None if it is not a date, or not between 1970 and 9000."""
    text = " ".join(unicodedata.normalize("NFC", text[: LENGTH_MAX + 1]).split())
    if not text or len(text) > LENGTH_MAX:
        return None
    try:
        at = _read(_COMPACT_TIME.sub(lambda match: f" {match[1]}:{match[2]}:{match[3] or '00'}", text))
        at = at.astimezone(UTC) if at else None
    except (OverflowError, ValueError):
        return None
    return at if at is not None and YEAR_MIN <= at.year <= YEAR_MAX else None


def _read(text: str) -> datetime | None:
    time = _TIME.search(text)
    after = _AFTER.fullmatch(_COMMENT.sub("", text[time.end() :] if time else ""))
    if after is None:
        return None
    zone = _zone(after["name"] or "", after["offset"] or "")
    before = text[: time.start()] if time else text
    is_korean = "년" in text or bool(time and time["early"])
    day = _day(re.sub(r"(?<=[\d.])T\Z|[\s,]+\Z", "", before), after["year"])
    if day is None or zone is None:
        return None
    start = day.replace(tzinfo=_KOREA if is_korean and not (after["name"] or after["offset"]) else zone)
    return _at_time(start, time) if time else start


def _day(text: str, later_year: str | None) -> datetime | None:
    """A calendar day; a day of the week before it is ignored. `later_year` is a year after the time of day."""
    weekday = _WEEKDAY.match(text)
    tries = [text, text[weekday.end() :]] if weekday else [text]
    for one in tries:
        for pattern in _DATES:
            match = pattern.fullmatch(one)
            if match is None:
                continue
            parts = match.groupdict()
            if (later_year is not None) != ("later" in parts):
                continue
            day = _calendar(parts, later_year)
            if day is not None:
                return day
    return None


def _calendar(parts: dict[str, str | None], later_year: str | None) -> datetime | None:
    written = later_year or parts.get("year") or ""
    year = int(written)
    if len(written) == 2:
        year += 2000 if year < 50 else 1900
    if parts.get("count"):
        count = int(parts["count"] or 0)
        day = datetime(year, 1, 1) + timedelta(days=count - 1)
        return day if count and day.year == year else None
    name = parts.get("name")
    month = _MONTHS.get(name.lower(), 0) if name else int(parts.get("month") or 1)
    return datetime(year, month, int(parts.get("day") or 1)) if month else None


def _at_time(day: datetime, time: re.Match[str]) -> datetime | None:
    hour, minute, second = int(time["hour"]), int(time["minute"]), int(time["second"] or 0)
    half = {"오전": "a", "오후": "p"}.get(time["early"] or "", (time["half"] or "").lower())
    if half == "p" and hour < 12:
        hour += 12
    elif half == "a" and hour == 12:
        hour = 0
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        return None
    micros = int((time["part"] or "0").ljust(6, "0")[:6])
    # A leap second counts as the one before it.
    return day + timedelta(hours=hour, minutes=minute, seconds=min(second, 59), microseconds=micros)


def _zone(name: str, offset: str) -> tzinfo | None:
    """The zone of a name, an offset, or both (`GMT+2`); UTC if there is none, None if it is unknown."""
    known = _ZONE_HOURS.get(name.lower())
    if offset:
        digits = offset[1:].replace(":", "")
        hours, minutes = (int(digits[:-2]), int(digits[-2:])) if len(digits) > 2 else (int(digits), 0)
        if (name and known != 0.0) or hours > 23 or minutes > 59:
            return None
        span = timedelta(hours=hours, minutes=minutes)
        return timezone(span if offset[0] == "+" else -span)
    if not name:
        return UTC
    if known is not None:
        return timezone(timedelta(hours=known))
    return _place(_ZONE_PLACES.get(name.lower(), name))


@lru_cache(maxsize=256)
def _place(name: str) -> tzinfo | None:
    """A zone of the IANA database, by its exact name; cached, because many items may name one that does not exist."""
    try:
        return ZoneInfo(name) if "/" in name else None
    except (ValueError, OSError, LookupError):
        return None
