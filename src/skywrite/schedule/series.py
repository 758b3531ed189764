"""What every kind of rule is underneath: a series of local times, and the errors of reading one. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from skywrite.errors import InputError

YEARS_AHEAD = 50
RULE_EXAMPLES = 'Write it like "every weekday 9:00", "0 9 * * 1-5" or "FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=9;BYMINUTE=0".'


class UnknownRule(InputError):
    """A text that should say when something comes again does not."""

    def __init__(self, message: str, *, hint: str = RULE_EXAMPLES) -> None:
        super().__init__(message, hint=hint)


class NeverHappens(InputError):
    """The rule has no day on which it comes, such as 30 February."""

    def __init__(self, message: str, *, hint: str = "Check its days and months.") -> None:
        super().__init__(message, hint=hint)


class TooOften(InputError):
    """The recurrence is more frequent than once a minute."""


class Series(Protocol):
    """Naive local times in order."""

    @property
    def flows(self) -> bool:
        """True: it follows the hours that pass. False: it follows the clock on the wall."""
        ...

    @property
    def in_gap(self) -> str:
        """What a local time that does not exist becomes: "after" the gap at once, or "forward" by its length."""
        ...

    @property
    def is_counted(self) -> bool:
        """Whether its times are counted from its start, which makes looking far from it slow."""
        ...

    def after(self, local: datetime) -> Iterator[datetime]:
        """The times after `local`, strictly increasing; it ends when none comes within 50 years."""
        ...
