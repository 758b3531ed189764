"""How recurrences look: posts that repeat, and what an approval of a whole recurrence covers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from skywrite.app.approvals import AskedTemplate
from skywrite.app.reports import RecurrenceStatus
from skywrite.app.shapes.base import NoticeShape, Output, messages, notices, shaped
from skywrite.app.shapes.posts import ChangeShape, VerdictShape, changes_of, verdict_shape
from skywrite.core.errors import Notice, SkywriteError
from skywrite.posting.schedule.recurrence import describe, parse_rule

if TYPE_CHECKING:
    from skywrite.queue.model import Recurrence


class RecurrenceShape(Output):
    """A recurrence. `next` are its next five times, `next_at` is the first of them.

    `exceptions`: occurrences by their time in the rule, each with the time to which it was moved, or null if it is
    skipped.
    """

    id: int
    account: str
    did: str
    state: str
    rule: str
    said: str
    zone: str
    text: str
    draft: dict[str, Any]
    pool_size: int
    starts_at: datetime | None
    until: datetime | None
    next_at: datetime | None
    next: list[datetime]
    exceptions: dict[str, Any]
    late_policy: str
    late_seconds: int | None
    jitter_seconds: int
    source: str | None
    created_at: datetime
    warnings: list[str]
    notices: list[NoticeShape]


class TemplateShape(Output):
    """What an approval of a recurrence covers, and the digest that stands for all of it."""

    id: int
    account: str
    state: str
    digest: str
    approval_wanted: Annotated[bool, Meta(description="Whether it needs an approval that it does not have.")]
    approved: bool
    template: dict[str, Any]
    changes: list[ChangeShape]
    verdicts: list[VerdictShape]


class Stopped(Output):
    """A stopped recurrence, and how many posts were cancelled with it."""

    id: int
    cancelled: int


def status_shape(status: RecurrenceStatus, warnings: Sequence[Notice] = ()) -> RecurrenceShape:
    """A recurrence as JSON."""
    item, times = status.recurrence, list(status.next_times)
    values = {
        **item._asdict(),
        "account": status.account,
        "did": item.account_did,
        "said": _in_words(item),
        "text": str(item.draft.get("text") or ""),
        "pool_size": len(item.pool),
        "next_at": times[0] if times else None,
        "next": times,
        "warnings": messages(warnings),
        "notices": notices(warnings),
    }
    return shaped(RecurrenceShape, values)


def template_shape(asked: AskedTemplate) -> TemplateShape:
    """What an approval of a recurrence would cover, as JSON."""
    return TemplateShape(
        id=asked.recurrence.id,
        account=asked.account.handle,
        state=asked.recurrence.state,
        digest=asked.digest,
        approval_wanted=asked.wanted,
        approved=asked.is_approved,
        template=asked.content,
        changes=changes_of(asked.rows()),
        verdicts=[verdict_shape(verdict) for verdict in asked.verdicts],
    )


def _in_words(item: Recurrence) -> str:
    try:
        return describe(parse_rule(item.rule, zone=item.zone, start=item.starts_at))
    except SkywriteError:
        return item.rule
