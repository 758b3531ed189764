"""Moments in other languages, read by `dateparser`, whose guesses are checked. Pure.

What lives here: the call and the checks. What does not: the English grammar, which goes first (`when`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "nb", "fi", "cs", "tr", "ru", "uk", "ja")
_SHIFT = timedelta(hours=1, minutes=7)


def read_with_dateparser(words: str, given: str, local_now: datetime) -> datetime:
    """The naive local time that `words` mean after `local_now`. Raises UnknownTime.

    The text is read twice, as if at two times of the day: a result that moves with them by whole days has no time of
    day of its own, and is refused.
    """
    from skywrite.schedule.when import UnknownTime

    base = local_now.replace(microsecond=0)
    found = _parse(words, base)
    if found is None:
        raise UnknownTime(f"The time {given!r} is not understood.")
    other = _parse(words, base + _SHIFT)
    if other is not None and other - found == _SHIFT and (found - base) % timedelta(days=1) == timedelta():
        raise UnknownTime(f"The time {given!r} has no time of day.", hint=f'Add one: "{given} 9:00".')
    return found


def _parse(words: str, base: datetime) -> datetime | None:
    import dateparser

    settings: dict[str, Any] = {
        "RELATIVE_BASE": base,
        "PREFER_DATES_FROM": "future",
        "RETURN_AS_TIMEZONE_AWARE": False,
        "PARSERS": ["relative-time", "custom-formats", "absolute-time"],
        "NORMALIZE": True,
    }
    found: datetime | None = dateparser.parse(words, languages=list(LANGUAGES), settings=settings)
    return found
