"""Operations on the people who use the page. Only people do them: a person has no end and approves, unlike any key."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from skywrite.app.operations.shapes import ById, Id, Input, Nothing, Ok
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import Output, shaped
from skywrite.core.errors import NotAllowed
from skywrite.queue.people import INVITATION_LIFETIME, People, Role


class InvitePerson(Input):
    """A new person."""

    name: Annotated[str, Meta(min_length=1, max_length=100, description="Shown on the page.")]
    role: Annotated[Role, Meta(description="What the person may do.")]


class EditPerson(Input):
    """The role that a person gets."""

    id: Id
    role: Annotated[Role, Meta(description="What the person may do.")]


class PersonShape(Output):
    """Somebody who signs in on the page."""

    id: int
    name: str
    role: Annotated[Role, Meta(description="What the person may do.")]
    created_at: datetime


class InvitationShape(PersonShape, kw_only=True):
    """A new person; the path that signs them in works once, and is shown only here."""

    sign_in: str
    expires_at: datetime


class PersonList(Output):
    """Everyone."""

    people: list[PersonShape]


@operation("GET /people", scope="manage")
def list_people(access: Access, request: Nothing) -> PersonList:
    """List the people who use the page."""
    return PersonList([shaped(PersonShape, person._asdict()) for person in _people(access).all()])


@operation("POST /people", scope="manage", created=True, by_person=True)
def invite(access: Access, request: InvitePerson) -> InvitationShape:
    """Invite a person by a link that works once.

    The result has the path of that link.
    """
    people = _people(access)
    person = people.add(request.name.strip(), request.role)
    link = people.new_link(person.id, INVITATION_LIFETIME)
    ends = access.sky.context.clock.now() + INVITATION_LIFETIME
    return shaped(InvitationShape, {**person._asdict(), "sign_in": f"/sign-in/{link}", "expires_at": ends})


@operation("PATCH /people/{id}", scope="manage", by_person=True)
def edit(access: Access, request: EditPerson) -> PersonShape:
    """Give a person another role.

    It holds from their next request on.
    """
    return shaped(PersonShape, _people(access).change_role(request.id, request.role)._asdict())


@operation("DELETE /people/{id}", scope="manage", idempotent=True, by_person=True)
def remove(access: Access, request: ById) -> Ok:
    """Remove a person.

    Their sessions, their keys and the agents that they let in end at once.
    """
    _people(access).remove(request.id)
    return Ok()


def _people(access: Access) -> People:
    """Everyone. People see all accounts, so a key for some accounts has no say about them. Raises NotAllowed."""
    if access.accounts is not None:
        raise NotAllowed("This needs a key for all accounts.", code="access.denied")
    return People(access.sky.context.store)
