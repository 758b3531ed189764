"""Secrets that a page shows once: after a form, the browser goes on to an address that shows its secret at the
first visit.

What lives here: keeping them until then, in memory. What does not: making them (`app.operations`), the page (`pages`).
"""

from __future__ import annotations

import threading
from typing import NamedTuple

from skywrite.queue.api_keys import new_secret

KEPT_MAX = 100


class Shown(NamedTuple):
    """A secret, what it is, and for whom."""

    person_id: int
    about: str
    secret: str


class ShownOnce:
    """Those that nobody has seen yet. Safe to share between threads."""

    def __init__(self) -> None:
        self._kept: dict[str, Shown] = {}
        self._lock = threading.Lock()

    def keep(self, shown: Shown) -> str:
        """The name under which it is shown; the oldest ones give way."""
        name = new_secret()
        with self._lock:
            self._kept[name] = shown
            while len(self._kept) > KEPT_MAX:
                del self._kept[next(iter(self._kept))]
        return name

    def take(self, name: str, person_id: int) -> Shown | None:
        """The secret, if it is this person's and was not shown yet."""
        with self._lock:
            if name in self._kept and self._kept[name].person_id == person_id:
                return self._kept.pop(name)
        return None
