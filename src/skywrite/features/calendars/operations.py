"""Operations on the secret addresses of calendars and news readers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from skywrite.app.operations.shapes import ById, Input, Nothing, Ok, OnlyOfAccount
from skywrite.app.operations.table import Access, operation, touched_by
from skywrite.app.shapes.base import Output, shaped
from skywrite.queue.api_keys import ApiKeys, unknown_token

Name = Annotated[str, Meta(max_length=100, description="Who uses it.")]


class AddCalendar(Input):
    """A new secret address."""

    name: Name = "calendar"
    account: OnlyOfAccount | None = None


class CalendarShape(Output):
    """A secret address for calendars and news readers."""

    id: int
    name: str
    account: str | None
    created_at: datetime


class NewCalendarShape(CalendarShape, kw_only=True):
    """A new secret address; its paths are shown only here."""

    calendar: str
    rss: str


class CalendarList(Output):
    """Secret addresses."""

    calendars: list[CalendarShape]


@operation("POST /calendars", scope="manage", created=True)
def add_calendar(access: Access, request: AddCalendar) -> NewCalendarShape:
    """Make a secret address for calendars and news readers.

    They see the plan there without a key.
    """
    did = None if request.account is None and access.accounts is None else access.account(request.account).did
    token, secret = ApiKeys(access.sky.context.store).add_token(request.name, did, access.maker)
    values = {**token._asdict(), "account": access.handle(did)}
    return shaped(NewCalendarShape, {**values, "calendar": f"/calendar/{secret}.ics", "rss": f"/rss/{secret}.xml"})


@operation("GET /calendars", scope="manage")
def list_calendars(access: Access, request: Nothing) -> CalendarList:
    """List secret addresses."""
    tokens = ApiKeys(access.sky.context.store).tokens()
    seen = [item for item in tokens if access.covers(touched_by(item.account_did))]
    shapes = [shaped(CalendarShape, {**item._asdict(), "account": access.handle(item.account_did)}) for item in seen]
    return CalendarList(shapes)


@operation("DELETE /calendars/{id}", scope="manage")
def revoke_calendar(access: Access, request: ById) -> Ok:
    """End a secret address."""
    keys = ApiKeys(access.sky.context.store)
    touched = {token.id: touched_by(token.account_did) for token in keys.tokens()}
    missing = unknown_token(request.id)
    if request.id not in touched:
        raise missing
    keys.revoke_token(access.seen(request.id, touched[request.id], missing))
    return Ok()
