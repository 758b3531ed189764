"""Moments in other languages, read by `dateparser`, whose guesses are checked. Pure.

What lives here: the call and the checks. What does not: the English grammar, which goes first (`when`), and the
computer's language, which is not asked: a text means the same on every computer.
"""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Any

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "nb", "fi", "cs", "tr", "ru", "uk", "ja")
_SHIFT = timedelta(hours=1, minutes=7)
_DAY = timedelta(days=1)
_HOURS = re.compile(r"(?<![\d:])(\d{1,2}) ?(?:h|uhr|heures?|часов|時)(?: ?(\d\d))?(?!\w)", re.ASCII)
# "dans 2 heures" is a span, not a time of day.
_SPAN = re.compile(r"(?:dans|in|en|dentro de|tra|fra|em|daqui a|over|om|za|через|за) ")
# An offset that was no offset would be passed over.
_SIGNED = re.compile(r"(?:^| )[+-]\d")
_MIDNIGHT = re.compile(r"(?<!\d)(?:0?0[:.]00|12 ?am|minuit|mitternacht)")


def read_with_dateparser(words: str, given: str, local_now: datetime) -> datetime:
    """The naive local time that `words` mean after `local_now`. Raises UnknownTime.

    The text is read twice, as if at two times of the day. A result that moves with them by whole days, or is midnight
    without saying so, has no time of day of its own, and is refused.
    """
    from skywrite.schedule.when import UnknownTime

    told = words if _SPAN.match(words) else _HOURS.sub(lambda found: f"{found[1]}:{found[2] or '00'}", words)
    base = local_now.replace(microsecond=0)
    found = None if _SIGNED.search(words) else _parse(told, base)
    if found is None:
        raise UnknownTime(f"The time {given!r} is not understood.")
    other = _parse(told, base + _SHIFT)
    moves = other is not None and other - found == _SHIFT
    if (moves and (found - base) % _DAY == timedelta()) or (
        not moves and found.time() == time() and not _MIDNIGHT.search(told)
    ):
        has_digits = any(character.isdigit() for character in given)
        hint = "Write it like 9:00 or 17:30." if has_digits else f'Add one: "{given} 9:00".'
        raise UnknownTime(f"The time {given!r} has no time of day.", hint=hint)
    return found


def _parse(words: str, base: datetime) -> datetime | None:
    import dateparser

    settings: dict[str, Any] = {
        "RELATIVE_BASE": base,
        "PREFER_DATES_FROM": "future",
        "RETURN_AS_TIMEZONE_AWARE": False,
        "PARSERS": ["relative-time", "absolute-time"],
    }
    found: datetime | None = dateparser.parse(words, languages=list(LANGUAGES), settings=settings)
    return found
