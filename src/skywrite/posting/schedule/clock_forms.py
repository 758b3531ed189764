"""Times of day as people write them: `9:00`, `5 pm`, `9h30`, `half past 9`, `午後3時`. Pure.

What does not live here: noon and midnight (`languages`), and parts of the day next to a time (`meaning`).
"""

from __future__ import annotations

import re

from skywrite.core.digits import whole_number
from skywrite.posting.schedule.languages import numbers
from skywrite.posting.schedule.time_errors import AmbiguousTime, InvalidTime, swapped
from skywrite.posting.schedule.tokens import Clock, Found, found

# The next character begins something else: it is not a digit, and not a letter except those of East Asia.
END = r"(?![0-9a-z\u00aa-\u1fff])"
HALF = r"([ap])(?:m|\.m\.?)"
_HOUR_WORD = r"(?:uhr|uur|h|hs|heures?|horas?|o'clock|час(?:ов|а)?|hod(?:in)?|u)"
_COLON = re.compile(
    rf"(\d{{1,2}}):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?: ?{HALF}| ?(?:{_HOUR_WORD}|hrs|hours))?"
    rf"(?:{END}|(?=(?:z|utc|gmt)(?![^\W\d])))",
    re.ASCII,
)
_TWELVE = re.compile(rf"(\d{{1,2}}) ?{HALF}{END}", re.ASCII)
_DOTTED = re.compile(rf"(\d{{1,2}})\.(\d\d)(?: ?{HALF}| ?{_HOUR_WORD}){END}", re.ASCII)
_LETTER = re.compile(rf"(\d{{1,2}}) ?{_HOUR_WORD}(?: ?(\d\d)| (et demie|et quart|e mezza|y media))?{END}", re.ASCII)
_EAST = re.compile(r"(午後|下午|오후)? ?(\d{1,2}) ?[時点點시](?: ?(\d{1,2}) ?[分분]|(半))?", re.ASCII)
_PAST = re.compile(
    rf"(half|quarter|a quarter|[a-z]+|\d{{1,2}}) (past|to) ([a-z]+|\d{{1,2}})(?: ?{HALF})?{END}", re.ASCII
)
_HALB = re.compile(rf"(halb|viertel nach|viertel vor) ([^\W\d_]+|\d{{1,2}})(?: uhr)?{END}")
_WORD_HOUR = re.compile(rf"([^\W\d_]+) (?:uhr|o'clock){END}")
_AND = re.compile(rf"([^\W\d_]+|\d{{1,2}}) (et demie|et quart|e mezz[ao]|e un quarto|y media|y cuarto|e meia){END}")
_EXTRA = {
    **dict.fromkeys(("et demie", "e mezza", "e mezzo", "y media", "e meia"), "30"),
    **dict.fromkeys(("et quart", "e un quarto", "y cuarto"), "15"),
}
_PLAIN_END = r"(?![0-9.,])"
# The time after the T of ISO 8601, with colons or without.
ISO_TIME = re.compile(
    rf"(?:(\d{{1,2}}):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?|(\d\d)(?:(\d\d)(?:(\d\d)(?:[.,](\d+))?)?)?){_PLAIN_END}",
    re.ASCII,
)


def read_clock(text: str, pos: int) -> Found | None:
    """A time of day at this place. Raises InvalidTime for one that does not exist."""
    if match := _COLON.match(text, pos):
        return _found(text, match, match[1], match[2], match[3], match[4], half=match[5])
    if match := _TWELVE.match(text, pos):
        return _found(text, match, match[1], half=match[2])
    if match := _DOTTED.match(text, pos):
        return _found(text, match, match[1], match[2], half=match[3])
    if match := _LETTER.match(text, pos):
        minute = match[2] or _EXTRA.get(match[3] or "", "0")
        is_length_too = not ("uhr" in match[0] or "o'clock" in match[0])
        return _found(text, match, match[1], minute, form="letter" if is_length_too else "plain")
    if match := _EAST.match(text, pos):
        minute = match[3] or ("30" if match[4] else "0")
        if not match[1]:
            return _found(text, match, match[2], minute)
        if int(match[2]) < 12:
            return _found(text, match, str(int(match[2]) + 12), minute)
    return _read_words(text, pos)


def _read_words(text: str, pos: int) -> Found | None:
    """`half past 9`, `quarter to ten pm`, `halb zehn`, `9 y media`, `neun Uhr`."""
    if match := _PAST.match(text, pos):
        away = {"half": 30, "quarter": 15, "a quarter": 15}.get(match[1]) or _number(match[1])
        hour = _number(match[3])
        if away and hour and away < 60 and hour <= 24:
            before = match[2] == "to"
            if match[1] == "half" and before:
                return None
            if before and away <= (24 if match[1].isdigit() else 12):
                raise _may_be_range(text, match, away)
            return _shifted(text, match, hour, -away if before else away, match[4])
    if match := _HALB.match(text, pos):
        hour = _number(match[2])
        if hour and hour <= 24:
            return _shifted(text, match, hour, {"halb": -30, "viertel nach": 15}.get(match[1], -15), None)
    if (match := _AND.match(text, pos)) and (hour := _number(match[1])):
        return _found(text, match, str(hour), _EXTRA[match[2]])
    match = _WORD_HOUR.match(text, pos)
    hour = _number(match[1]) if match else None
    return _found(text, match, str(hour)) if match and hour else None


def _may_be_range(text: str, match: re.Match[str], first: int) -> AmbiguousTime:
    """`7 to 9am`: from seven to nine, or seven minutes before nine."""
    hour, half = _number(match[3]) or 0, match[4]
    start, end = first, _to_24(match[0], hour, half) if half else hour
    if half and first <= 12:
        # From 9 to 5pm begins in the morning.
        start = first % 12 + (12 if first % 12 + 12 < end else 0)
    before = divmod((end * 60 - first) % 1440, 60)
    clocks = (f"{before[0]}:{before[1]:02d}", f"{start}:00")
    readings = [swapped(text, match.start(), match.end(), clock) for clock in clocks]
    return AmbiguousTime(text, f"{match[0]!r} may be minutes before an hour, or two hours", readings)


def _number(word: str) -> int | None:
    number = whole_number(word)
    return numbers().get(word) if number is None else number


def _shifted(text: str, match: re.Match[str], hour: int, minutes: int, half: str | None) -> Found:
    whole = hour if half is None else _to_24(match[0], hour, half)
    value = Clock(*divmod((whole * 60 + minutes) % 1440, 60), twelve=not half)
    return found(text, match.start(), match.end(), value)


def _found(
    text: str,
    match: re.Match[str],
    hour: str,
    minute: str | None = None,
    second: str | None = None,
    fraction: str | None = None,
    *,
    half: str | None = None,
    form: str = "plain",
) -> Found:
    clock = make_clock(match[0], hour, minute, second, fraction, half=half)
    if form == "letter":
        clock = Clock(clock.hour, clock.minute, twelve=clock.twelve, form="letter")
    return found(text, match.start(), match.end(), clock)


def make_clock(
    piece: str,
    hour: str,
    minute: str | None = None,
    second: str | None = None,
    fraction: str | None = None,
    *,
    half: str | None = None,
    is_iso: bool = False,
) -> Clock:
    """A time of day from its digits; a fraction of any length counts to the microsecond. Raises InvalidTime."""
    whole = int(hour) if half is None else _to_24(piece, int(hour), half)
    rest = (int(minute or 0), int(second or 0), int(("0" if fraction is None else fraction)[:6].ljust(6, "0")))
    if whole > 24 or rest[0] > 59 or rest[1] > 59 or (whole == 24 and any(rest)):
        raise InvalidTime(f"The time of day {piece!r} does not exist.")
    return Clock(whole, *rest, twelve=not half and not is_iso, form="iso" if is_iso else "plain")


def _to_24(piece: str, hour: int, half: str) -> int:
    if not 1 <= hour <= 12:
        raise InvalidTime(f"The time of day {piece!r} does not exist: am and pm need an hour from 1 to 12.")
    return hour % 12 + (12 if half == "p" else 0)
