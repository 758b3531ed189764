"""Operations on recurrences: posts that repeat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from skywrite.app import Skywrite
from skywrite.app.operations.grammars import Distinct, GrammarObject, texts_given
from skywrite.app.operations.post_shapes import Jitter, Late
from skywrite.app.operations.posts import new_row
from skywrite.app.operations.shapes import ById, Id, Input, NewDraft, Note, OfAccount, OnlyOfAccount, Text, Word, Words
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import Output
from skywrite.app.shapes.recurrences import RecurrenceShape, Stopped, TemplateShape, status_shape, template_shape
from skywrite.core.errors import Notice
from skywrite.queue.model import Recurrence
from skywrite.queue.recurrences import unknown_recurrence

Pool = Annotated[list[Text], Meta(description="Texts used in turn.", min_length=1, max_length=1000)]


class AddRecurrence(NewDraft, kw_only=True):
    """A post that repeats."""

    every: Annotated[Word, Meta(description="Cron, RRULE, or words: weekdays 9:00.", min_length=1)]
    account: OfAccount | None = None
    starts: Annotated[Word, Meta(description="Not before: ISO 8601, or words.")] | None = None
    until: Annotated[Word, Meta(description="Not after: ISO 8601, or words.")] | None = None
    skip: Annotated[Words, Meta(description="Days left out: 2026-12-25.")] = msgspec.field(default_factory=list)
    late: Late | None = None
    jitter: Jitter | None = None
    zone: Annotated[Word, Meta(description="A time zone such as Europe/Berlin.")] | None = None
    pool: Pool | None = None
    grammar: GrammarObject | None = None
    distinct: Distinct | None = None


class ListRecurrences(Input):
    """Which recurrences."""

    account: OnlyOfAccount | None = None


class ChangeOccurrence(Input):
    """One occurrence, to be moved or skipped."""

    id: Id
    occurrence: Annotated[Word, Meta(description="Its time, as the recurrence gives it: ISO 8601.")]
    to: Annotated[Word, Meta(description="The new time; without one, the occurrence is skipped.")] | None = None


class RecurrenceList(Output):
    """Recurrences."""

    recurrences: list[RecurrenceShape]


@operation("POST /recurrences", scope="schedule", tool="repeat_post", idempotent=True, created=True, network=True)
def add(access: Access, request: AddRecurrence) -> RecurrenceShape:
    """Post repeatedly. The same recurrence again adds nothing.

    The post of its first occurrence is stored with it.
    """
    account = access.account(request.account)
    row = new_row(access, request, request.late)
    result = access.sky.posts.schedule(
        every=request.every,
        account=account.did,
        at=request.starts,
        until=request.until,
        skip=request.skip or None,
        late=row.late,
        jitter=request.jitter,
        zone=request.zone,
        pool=texts_given(request.pool, request.grammar, request.distinct),
        source=access.source,
        **row.fields,
    )
    assert result.recurrence_id is not None
    return recurrence_shape(access.sky, access.sky.recurrences.get(result.recurrence_id), result.warnings)


@operation("GET /recurrences", scope="read", tool="list_recurrences")
def list_recurrences(access: Access, request: ListRecurrences) -> RecurrenceList:
    """List recurrences."""
    recurrences = [item for did in access.dids(request.account) for item in access.sky.recurrences.list(did)]
    return RecurrenceList([recurrence_shape(access.sky, item) for item in recurrences])


@operation("GET /recurrences/{id}", scope="read")
def get(access: Access, request: ById) -> RecurrenceShape:
    """Show one recurrence."""
    return recurrence_shape(access.sky, seen_recurrence(access, request.id))


@operation("DELETE /recurrences/{id}", scope="schedule")
def stop(access: Access, request: ById) -> Stopped:
    """Stop a recurrence and cancel its waiting posts."""
    seen_recurrence(access, request.id)
    return Stopped(request.id, access.sky.recurrences.stop(request.id))


@operation("POST /recurrences/{id}/occurrences", scope="schedule", idempotent=True)
def change_occurrence(access: Access, request: ChangeOccurrence) -> RecurrenceShape:
    """Move one occurrence to another time, or skip it."""
    seen_recurrence(access, request.id)
    return recurrence_shape(access.sky, access.sky.recurrences.skip_or_move(request.id, request.occurrence, request.to))


def recurrence_shape(sky: Skywrite, item: Recurrence, warnings: Sequence[Notice] = ()) -> RecurrenceShape:
    """A recurrence as JSON, with warnings about what was just done."""
    return status_shape(sky.recurrences.status(item), warnings)


def seen_recurrence(access: Access, recurrence_id: int) -> Recurrence:
    """A recurrence of an account that the caller may know of. Raises NotFound."""
    recurrence = access.sky.recurrences.get(recurrence_id)
    return access.seen(recurrence, [recurrence.account_did], unknown_recurrence(recurrence_id))


class ApproveRecurrence(Input):
    """What is approved, by its digest."""

    id: Id
    digest: Annotated[Word, Meta(description="From recurrences.approval: any change of the recurrence refuses it.")]
    note: Note = ""


class RejectRecurrence(Input):
    """Why not."""

    id: Id
    note: Note = ""


@operation("GET /recurrences/{id}/approval", scope="read")
def approval(access: Access, request: ById) -> TemplateShape:
    """Show what one approval of a whole recurrence would cover, with its digest."""
    seen_recurrence(access, request.id)
    return template_shape(access.sky.approvals.look_at_recurrence(request.id))


@operation("POST /recurrences/{id}/approve", scope="publish", idempotent=True, by_person=True)
def approve(access: Access, request: ApproveRecurrence) -> TemplateShape:
    """Approve all posts made from exactly this template; any change of the recurrence voids it.

    Authors cannot approve their own recurrences.
    """
    seen_recurrence(access, request.id)
    who = access.who or access.source
    done = access.sky.approvals.approve_recurrence(request.id, request.digest, who, note=request.note, who=who)
    return template_shape(done)


@operation("POST /recurrences/{id}/reject", scope="publish")
def reject(access: Access, request: RejectRecurrence) -> TemplateShape:
    """Reject a recurrence with a note: its approval is withdrawn, and its scheduled posts are held."""
    seen_recurrence(access, request.id)
    who = access.who or access.source
    return template_shape(access.sky.approvals.reject_recurrence(request.id, who, note=request.note))
