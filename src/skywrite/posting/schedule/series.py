"""What all kinds of rules have in common: a series of local times, and the errors of reading one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from skywrite.core.errors import InputError

YEARS_AHEAD = 50
RULE_EXAMPLES = 'Write it like "every weekday 9:00", "0 9 * * 1-5" or "FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=9;BYMINUTE=0".'


class UnknownRule(InputError):
    """The text is not a recurrence. `readings` are the whole text, written otherwise (`suggestions`)."""

    code = "rule.invalid"

    most = 4

    def __init__(
        self, message: str, *, hint: str = RULE_EXAMPLES, readings: Sequence[str] = (), lead: str = "Write"
    ) -> None:
        super().__init__(message, hint=hint)
        self.readings, self.lead = tuple(readings), lead


class NeverHappens(InputError):
    """The rule never occurs, such as on 30 February."""

    code = "rule.never"

    def __init__(self, message: str, *, hint: str = "Check its days and months.") -> None:
        super().__init__(message, hint=hint)


class Series(Protocol):
    """Naive local times in order."""

    @property
    def flows(self) -> bool:
        """True: it follows elapsed hours. False: it follows the clock on the wall."""
        ...

    @property
    def in_gap(self) -> str:
        """What a local time that does not exist becomes: "after" the gap at once, or "forward" by its length."""
        ...

    @property
    def is_counted(self) -> bool:
        """Whether it counts its times from its start, which makes looking far ahead slow."""
        ...

    def after(self, local: datetime) -> Iterator[datetime]:
        """The times after `local`, strictly increasing. It ends if there is none within 50 years."""
        ...
