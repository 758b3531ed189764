"""Read the text of an RRULE, with an optional DTSTART before it (RFC 5545, 3.3.10 and 3.8.2.4). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from skywrite.core.errors import Do, Hint, InputError
from skywrite.posting.schedule.localtime import to_local, zone_of
from skywrite.posting.schedule.rrule import FREQS, Freq, RRule
from skywrite.posting.schedule.series import NeverHappens, UnknownRule

COUNT_MAX = 10_000
INTERVAL_MAX = 10_000
# COUNT counts from the start, so a start long ago takes long.
YEARS = range(1970, 2201)
# A Monday at midnight, from which rules without a start count their hours and minutes.
EPOCH = datetime(2001, 1, 1)

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_RANGES = {
    "BYMONTH": (1, 12),
    "BYWEEKNO": (-53, 53),
    "BYYEARDAY": (-366, 366),
    "BYMONTHDAY": (-31, 31),
    "BYHOUR": (0, 23),
    "BYMINUTE": (0, 59),
    "BYSECOND": (0, 59),
    "BYSETPOS": (-366, 366),
}
_KNOWN = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *_RANGES}
_BYDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_STAMP = re.compile(r"(\d{8})(?:T(\d{4}(?:\d\d)?)(Z)?)?", re.ASCII)


def parse_rrule(text: str, zone: ZoneInfo, start: datetime | None) -> tuple[RRule, ZoneInfo]:
    """The rule, and the zone of its local times: that of its DTSTART, else `zone`.

    `start` is a naive local time. Without one, and without DTSTART, the rule itself must name its days and time of day,
    and may neither count nor leave out days. Raises UnknownRule, NeverHappens, InputError, UnknownZone.
    """
    rule_text, begin, place = _split(text, zone)
    if begin is None and start is not None:
        begin = start
    if begin is not None and begin.year not in YEARS:
        raise UnknownRule(f"The start of the rule is too far away: {begin}.", hint="Write a day of this century.")
    parts = _parts(rule_text)
    freq = _freq(parts)
    if "COUNT" in parts and "UNTIL" in parts:
        raise UnknownRule("A rule can have COUNT or UNTIL, not both.")
    numbers = {name: _numbers(name, parts[name]) for name in _RANGES if name in parts}
    if len(numbers.get("BYSECOND", ())) > 1:
        raise InputError(
            "The recurrence is more frequent than once a minute.",
            code="rule.too_often",
            hint="Give one BYSECOND, or none.",
        )
    if "BYSETPOS" in parts and not any(name.startswith("BY") and name != "BYSETPOS" for name in parts):
        raise UnknownRule("BYSETPOS needs another BY part to choose from, and there is none.")
    if "BYWEEKNO" in parts and freq != "YEARLY":
        raise UnknownRule("BYWEEKNO is for years (RFC 5545, 3.3.10).", hint="Use it with FREQ=YEARLY.")
    byday = _byday(parts, freq)
    if begin is None:
        _must_stand_alone(parts, freq)
    origin = (begin or EPOCH).replace(microsecond=0)
    if "BYSECOND" in numbers:
        origin = origin.replace(second=numbers["BYSECOND"][0])
    rule = _fill(parts, freq, numbers, byday, origin, place, begin is not None)
    if next(rule.after(datetime.min), None) is None:
        raise NeverHappens(f"The rule {rule_text!r} has no occurrences.")
    return rule, place


def _fill(
    parts: Mapping[str, str],
    freq: Freq,
    numbers: Mapping[str, tuple[int, ...]],
    byday: tuple[tuple[int, int], ...],
    origin: datetime,
    place: ZoneInfo,
    has_start: bool,
) -> RRule:
    """The rule, with missing parts taken from its start."""
    bymonth, bymonthday = numbers.get("BYMONTH", ()), numbers.get("BYMONTHDAY", ())
    if not (byday or bymonthday or "BYYEARDAY" in parts or "BYWEEKNO" in parts):
        if freq == "YEARLY":
            bymonth, bymonthday = bymonth or (origin.month,), (origin.day,)
        elif freq == "MONTHLY":
            bymonthday = (origin.day,)
        elif freq == "WEEKLY":
            byday = ((0, origin.weekday()),)
    byhour, byminute = numbers.get("BYHOUR", ()), numbers.get("BYMINUTE", ())
    if freq not in ("HOURLY", "MINUTELY"):
        byhour = byhour or (origin.hour,)
    if freq != "MINUTELY":
        byminute = byminute or ((origin.minute,) if has_start else (0,))
    return RRule(
        freq=freq,
        start=origin,
        interval=_number("INTERVAL", parts.get("INTERVAL", "1"), 1, INTERVAL_MAX),
        count=_number("COUNT", parts["COUNT"], 1, COUNT_MAX) if "COUNT" in parts else None,
        until=_until(parts["UNTIL"], place) if "UNTIL" in parts else None,
        wkst=_weekday(parts.get("WKST", "MO")),
        bymonth=bymonth,
        byweekno=numbers.get("BYWEEKNO", ()),
        byyearday=numbers.get("BYYEARDAY", ()),
        bymonthday=bymonthday,
        byday=byday,
        byhour=byhour,
        byminute=byminute,
        bysetpos=numbers.get("BYSETPOS", ()),
    )


def _split(text: str, zone: ZoneInfo) -> tuple[str, datetime | None, ZoneInfo]:
    """The rule's own text, its DTSTART and its zone."""
    rule, start, place = None, None, zone
    for line in text.upper().split():
        head, _, value = line.rpartition(":")
        name, _, parameter = head.partition(";")
        if name in ("RRULE", "") and rule is None and not parameter:
            rule = value
        elif name == "DTSTART" and start is None:
            if parameter.startswith("TZID="):
                place = zone_of(parameter.removeprefix("TZID="))
            elif value.endswith("Z"):
                place = zone_of("UTC")
            start = _stamp(value, "DTSTART")[0]
        else:
            raise UnknownRule(
                f"The rule has an unknown part: {line!r}.", hint="Write one RRULE, and at most one DTSTART."
            )
    if not rule:
        raise UnknownRule(f"There is no RRULE in {text!r}.")
    return rule, start, place


def _parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for piece in text.strip(";").split(";"):
        name, _, value = piece.partition("=")
        if name not in _KNOWN or not value:
            raise UnknownRule(f"The rule has an unknown part: {piece!r}.")
        if name in parts:
            raise UnknownRule(f"The rule has {name} twice.")
        parts[name] = value
    return parts


def _freq(parts: Mapping[str, str]) -> Freq:
    name = parts.get("FREQ", "")
    if name == "SECONDLY":
        raise InputError(
            "The recurrence is more frequent than once a minute.",
            code="rule.too_often",
            hint="The shortest is FREQ=MINUTELY.",
        )
    for freq in FREQS:
        if freq == name:
            return freq
    raise UnknownRule(f"The rule has no known FREQ: {name!r}.", hint=f"Use one of {', '.join(FREQS)}.")


def _byday(parts: Mapping[str, str], freq: Freq) -> tuple[tuple[int, int], ...]:
    days = []
    for piece in parts["BYDAY"].split(",") if "BYDAY" in parts else ():
        match = _BYDAY.fullmatch(piece)
        if match is None or (match[1] is not None and not 1 <= abs(int(match[1])) <= 53):
            raise UnknownRule(f"BYDAY {piece!r} is not a day of the week.", hint="Write MO, or 1MO, or -1FR.")
        days.append((int(match[1] or 0), _DAYS.index(match[2])))
    if any(ordinal for ordinal, _ in days) and (freq not in ("YEARLY", "MONTHLY") or "BYWEEKNO" in parts):
        raise UnknownRule("BYDAY with a number is for months and years.", hint="Use it with MONTHLY or YEARLY.")
    return tuple(days)


def _must_stand_alone(parts: Mapping[str, str], freq: Freq) -> None:
    """Refuse a rule whose meaning depends on a start that is not given."""
    hint = "Say when it begins (at, or DTSTART), or name its days and time of day in the rule."
    of_days = freq not in ("HOURLY", "MINUTELY")
    if of_days and "BYHOUR" not in parts:
        raise UnknownRule("The rule does not say at which time of day.", hint=f"Add BYHOUR=9;BYMINUTE=0. {hint}")
    named = {"YEARLY": ("BYMONTHDAY", "BYDAY", "BYYEARDAY", "BYWEEKNO"), "MONTHLY": ("BYMONTHDAY", "BYDAY")}
    wanted = named.get(freq, ("BYDAY",) if freq == "WEEKLY" else ())
    if wanted and not any(name in parts for name in wanted):
        raise UnknownRule("The rule does not say on which day.", hint=hint)
    if freq == "YEARLY" and "BYMONTHDAY" in parts and "BYMONTH" not in parts:
        raise UnknownRule("The rule does not say in which month.", hint=hint)
    if "COUNT" in parts or (of_days and parts.get("INTERVAL", "1") != "1"):
        start = Hint("Say when it begins: ", Do("argument", "at"))
        raise UnknownRule("The rule counts from its start, which is not given.", hint=start)


def _numbers(name: str, text: str) -> tuple[int, ...]:
    low, high = _RANGES[name]
    numbers = {_number(name, piece, low, high) for piece in text.split(",")}
    if 0 in numbers and low < 0:
        raise UnknownRule(f"{name} cannot be 0.")
    return tuple(sorted(numbers))


def _number(name: str, text: str, low: int, high: int) -> int:
    if not re.fullmatch(r"[+-]?\d{1,6}", text, re.ASCII) or not low <= int(text) <= high:
        raise UnknownRule(f"{name} must be a whole number from {low} to {high}, not {text!r}.")
    return int(text)


def _weekday(text: str) -> int:
    if text not in _DAYS:
        raise UnknownRule(f"{text!r} is not a day of the week.", hint=f"Use one of {', '.join(_DAYS)}.")
    return _DAYS.index(text)


def _until(text: str, place: ZoneInfo) -> datetime:
    """The last local time; a date without a time includes the whole day."""
    stamp, is_utc, has_time = _stamp_parts(text, "UNTIL")
    if is_utc:
        return to_local(stamp.replace(tzinfo=zone_of("UTC")), place)
    return stamp if has_time else stamp.replace(hour=23, minute=59, second=59)


def _stamp(text: str, name: str) -> tuple[datetime, bool]:
    stamp, is_utc, _ = _stamp_parts(text, name)
    return stamp, is_utc


def _stamp_parts(text: str, name: str) -> tuple[datetime, bool, bool]:
    match = _STAMP.fullmatch(text)
    if match is not None:
        try:
            stamp = datetime.strptime(match[1] + (match[2] or "0000").ljust(6, "0"), "%Y%m%d%H%M%S")
        except ValueError:
            match = None
        else:
            return stamp, match[3] is not None, match[2] is not None
    raise UnknownRule(f"{name} {text!r} is not a time.", hint="Write it like 20261224T170000 or 20261224T160000Z.")
