"""Cron expressions of five fields as a series of local times. Pure; the reading is `cronsim`'s.

What lives here: the shortcuts (`@daily`), the refusals, and whether a rule is bound to the clock on the wall or to the
hours that pass. What does not: time zones (`recurrence`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from skywrite.schedule.series import NeverHappens, UnknownRule

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

    `flows` is true for those whose minute or hour begins with `*`: they follow the hours that pass, as in Debian's
    cron, so that they run in each of two like hours and in none that does not exist.
    """

    expression: str
    in_gap: str = "after"

    @property
    def flows(self) -> bool:
        """Whether it follows the hours that pass."""
        minute, hour, *_ = self.expression.split()
        return minute.startswith("*") or hour.startswith("*")

    @property
    def is_counted(self) -> bool:
        """Cron has no start."""
        return False

    def after(self, local: datetime) -> Iterator[datetime]:
        """The naive local times after `local`, in order."""
        return iter(_cronsim(self.expression, local))


def parse_cron(text: str) -> CronSeries:
    """Read five fields, names and `@daily`-like words. Raises UnknownRule, NeverHappens."""
    expression = SHORTCUTS.get(text.strip().lower(), " ".join(text.split()))
    if not expression.isascii():
        raise UnknownRule(f"The cron expression {text!r} has characters other than digits and letters.")
    if len(expression.split()) != FIELDS:
        raise UnknownRule(f"The recurrence {text!r} does not have the five fields of a cron expression.")
    series = CronSeries(expression)
    if next(series.after(datetime(2024, 1, 1)), None) is None:
        raise NeverHappens(f"The rule {text!r} has no occurrences.")
    return series


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
    return all(part.isdigit() and 1 <= int(part) <= 31 for part in parts)
