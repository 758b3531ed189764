"""Time zones in written times: IANA names, offsets, UTC, and abbreviations, which are refused. Pure.

An abbreviation means several zones (CST), or a zone for half of the year (CET), so the error suggests IANA names. It is
allowed next to an offset, as programs print it, if the two agree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from skywrite.posting.schedule.localtime import UnknownZone, closest_zones, zone_names, zone_of
from skywrite.posting.schedule.time_errors import swapped
from skywrite.posting.schedule.tokens import Found, Token, Zone, ZoneName, found, rewritten
from skywrite.posting.schedule.words import fold

_END = r"(?![\w:])"
_IANA = re.compile(r"\[?([a-z]+(?:/[a-z0-9_+.-]*)+)\]?")
_UTC = re.compile(rf"(?:utc|gmt|ut)(?: ?([+-]) ?(\d{{1,2}})(?::?(\d\d))?)?{_END}|z(?:ulu)?{_END}", re.ASCII)
_OFFSET = re.compile(rf"([+-])(?:(\d\d)(?::?(\d\d))?|(\d):(\d\d)){_END}", re.ASCII)
_COMMENT = re.compile(r"\(([^()\d]{2,60}|gmt[+-]\d\d:\d\d)\)")
_WORD = re.compile(rf"[a-z]{{2,5}}{_END}", re.ASCII)
# A part of each zone's long name, in the languages of browsers.
_LONG_NAME = re.compile(r"time\b|zeit\b|\bheure\b|\bhora\b|\bhorario\b|\bora\b|tijd\b|标准时间|標準時|夏時間|時間")
_OFFSET_MAX = timedelta(hours=14)

# Each abbreviation: the minutes from UTC that it may mean, and places that use it.
_ABBREVIATIONS: dict[str, tuple[tuple[int, ...], str]] = {
    "et": ((-300, -240), "America/New_York"),
    "est": ((-300, 600), "America/New_York America/Panama"),
    "edt": ((-240,), "America/New_York"),
    "ct": ((-360, -300), "America/Chicago"),
    "cst": ((-360, 480, -300), "America/Chicago Asia/Shanghai America/Havana"),
    "cdt": ((-300, -240), "America/Chicago America/Havana"),
    "mt": ((-420, -360), "America/Denver"),
    "mst": ((-420,), "America/Denver America/Phoenix"),
    "mdt": ((-360,), "America/Denver"),
    "pt": ((-480, -420), "America/Los_Angeles"),
    "pst": ((-480, 480), "America/Los_Angeles Asia/Manila"),
    "pdt": ((-420,), "America/Los_Angeles"),
    "akst": ((-540,), "America/Anchorage"),
    "akdt": ((-480,), "America/Anchorage"),
    "hst": ((-600,), "Pacific/Honolulu"),
    "ast": ((-240, 180), "America/Halifax Asia/Riyadh"),
    "adt": ((-180,), "America/Halifax"),
    "nst": ((-210,), "America/St_Johns"),
    "ndt": ((-150,), "America/St_Johns"),
    "brt": ((-180,), "America/Sao_Paulo"),
    "art": ((-180,), "America/Argentina/Buenos_Aires"),
    "clt": ((-240,), "America/Santiago"),
    "clst": ((-180,), "America/Santiago"),
    "cot": ((-300,), "America/Bogota"),
    "wet": ((0,), "Europe/Lisbon"),
    "west": ((60,), "Europe/Lisbon"),
    "bst": ((60, 360), "Europe/London Asia/Dhaka"),
    "ist": ((330, 60, 120), "Asia/Kolkata Europe/Dublin Asia/Jerusalem"),
    "idt": ((180,), "Asia/Jerusalem"),
    "cet": ((60,), "Europe/Berlin Europe/Paris Europe/Madrid"),
    "cest": ((120,), "Europe/Berlin Europe/Paris Europe/Madrid"),
    "mez": ((60,), "Europe/Berlin Europe/Vienna Europe/Zurich"),
    "mesz": ((120,), "Europe/Berlin Europe/Vienna Europe/Zurich"),
    "met": ((60,), "Europe/Berlin"),
    "mest": ((120,), "Europe/Berlin"),
    "eet": ((120,), "Europe/Athens Europe/Helsinki Europe/Kyiv"),
    "eest": ((180,), "Europe/Athens Europe/Helsinki Europe/Kyiv"),
    "msk": ((180,), "Europe/Moscow"),
    "trt": ((180,), "Europe/Istanbul"),
    "wat": ((60,), "Africa/Lagos"),
    "cat": ((120,), "Africa/Maputo"),
    "sast": ((120,), "Africa/Johannesburg"),
    "eat": ((180,), "Africa/Nairobi"),
    "gst": ((240,), "Asia/Dubai"),
    "pkt": ((300,), "Asia/Karachi"),
    "wib": ((420,), "Asia/Jakarta"),
    "ict": ((420,), "Asia/Bangkok"),
    "hkt": ((480,), "Asia/Hong_Kong"),
    "sgt": ((480,), "Asia/Singapore"),
    "pht": ((480,), "Asia/Manila"),
    "jst": ((540,), "Asia/Tokyo"),
    "kst": ((540,), "Asia/Seoul"),
    "awst": ((480,), "Australia/Perth"),
    "acst": ((570,), "Australia/Adelaide Australia/Darwin"),
    "acdt": ((630,), "Australia/Adelaide"),
    "aest": ((600,), "Australia/Sydney Australia/Brisbane"),
    "aedt": ((660,), "Australia/Sydney"),
    "aet": ((600, 660), "Australia/Sydney"),
    "nzst": ((720,), "Pacific/Auckland"),
    "nzdt": ((780,), "Pacific/Auckland"),
}
_LONG_NAMES = {
    "coordinated universal time": (0,),
    "greenwich mean time": (0,),
    "british summer time": (60,),
    "central european standard time": (60,),
    "central european summer time": (120,),
    "mitteleuropaische normalzeit": (60,),
    "mitteleuropaische sommerzeit": (120,),
    "eastern european standard time": (120,),
    "eastern european summer time": (180,),
    "eastern standard time": (-300,),
    "eastern daylight time": (-240,),
    "central standard time": (-360,),
    "central daylight time": (-300,),
    "mountain standard time": (-420,),
    "mountain daylight time": (-360,),
    "pacific standard time": (-480,),
    "pacific daylight time": (-420,),
    "japan standard time": (540,),
    "india standard time": (330,),
    "china standard time": (480,),
}


def read_zone(text: str, pos: int) -> Found | None:
    """Read a zone at this position. Raises UnknownZone for an unknown IANA name."""
    if (iana := _IANA.match(text, pos)) and iana[0].startswith("[") == iana[0].endswith("]"):
        return found(text, pos, iana.end(), Zone(_named_in(text, iana), is_offset=False))
    if text.startswith("[utc]", pos):
        return found(text, pos, pos + 5, Zone(zone_of("UTC"), is_offset=True))
    if utc := _UTC.match(text, pos):
        zone = _offset(utc[1], utc[2], utc[3]) if utc[1] else zone_of("UTC")
        return found(text, pos, utc.end(), Zone(zone, is_offset=True)) if zone else None
    if match := _OFFSET.match(text, pos):
        zone = _offset(match[1], match[2] or match[4], match[3] or match[5])
        return found(text, pos, match.end(), Zone(zone, is_offset=True)) if zone else None
    if comment := _COMMENT.match(text, pos):
        return _read_comment(text, pos, comment)
    word = _WORD.match(text, pos)
    if word and word[0] in _ABBREVIATIONS:
        return found(text, pos, word.end(), ZoneName(word[0].upper(), _ABBREVIATIONS[word[0]][0]))
    return None


def _named_in(text: str, match: re.Match[str]) -> ZoneInfo:
    """The zone of an IANA name in a text. Raises UnknownZone, with the text in zones whose names are similar."""
    try:
        return _named(match[1])
    except UnknownZone as error:
        spaced = text[match.start(1) :].replace(" ", "_")
        if spaced in zone_names():
            error.readings = (swapped(text, match.start(1), len(text), zone_names()[spaced]),)
        else:
            near = closest_zones(match[1])
            error.readings = tuple(swapped(text, match.start(1), match.end(1), name) for name in near)
        raise


@lru_cache(maxsize=100)
def _named(name: str) -> ZoneInfo:
    """The zone of a folded IANA name. Trying it with capitals finds most of them quickly."""
    return zone_of(name.title())


def _offset(sign: str, hours: str, minutes: str | None) -> tzinfo | None:
    minute = int(minutes or 0)
    offset = timedelta(hours=int(hours), minutes=minute)
    if offset > _OFFSET_MAX or minute > 59:
        return None
    return timezone(offset if sign == "+" else -offset)


def _read_comment(text: str, pos: int, match: re.Match[str]) -> Found | None:
    """The name in parentheses that e-mail and JavaScript put after an offset, or a zone that somebody wrote there."""
    name = match[1].strip()
    inner = read_zone(name, 0)
    if inner and inner.end == len(name):
        return Found(match.end(), tuple(token._replace(text=match[0]) for token in inner.tokens))
    if name in _LONG_NAMES or _LONG_NAME.search(name):
        return found(text, pos, match.end(), ZoneName(name.title(), _LONG_NAMES.get(name)))
    return None


def check_name(name: ZoneName, zone: Zone | None, at: datetime | None, tokens: Sequence[Token], typed: str) -> None:
    """Refuse a zone's name that is alone, or that does not agree with the offset next to it."""
    if zone is None or at is None:
        known = _ABBREVIATIONS.get(name.name.casefold())
        places = known[1].split() if known else []
        places = places or [suggest_zone(name.name.split()[-1]) or "Europe/Berlin"]
        without = {number: "" for number, token in enumerate(tokens) if isinstance(token.value, Zone)}
        names = [number for number, token in enumerate(tokens) if isinstance(token.value, ZoneName)]
        raise UnknownZone(
            f"{name.name!r} in {typed!r} is not the same time zone all year and everywhere.",
            hint=f"Name a place, such as {' or '.join(places)}, or an offset, such as +01:00.",
            readings=[rewritten(tokens, without | dict.fromkeys(names, place)) for place in places],
            lead="Name a place, such as",
        )
    offset = at.astimezone(zone.zone).utcoffset() or timedelta()
    if name.offsets is not None and int(offset.total_seconds()) // 60 not in name.offsets:
        raise UnknownZone(
            f"The zone {name.name!r} and the offset next to it in {typed!r} do not agree.", hint="Keep one of them."
        )


def suggest_zone(word: str) -> str:
    """The IANA zone of a city, such as `Europe/Berlin`; empty if the word is not a city."""
    ending = f"/{fold(word)}"
    names = [name for lower, name in zone_names().items() if lower.endswith(ending)] if len(ending) > 4 else []
    return names[0] if names else ""
