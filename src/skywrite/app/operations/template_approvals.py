"""Operations on approvals of whole recurrences."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from skywrite.app.operations.approvals import changes_of
from skywrite.app.operations.post_shapes import ChangeShape, VerdictShape
from skywrite.app.operations.recurrences import seen_recurrence
from skywrite.app.operations.shapes import ById, Id, Input, Output
from skywrite.app.operations.table import Access, operation
from skywrite.app.template_approvals import AskedTemplate


class ApproveRecurrence(Input):
    """What is approved, by its digest."""

    id: Id
    digest: Annotated[str, Meta(description="From recurrences.approval: any change of the recurrence refuses it.")]
    note: Annotated[str, Meta(max_length=1000)] = ""


class RejectRecurrence(Input):
    """Why not."""

    id: Id
    note: Annotated[str, Meta(max_length=1000)] = ""


class TemplateShape(Output):
    """What an approval of a recurrence covers, and the digest that stands for all of it."""

    id: int
    account: str
    digest: str
    wanted: bool
    approved: bool
    template: dict[str, Any]
    changes: list[ChangeShape]
    verdicts: list[VerdictShape]


@operation("GET /recurrences/{id}/approval", scope="read")
def approval(access: Access, given: ById) -> TemplateShape:
    """Show what one approval of a whole recurrence would cover, with its digest."""
    seen_recurrence(access, given.id)
    return _shape(access.sky.approvals.look_at_recurrence(given.id))


@operation("POST /recurrences/{id}/approve", scope="publish", idempotent=True, by_person=True)
def approve(access: Access, given: ApproveRecurrence) -> TemplateShape:
    """Approve all posts made from exactly this template; any change of the recurrence voids it.

    Nobody approves what they made themselves.
    """
    seen_recurrence(access, given.id)
    who = access.who or access.source
    return _shape(access.sky.approvals.approve_recurrence(given.id, given.digest, who, note=given.note, who=who))


@operation("POST /recurrences/{id}/reject", scope="publish")
def reject(access: Access, given: RejectRecurrence) -> TemplateShape:
    """Reject a recurrence with a note: its approval is withdrawn, and its scheduled posts are held."""
    seen_recurrence(access, given.id)
    return _shape(access.sky.approvals.reject_recurrence(given.id, access.who or access.source, note=given.note))


def _shape(asked: AskedTemplate) -> TemplateShape:
    return TemplateShape(
        id=asked.recurrence.id,
        account=asked.account.handle,
        digest=asked.digest,
        wanted=asked.wanted,
        approved=asked.is_approved,
        template=asked.content,
        changes=changes_of(asked.rows()),
        verdicts=[VerdictShape(one.verdict, one.by, one.note, one.digest, one.created_at) for one in asked.verdicts],
    )
