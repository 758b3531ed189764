"""How often to poll a feed: its own wishes, HTTP's, and backing off after errors. Pure.

Limits: at most every 5 minutes, at least once a day; by default every 30 minutes. What a feed asks for (`ttl`,
`sy:updatePeriod`, `Cache-Control: max-age`) makes polls rarer, never more frequent than the user wants. After errors
the interval doubles up to a day, and `Retry-After` (up to a week) is obeyed. All intervals vary by a tenth, so that
many feeds are not polled at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from skywrite.core.errors import InputError
from skywrite.features.feeds.reading.dates import read_feed_date

INTERVAL_MIN_SECONDS = 300
INTERVAL_SECONDS = 1_800
INTERVAL_MAX_SECONDS = 86_400
RETRY_AFTER_MAX_SECONDS = 7 * 86_400
JITTER = 0.1
MOVES_SEEN = 3
GONE_SEEN = 3

_MAX_AGE = re.compile(r"\bmax-age\s*=\s*\"?(\d{1,9})")


def checked_interval(seconds: int) -> int:
    """An interval from the user; raises InputError."""
    if seconds < INTERVAL_MIN_SECONDS:
        raise InputError(
            f"A feed can be polled every {INTERVAL_MIN_SECONDS // 60} minutes at most.",
            code="feed.interval_too_short",
            hint=f"Give {INTERVAL_MIN_SECONDS // 60}m or more.",
        )
    return min(seconds, INTERVAL_MAX_SECONDS)


def interval_of(asked_seconds: int | None, feed_seconds: int | None, headers: Mapping[str, str]) -> int:
    """Seconds until the next poll of a feed that responded: the longest of the wishes, within the limits."""
    match = _MAX_AGE.search(headers.get("cache-control", "").lower())
    cached = int(match[1]) if match else 0
    wished = max(INTERVAL_SECONDS if asked_seconds is None else asked_seconds, feed_seconds or 0, cached)
    return min(max(wished, INTERVAL_MIN_SECONDS), INTERVAL_MAX_SECONDS)


def next_check(now: datetime, interval_seconds: int, random: float) -> datetime:
    """When to poll next: up to a tenth earlier or later than the interval; `random` is in [0, 1). Never sooner than 5
    minutes.
    """
    seconds = interval_seconds * (1 - JITTER + 2 * JITTER * random)
    return now + timedelta(seconds=max(seconds, INTERVAL_MIN_SECONDS))


def after_error(
    now: datetime, interval_seconds: int, failures: int, random: float, headers: Mapping[str, str] | None = None
) -> datetime:
    """When to poll again after so many errors in a row (1 for the first)."""
    backed_off = min(interval_seconds * 2 ** min(failures - 1, 10), INTERVAL_MAX_SECONDS)
    asked = retry_after(headers or {}, now)
    return max(next_check(now, backed_off, random), asked) if asked else next_check(now, backed_off, random)


def retry_after(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """The time in `Retry-After` (seconds or a date; RFC 9110, 10.2.3), at most a week away."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        at: datetime | None = now + timedelta(seconds=int(text))
    else:
        at = read_feed_date(text)
    return at and min(at, now + timedelta(seconds=RETRY_AFTER_MAX_SECONDS))
