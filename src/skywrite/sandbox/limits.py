"""Rate limits: fixed windows, counted and reported as in the reference server.

The limits are the network's own: sign-ins 30 in 5 minutes and 300 a day, writes 5000 points an hour and 35,000 a day
(a create costs 3, an update 2, a delete 1), 1000 uploads a day, 3000 requests in 5 minutes. They are off until
`enabled` is set; `rules` holds them by name and may be changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from skywrite.sandbox.wire import XrpcFailure

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Limit:
    """At most this many points in a window, which begins with its first request."""

    points: int
    window_seconds: int


@dataclass(slots=True)
class _Window:
    ends_at: datetime
    used: int = 0


class RateLimits:
    """Counts points by limit and by client."""

    def __init__(self, now: Callable[[], datetime], *, enabled: bool = False) -> None:
        self.enabled = enabled
        self.rules: dict[str, Limit] = {
            "sign-in-day": Limit(300, _DAY),
            "sign-in": Limit(30, 300),
            "write-hour": Limit(5000, 3600),
            "write-day": Limit(35_000, _DAY),
            "upload-day": Limit(1000, _DAY),
            "create-account": Limit(100, 300),
            "requests": Limit(3000, 300),
        }
        self._now = now
        self._windows: dict[tuple[str, str], _Window] = {}

    def spend(self, charges: Sequence[tuple[str, str, int]]) -> dict[str, str]:
        """Charge each (limit, who, points), and return the headers of the window with the least left.

        Raises a 429 failure if a limit is exceeded. Points that were charged stay charged.
        """
        if not self.enabled:
            return {}
        tightest: tuple[int, dict[str, str]] | None = None
        refused: tuple[dict[str, str], float] | None = None
        for name, who, points in charges:
            if points < 1:
                continue
            limit, window = self.rules[name], self._window(name, who)
            window.used += points
            left = max(limit.points - window.used, 0)
            headers = _headers(limit, window, left)
            if window.used > limit.points and refused is None:
                refused = headers, (window.ends_at - self._now()).total_seconds()
            if tightest is None or left < tightest[0]:
                tightest = left, headers
        if refused is not None:
            headers, seconds = refused
            raise XrpcFailure(429, headers={**headers, "retry-after": str(max(1, math.ceil(seconds)))})
        return tightest[1] if tightest else {}

    def _window(self, name: str, who: str) -> _Window:
        now = self._now()
        window = self._windows.get((name, who))
        if window is None or window.ends_at <= now:
            window = self._windows[name, who] = _Window(now + timedelta(seconds=self.rules[name].window_seconds))
        return window


def _headers(limit: Limit, window: _Window, left: int) -> dict[str, str]:
    return {
        "ratelimit-limit": str(limit.points),
        "ratelimit-remaining": str(left),
        "ratelimit-reset": str(int(window.ends_at.timestamp())),
        "ratelimit-policy": f"{limit.points};w={limit.window_seconds}",
    }
