"""What an import would do, day by day, with a summary of errors and warnings. Pure.

What does not live here: making the reports (`importing`), showing the plan (the interfaces).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from skywrite.app.reports import RowReport
from skywrite.app.shapes.imports import row_shape
from skywrite.core.clock import to_iso
from skywrite.core.errors import SkywriteError

if TYPE_CHECKING:
    from skywrite.posting.sources.column_maps import Reading

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_BEGINNING_WORDS = 4


@dataclass(frozen=True, slots=True)
class PlannedPost:
    """A row as it would be posted. `at` is local time, None for a draft; `rule` is set if it repeats.

    `existed`: it is already in the queue.
    """

    row: int
    at: datetime | None
    account: str
    text: str
    images: int = 0
    has_video: bool = False
    posts: int = 1
    rule: str = ""
    existed: bool = False
    warnings: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Its object in the plan's JSON; `at` is UTC, and `local` the time where its account is."""
        return {
            "row": self.row,
            "at": to_iso(self.at) if self.at else None,
            "local": self.at.isoformat() if self.at else None,
            "account": self.account,
            "text": self.text,
            "images": self.images,
            "video": self.has_video,
            "posts": self.posts,
            "rule": self.rule or None,
            "existed": self.existed,
            "warnings": self.warnings,
        }


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """The posts of one day, in the order in which they go out."""

    day: date
    posts: tuple[PlannedPost, ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark about many rows: its stable name, the message of the first row, and the numbers of all."""

    name: str
    message: str
    rows: tuple[int, ...]
    hint: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Its object in the plan's JSON."""
        return {"name": self.name, "message": self.message, "hint": self.hint, "rows": list(self.rows)}


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """A whole import: days, posts without a time, errors (`problems`) and warnings (`remarks`)."""

    days: tuple[PlannedDay, ...]
    undated: tuple[PlannedPost, ...]
    problems: tuple[Remark, ...]
    remarks: tuple[Remark, ...]

    @property
    def posts(self) -> int:
        """How many rows would be queued."""
        planned = [*(post for day in self.days for post in day.posts), *self.undated]
        return sum(not post.existed for post in planned)

    def as_dict(self) -> dict[str, Any]:
        """The object of `import --dry-run --json`."""
        return {
            "posts": self.posts,
            "days": [
                {"day": day.day.isoformat(), "posts": [post.as_dict() for post in day.posts]} for day in self.days
            ],
            "undated": [post.as_dict() for post in self.undated],
            "problems": [remark.as_dict() for remark in self.problems],
            "remarks": [remark.as_dict() for remark in self.remarks],
        }


class ImportReport(NamedTuple):
    """What an import did, row by row; with the plan if it was a dry run, with the error that stopped it, and how the
    columns were read, where they are those of others.
    """

    rows: Sequence[RowReport]
    plan: ImportPlan | None = None
    error: SkywriteError | None = None
    reading: Reading | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON: the fields of the error first, then `rows`, then `plan` and `columns`."""
        error = self.error.as_dict() if self.error else {}
        plan = {"plan": self.plan.as_dict()} if self.plan else {}
        columns = {"columns": self.reading.as_dict()} if self.reading and self.reading.source else {}
        return {**error, "rows": [row_shape(report) for report in self.rows], **plan, **columns}


def plan_of(reports: Sequence[RowReport]) -> ImportPlan:
    """The plan that follows from the reports of an import."""
    planned = [_planned(report) for report in reports if report.error is None]
    days: dict[date, list[PlannedPost]] = {}
    for post in sorted((one for one in planned if one.at), key=lambda one: (one.at, one.row)):
        assert post.at is not None
        days.setdefault(post.at.date(), []).append(post)
    return ImportPlan(
        days=tuple(PlannedDay(day, tuple(posts)) for day, posts in sorted(days.items())),
        undated=tuple(post for post in planned if post.at is None),
        problems=_summed(
            Remark(one.error.code, one.error.message, (one.row,), one.error.hint) for one in reports if one.error
        ),
        remarks=_summed(Remark(warning.name, str(warning), (one.row,)) for one in reports for warning in one.warnings),
    )


def _planned(report: RowReport) -> PlannedPost:
    draft = report.draft
    at = report.due_at.astimezone(ZoneInfo(report.zone)) if report.due_at else None
    images, thread = draft.get("images") or [], draft.get("thread") or []
    return PlannedPost(
        row=report.row,
        at=at,
        account=report.account,
        text=str(draft.get("text") or ""),
        images=len(images) if isinstance(images, list) else 1,
        has_video=bool(draft.get("video")),
        posts=1 + len(thread),
        rule=report.rule,
        existed=report.existed,
        warnings=len(report.warnings),
    )


def _summed(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """Remarks with the same name that begin alike combined; those about most rows first."""
    groups: dict[tuple[str, str], list[Remark]] = {}
    for remark in remarks:
        groups.setdefault((remark.name, _beginning(remark.message)), []).append(remark)
    summed = [
        replace(same[0], rows=tuple(dict.fromkeys(row for remark in same for row in remark.rows)))
        for same in groups.values()
    ]
    return tuple(sorted(summed, key=lambda one: -len(one.rows)))


def _beginning(message: str) -> str:
    """The first words of a message without what differs from row to row: quoted texts, numbers, names of files."""
    words = (word.rstrip(".,:") for word in _QUOTED.sub("", message).split())
    return " ".join([word for word in words if word.isalpha()][:_BEGINNING_WORDS])
