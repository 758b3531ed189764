"""Cron expressions with five fields as a series of local times. Pure; `cronsim` does the parsing.

What lives here: the shortcuts (`@daily`), the errors, and whether a rule follows the clock on the wall or elapsed
hours. What does not: time zones (`recurrence`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from skywrite.core.digits import whole_number
from skywrite.posting.schedule.series import NeverHappens, UnknownRule

if TYPE_CHECKING:
    from cronsim import CronSim

SHORTCUTS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
FIELDS = 5


@dataclass(frozen=True, slots=True)
class CronSeries:
    """The local times of a cron expression.

    `flows` is true if the minute or hour begins with `*`. Such expressions follow elapsed hours, as in Debian's cron:
    they run in both hours when one repeats, and in none that the clocks skip.
    """

    expression: str
    in_gap: str = "after"

    @property
    def flows(self) -> bool:
        """Whether it follows elapsed hours."""
        minute, hour, *_ = self.expression.split()
        return minute.startswith("*") or hour.startswith("*")

    @property
    def is_counted(self) -> bool:
        """False: cron has no start."""
        return False

    def after(self, local: datetime) -> Iterator[datetime]:
        """The naive local times after `local`, in order."""
        return iter(_cronsim(self.expression, local))


def parse_cron(text: str) -> CronSeries:
    """Read five fields, with names, or a word such as `@daily`. Raises UnknownRule, NeverHappens."""
    expression = SHORTCUTS.get(text.strip().lower(), " ".join(text.split()))
    if not expression.isascii():
        raise UnknownRule(f"The cron expression {text!r} contains characters that cron does not use.")
    if len(expression.split()) != FIELDS:
        raise UnknownRule(f"The recurrence {text!r} does not have the five fields of a cron expression.")
    _cronsim(expression, datetime.min)
    return CronSeries(expression)


def _cronsim(expression: str, local: datetime) -> CronSim:
    from cronsim import CronSim, CronSimError

    try:
        return CronSim(expression, local)
    except CronSimError as error:
        if str(error) == "Bad day-of-month" and _days_are_numbers(expression):
            raise NeverHappens(f"The rule {expression!r} has no occurrences: its months have no such day.") from None
        raise UnknownRule(f"The cron expression {expression!r} is wrong: {error}.") from None


def _days_are_numbers(expression: str) -> bool:
    parts = expression.split()[2].replace(",", "-").split("-")
    return all((whole_number(part, 31) or 0) >= 1 for part in parts)
