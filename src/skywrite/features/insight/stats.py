"""What the marks say, and no more: sums and medians by day, hour, weekday, source, kind, account and campaign. Pure.

A median of few posts is chance, so we leave it out. The network does not count views, so there are none here. We never
claim that one number is the cause of another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from types import MappingProxyType
from typing import Any, NamedTuple

from skywrite.core.errors import InputError
from skywrite.queue.marks import COUNTS, SELF, Mark

MEDIAN_POSTS_MIN = 20
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Group(NamedTuple):
    """Posts that have something in common. `medians` is None if there are too few.

    `not_shown` posts are not counted; this queue deleted `deleted` of them. `labels`: how many posts have each label.
    """

    name: str
    posts: int
    sums: Mapping[str, int]
    medians: Mapping[str, float] | None
    not_shown: int = 0
    deleted: int = 0
    labels: Mapping[str, int] = MappingProxyType({})

    @property
    def notes(self) -> tuple[str, ...]:
        """What else we saw, in words that claim no more than we can know."""
        gone = self.not_shown - self.deleted
        return (
            *([f"{self.deleted} deleted here"] if self.deleted else ()),
            *([f"{gone} not shown by the network: deleted elsewhere, or taken down"] if gone else ()),
            *(f"{count} labelled {_label(label)}" for label, count in self.labels.items()),
        )


def _label(label: str) -> str:
    return f"{label.removeprefix(SELF)} by {'you' if label.startswith(SELF) else 'a moderation service'}"


def _local(mark: Mark, zone: Any) -> datetime:
    return mark.published_at.astimezone(zone)


GROUPINGS: Mapping[str, Callable[[Mark, Any], str]] = {
    "day": lambda mark, zone: f"{_local(mark, zone):%Y-%m-%d}",
    "hour": lambda mark, zone: f"{_local(mark, zone):%H}:00",
    "weekday": lambda mark, zone: WEEKDAYS[_local(mark, zone).weekday()],
    "source": lambda mark, zone: (mark.source or "none").partition(":")[0],
    "kind": lambda mark, zone: mark.kind,
    "account": lambda mark, zone: mark.account_did,
    "campaign": lambda mark, zone: mark.campaign or "none",
}


def grouped(marks: Iterable[Mark], by: str, zone: Any) -> list[Group]:
    """The groups, in order of their names (weekdays in their own order). Raises InputError for an unknown grouping."""
    if by not in GROUPINGS:
        raise InputError(f"There is no grouping {by!r}.", hint=f"Choose from: {', '.join(GROUPINGS)}.")
    by_name: dict[str, list[Mark]] = {}
    for mark in marks:
        by_name.setdefault(GROUPINGS[by](mark, zone), []).append(mark)
    names = sorted(by_name, key=WEEKDAYS.index) if by == "weekday" else sorted(by_name)
    return [group(name, by_name[name]) for name in names]


def group(name: str, marks: Sequence[Mark]) -> Group:
    """One group."""
    shown = [mark for mark in marks if mark.is_shown]
    columns = {count: [int(getattr(mark, count) or 0) for mark in shown] for count in COUNTS}
    enough = len(shown) >= MEDIAN_POSTS_MIN
    medians = {count: float(median(values)) for count, values in columns.items()} if enough else None
    sums = {count: sum(values) for count, values in columns.items()}
    labels = Counter(label for mark in shown for label in mark.labels)
    deleted = sum(mark.seen == "deleted" for mark in marks)
    return Group(name, len(shown), sums, medians, len(marks) - len(shown), deleted, dict(sorted(labels.items())))


@dataclass(frozen=True, slots=True)
class StatsReport:
    """How often posts were liked, reposted, and so on: `groups` of them, and `total`, some hours after publishing."""

    by: str
    after_hours: int
    groups: tuple[Group, ...]
    total: Group
