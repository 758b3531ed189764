"""Operations on approvals of whole recurrences."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from skywrite.app.operations.shapes import ById, Id, Input, Word
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.recurrences import TemplateShape, template_shape
from skywrite.features.recurring.operations import seen_recurrence


class ApproveRecurrence(Input):
    """What is approved, by its digest."""

    id: Id
    digest: Annotated[Word, Meta(description="From recurrences.approval: any change of the recurrence refuses it.")]
    note: Annotated[str, Meta(max_length=1000)] = ""


class RejectRecurrence(Input):
    """Why not."""

    id: Id
    note: Annotated[str, Meta(max_length=1000)] = ""


@operation("GET /recurrences/{id}/approval", scope="read")
def approval(access: Access, given: ById) -> TemplateShape:
    """Show what one approval of a whole recurrence would cover, with its digest."""
    seen_recurrence(access, given.id)
    return template_shape(access.sky.approvals.look_at_recurrence(given.id))


@operation("POST /recurrences/{id}/approve", scope="publish", idempotent=True, by_person=True)
def approve(access: Access, given: ApproveRecurrence) -> TemplateShape:
    """Approve all posts made from exactly this template; any change of the recurrence voids it.

    Nobody approves what they made themselves.
    """
    seen_recurrence(access, given.id)
    who = access.who or access.source
    done = access.sky.approvals.approve_recurrence(given.id, given.digest, who, note=given.note, who=who)
    return template_shape(done)


@operation("POST /recurrences/{id}/reject", scope="publish")
def reject(access: Access, given: RejectRecurrence) -> TemplateShape:
    """Reject a recurrence with a note: its approval is withdrawn, and its scheduled posts are held."""
    seen_recurrence(access, given.id)
    who = access.who or access.source
    return template_shape(access.sky.approvals.reject_recurrence(given.id, who, note=given.note))
