"""Operations on recurrences: posts that repeat."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from skywrite.app.operations.copies import new_row
from skywrite.app.operations.shapes import ById, Id, Input, NewDraft, Output, shaped
from skywrite.app.operations.table import Access, operation
from skywrite.app.recurrences import occurrences_after
from skywrite.errors import SkywriteError
from skywrite.queue.model import Recurrence
from skywrite.queue.recurrences import unknown_recurrence
from skywrite.schedule.recurrence import describe, parse_rule


class AddRecurrence(NewDraft, kw_only=True):
    """A post that repeats."""

    every: Annotated[str, Meta(description="Cron, RRULE, or plain English: weekdays 9:00.", min_length=1)]
    account: str | None = None
    starts: str | None = None
    until: str | None = None
    late: str | None = None
    jitter: str | None = None
    zone: Annotated[str, Meta(description="A time zone such as Europe/Berlin.")] | None = None
    pool: Annotated[list[str], Meta(description="Texts used in turn.")] = msgspec.field(default_factory=list)


class ListRecurrences(Input):
    """Which recurrences."""

    account: str | None = None


class ChangeOccurrence(Input):
    """One occurrence, to be moved or skipped."""

    id: Id
    occurrence: str
    to: Annotated[str, Meta(description="The new time; without one, the occurrence is skipped.")] | None = None


class RecurrenceShape(Output):
    """A recurrence. `next_at` is its next time."""

    id: int
    account: str
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
    late_policy: str
    late_seconds: int | None
    jitter_seconds: int
    created_at: datetime
    warnings: list[str] = msgspec.field(default_factory=list)


class RecurrenceList(Output):
    """Recurrences."""

    recurrences: list[RecurrenceShape]


class Stopped(Output):
    """A stopped recurrence, and how many posts were cancelled with it."""

    id: int
    cancelled: int


@operation("POST /recurrences", scope="schedule", created=True, network=True)
def add(access: Access, given: AddRecurrence) -> RecurrenceShape:
    """Post repeatedly.

    The post of its first occurrence is stored with it.
    """
    account = access.account(given.account)
    row = new_row(access, given, given.late)
    result = access.sky.posts.schedule(
        every=given.every,
        account=account.did,
        at=given.starts,
        until=given.until,
        late=row.late,
        jitter=given.jitter,
        zone=given.zone,
        pool=given.pool,
        source=access.source,
        **row.fields,
    )
    assert result.recurrence_id is not None
    shape = _shape(access, access.sky.context.store.recurrence(result.recurrence_id))
    shape.warnings = [str(warning) for warning in result.warnings]
    return shape


@operation("GET /recurrences", scope="read")
def list_recurrences(access: Access, given: ListRecurrences) -> RecurrenceList:
    """List recurrences."""
    store = access.sky.context.store
    found = [item for did in access.dids(given.account) for item in store.recurrences(did)]
    return RecurrenceList([_shape(access, item) for item in found])


@operation("GET /recurrences/{id}", scope="read")
def get(access: Access, given: ById) -> RecurrenceShape:
    """Show one recurrence."""
    return _shape(access, seen_recurrence(access, given.id))


@operation("DELETE /recurrences/{id}", scope="schedule")
def stop(access: Access, given: ById) -> Stopped:
    """Stop a recurrence and cancel its waiting posts."""
    seen_recurrence(access, given.id)
    return Stopped(given.id, access.sky.recurrences.stop(given.id))


@operation("POST /recurrences/{id}/occurrences", scope="schedule", idempotent=True)
def change_occurrence(access: Access, given: ChangeOccurrence) -> RecurrenceShape:
    """Move one occurrence to another time, or skip it."""
    seen_recurrence(access, given.id)
    return _shape(access, access.sky.recurrences.skip_or_move(given.id, given.occurrence, given.to))


def next_time(access: Access, recurrence: Recurrence) -> datetime | None:
    """The next time of a recurrence; None if it has ended or cannot be read."""
    with suppress(SkywriteError):
        return next((found.at for found in occurrences_after(recurrence, access.sky.context.clock.now())), None)
    return None


def seen_recurrence(access: Access, recurrence_id: int) -> Recurrence:
    """A recurrence of an account that the caller may know of. Raises UnknownRecurrence."""
    found = access.sky.context.store.recurrence(recurrence_id)
    return access.seen(found, [found.account_did], unknown_recurrence(recurrence_id))


def _shape(access: Access, item: Recurrence) -> RecurrenceShape:
    try:
        said = describe(parse_rule(item.rule, zone=item.zone, start=item.starts_at))
    except SkywriteError:
        said = item.rule
    values = {
        **item._asdict(),
        "account": access.sky.context.store.account(item.account_did).handle,
        "said": said,
        "text": str(item.draft.get("text") or ""),
        "pool_size": len(item.pool),
        "next_at": next_time(access, item),
    }
    return shaped(RecurrenceShape, values)
