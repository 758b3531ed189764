"""Lengths of time from now: `in 2 hours`, `in an hour and a half`, `dans 2 h`, `2時間後`. Pure."""

from __future__ import annotations

import re
from functools import cache

from skywrite.posting.schedule.clock_forms import END
from skywrite.posting.schedule.languages import numbers
from skywrite.posting.schedule.time_errors import AmbiguousTime, InvalidTime
from skywrite.posting.schedule.tokens import Found, Span, found
from skywrite.posting.schedule.words import fold

PREFIXES = ("in", "dans", "en", "dentro de", "tra", "fra", "em", "daqui a", "over", "om", "za", "через")
_PREFIX = re.compile(f"({'|'.join(PREFIXES)}) ")
# After these words, an hour in these words is a time of day, or may be: "om 2 uur" is two o'clock.
_OCLOCK = {"om": ("uur", "u", "h"), "za": ("uur", "u", "h")}
_ENGLISH = re.compile(r"\b(?:an?|seconds?|minutes?|hours?|days?|weeks|months?|years?)\b")
_AND = re.compile(r",? (?:and|und|et|y|e|en) |, | ?")
_AMOUNT = re.compile(r"(\d{1,5})(?:[.,](\d{1,3}))? ?|([^\W\d_]+(?:-five)?)(?: |(?<=\bun)')")
# What these prefixes may have without a number: "через час" is in an hour.
_SINGLE = {
    "через": "минуту час день неделю месяц год хвилину годину тиждень місяць рік",
    "za": "minutę godzinę dzień tydzień miesiąc rok minutu hodinu den týden měsíc",
}
_UNIT = re.compile(rf"([^\W\d_]+){END}")
_SHORT_UNIT = re.compile(r"(d|h|m|min|s)(?=\d)")
_H_MIN = re.compile(rf"(\d{{1,3}}) ?h ?(\d\d){END}(?! ?m)", re.ASCII)
# What may be a time of day as well as a length: nine o'clock, or nine hours.
_AN_HOUR = re.compile(rf"(\d{{1,2}}) ?(?:h|u|uur|heures?|horas?)(?: ?(\d\d))?{END}(?! ?m)", re.ASCII)
_AND_HALF = re.compile(r" and a half| et demie| y media| e mezz[ao]| e meia")
_HALF_BEFORE = re.compile(r"and a half ")
_FROM_NOW = re.compile(rf" from now{END}")
_EAST = re.compile(r"(\d{1,5}) ?(秒|分钟?|小時|時間|小时|日|天|週間|周|か月|ヶ月|个月|年)[後后]", re.ASCII)

# Seconds, days, months of one unit, and its names.
_UNITS = (
    (1, 0, 0, "s sec secs second seconds sekunde sekunden seconde secondes segundo segundos secondo secondi 秒"),
    (
        *(60, 0, 0),
        "m min mins minute minutes minuten minuto minutos minuti minut minuter minutter minuut минуту минуты минут 分"
        " 分钟",
    ),
    (
        *(3600, 0, 0),
        "h hr hrs hour hours stunde stunden std heure heures hora horas ora ore uur uren timme timmar time timer"
        " godzinę godziny godzin hodinu hodiny hodin час часа часов годину години годин 時間 小时 小時",
    ),
    (
        *(0, 1, 0),
        "d day days tag tage tagen jour jours día días giorno giorni dia dias dag dagen dagar dage dager dzień dni den"
        " dny dní день дня дней дні днів 日 天",
    ),
    (
        *(0, 7, 0),
        "w wk week weeks woche wochen semaine semaines semana semanas settimana settimane weken vecka veckor uge uger"
        " uke uker tydzień tygodnie týden týdny неделю недели недель тиждень тижні 週間 周",
    ),
    (
        *(0, 0, 1),
        "month months monat monate monaten mois mes meses mese mesi mês maand maanden månad månader måned måneder"
        " месяц месяца месяцев か月 ヶ月 个月",
    ),
    (0, 0, 12, "year years jahr jahre jahren an ans año años anno anni ano anos jaar år год года лет 年"),
)
_WHOLE = {
    "half an hour": 1800,
    "half a minute": 30,
    "a quarter of an hour": 900,
    "a quarter hour": 900,
    "three quarters of an hour": 2700,
    "einer halben stunde": 1800,
    "einer viertelstunde": 900,
    "einer dreiviertelstunde": 2700,
    "anderthalb stunden": 5400,
    "eineinhalb stunden": 5400,
    "une demi-heure": 1800,
    "un quart d'heure": 900,
    "media hora": 1800,
    "mezz'ora": 1800,
    "meia hora": 1800,
    "een half uur": 1800,
    "een halfuur": 1800,
    "полчаса": 1800,
}


@cache
def units() -> dict[str, tuple[int, int, int]]:
    """The seconds, days and months of each unit's names, folded."""
    return {fold(name): unit for *unit, names in _UNITS for name in names.split()}  # type: ignore[misc]


def read_span(text: str, pos: int) -> Found | None:
    """Read a length of time from now at this position. Raises InvalidTime for half a day and the like."""
    if match := _EAST.match(text, pos):
        return found(text, pos, match.end(), _span([(int(match[1]), units()[match[2]])]))
    prefix = _PREFIX.match(text, pos)
    if prefix is None and " from now" not in text:
        return None
    begin = prefix.end() if prefix else pos
    read = _read_length(text, begin) or (_read_single(text, begin, prefix[1]) if prefix else None)
    if read is None:
        return None
    end, span, hours_word = read
    if prefix:
        if hours_word in _OCLOCK.get(prefix[1], ()):
            return None
        if prefix[1] == "over" and _ENGLISH.search(text, begin, end):
            # "Over 2 hours" is how long something takes.
            return None
    elif tail := _FROM_NOW.match(text, end):
        end = tail.end()
    else:
        return None
    return found(text, pos, end, span)


def _read_length(text: str, pos: int) -> tuple[int, Span, str] | None:
    """The end of a length that begins here, the length, and its word for hours if that can also mean o'clock."""
    for whole, seconds in _WHOLE.items():
        if text.startswith(whole, pos) and re.compile(END).match(text, pos + len(whole)):
            return pos + len(whole), Span(seconds=seconds), ""
    pieces: list[tuple[float, tuple[int, int, int]]] = []
    end, hours_word = pos, ""
    begin = pos
    after_days = False
    while True:
        if after_days and (hour := _AN_HOUR.match(text, begin)):
            raise _two_hours(text, begin, hour)
        if short := _H_MIN.match(text, begin):
            pieces += [(int(short[1]), units()["h"]), (int(short[2]), units()["m"])]
            end, hours_word = short.end(), "h"
        else:
            piece = _read_piece(text, begin)
            if piece is None:
                break
            end, amount, name = piece
            pieces.append((amount, units()[name]))
            hours_word = hours_word or (name if name in ("uur", "u", "h") else "")
            after_days = any(units()[name][1:]) and len(name) > 1
            if half := _AND_HALF.match(text, end):
                pieces.append((0.5, units()[name]))
                end = half.end()
        joined = _AND.match(text, end)
        assert joined is not None
        begin = joined.end()
        after_days = after_days and joined[0].strip() in ("", ",")
    return (end, _span(pieces), hours_word) if pieces else None


def _read_single(text: str, pos: int, prefix: str) -> tuple[int, Span, str] | None:
    """One unit without its number, after a prefix that may have it so."""
    unit = _UNIT.match(text, pos)
    single = {fold(name) for name in _SINGLE.get(prefix, "").split()}
    return (unit.end(), _span([(1, units()[unit[1]])]), "") if unit and unit[1] in single & set(units()) else None


def _two_hours(text: str, begin: int, hour: re.Match[str]) -> AmbiguousTime:
    """The error for an hour after days: `dans 15 jours 9h` may be at nine, or nine hours later."""
    clock = f"{hour[1]}:{hour[2] or '00'}"
    length = f"{hour[1]} hours" + (f" {hour[2]} minutes" if hour[2] else "")
    before, after = text[:begin].rstrip(" ,"), text[hour.end() :]
    # "Over 2 hours" is Dutch only if all of it is.
    readings = [f"{before} {clock}{after}", f"{re.sub(r'^over ', 'in ', before)} and {length}{after}"]
    return AmbiguousTime(text, f"{hour[0].strip()!r} may be a time of day, or be added to the days", readings)


def _read_piece(text: str, pos: int) -> tuple[int, float, str] | None:
    """One amount and its unit."""
    amount = _AMOUNT.match(text, pos)
    if amount is None:
        return None
    if amount[3]:
        number: float | None = numbers().get(amount[3])
    else:
        number = float(f"{amount[1]}.{amount[2] or 0}")
    if number is None:
        return None
    begin = amount.end()
    if half := _HALF_BEFORE.match(text, begin):
        number, begin = number + 0.5, half.end()
    unit = _UNIT.match(text, begin) or _SHORT_UNIT.match(text, begin)
    return (unit.end(), number, unit[1]) if unit and unit[1] in units() else None


def _span(pieces: list[tuple[float, tuple[int, int, int]]]) -> Span:
    seconds = days = months = 0.0
    for amount, (second, day, month) in pieces:
        seconds, days, months = seconds + amount * second, days + amount * day, months + amount * month
    if days % 1 or months % 1:
        raise InvalidTime("Only whole days, weeks and months are possible.", hint='Write hours, such as "in 36 hours".')
    return Span(seconds, int(days), int(months))
