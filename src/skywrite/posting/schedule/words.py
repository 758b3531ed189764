"""English calendar words: days of the week, months, times of day; and words of any language without their accents. Pure
tables and small readers.
"""

from __future__ import annotations

import re
import unicodedata

WEEKDAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKDAY_FULL = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTH_FULL = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS = {
    **{name: day for day, name in enumerate(WEEKDAY_NAMES)},
    **{name.lower(): day for day, name in enumerate(WEEKDAY_FULL)},
    **{"tues": 1, "weds": 2, "thur": 3, "thurs": 3},
}
_MONTHS = {
    **{name[:3].lower(): number for number, name in enumerate(MONTH_FULL, 1)},
    **{name.lower(): number for number, name in enumerate(MONTH_FULL, 1)},
    "sept": 9,
}
_CLOCK = re.compile(r"(\d{1,2})(?::(\d\d))?([ap]m)?", re.ASCII)
_SAME = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2212": "-", "\u2019": "'"})


def weekday_of(word: str) -> int | None:
    """0 for Monday (`mon`, `monday`) to 6; None for any other word. Lower case."""
    return _WEEKDAYS.get(word.rstrip("."))


def month_of(word: str) -> int | None:
    """1 for January (`jan`, `january`) to 12; None for any other word. Lower case."""
    return _MONTHS.get(word.rstrip("."))


def clock_minutes(word: str) -> int | None:
    """Minutes since midnight of `9:00`, `17:30`, `8am`, `8:30pm`, `noon` or `midnight`; None for any other word."""
    if word in ("noon", "midnight"):
        return 12 * 60 if word == "noon" else 0
    match = _CLOCK.fullmatch(word)
    if match is None:
        return None
    hour, minute, half = int(match[1]), int(match[2] or 0), match[3]
    if (match[2] is None and half is None) or minute > 59:
        return None
    if half is None:
        return hour * 60 + minute if hour < 24 else None
    return (hour % 12 + (12 if half == "pm" else 0)) * 60 + minute if 1 <= hour <= 12 else None


def fold(text: str) -> str:
    """Lower case without accents, with one kind of dash, quote and digit, and single spaces."""
    if text.isascii():
        return " ".join(text.lower().split())
    bare = "".join(mark for mark in unicodedata.normalize("NFKD", text) if not "\u0300" <= mark <= "\u036f")
    same = unicodedata.normalize("NFKC", bare).casefold().translate(_SAME)
    return " ".join(same.split())
