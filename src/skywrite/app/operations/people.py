"""Operations on the people who use the page. Only people do them: a person has no end and approves, unlike any key."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from skywrite.app.operations.shapes import ById, Id, Input, Nothing, Ok, Output, shaped
from skywrite.app.operations.table import Access, NotAllowed, Operation
from skywrite.queue.people import INVITATION_LIFETIME, People, Role


class InvitePerson(Input):
    """A new person."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    role: Role


class EditPerson(Input):
    """The role that a person gets."""

    id: Id
    role: Role


class PersonShape(Output):
    """Somebody who signs in on the page."""

    id: int
    name: str
    role: Role
    created_at: datetime


class InvitationShape(PersonShape, kw_only=True):
    """A new person; the path that signs them in works once, and is shown only here."""

    sign_in: str
    expires_at: datetime


class PersonList(Output):
    """Everyone."""

    people: list[PersonShape]


def list_people(access: Access, given: Nothing) -> PersonList:
    """Everyone who may sign in."""
    return PersonList([shaped(PersonShape, person._asdict()) for person in _people(access).all()])


def invite(access: Access, given: InvitePerson) -> InvitationShape:
    """Add a person; the result has the path of a link that signs them in once."""
    people = _people(access)
    person = people.add(given.name.strip(), given.role)
    link = people.new_link(person.id, INVITATION_LIFETIME)
    ends = access.sky.context.clock.now() + INVITATION_LIFETIME
    return shaped(InvitationShape, {**person._asdict(), "sign_in": f"/sign-in/{link}", "expires_at": ends})


def edit(access: Access, given: EditPerson) -> PersonShape:
    """Give a person another role; it holds from their next request on."""
    return shaped(PersonShape, _people(access).change_role(given.id, given.role)._asdict())


def remove(access: Access, given: ById) -> Ok:
    """Remove a person; their sessions, their keys and the agents that they let in end at once."""
    _people(access).remove(given.id)
    return Ok()


def _people(access: Access) -> People:
    """Everyone. People see all accounts, so a key for some accounts has no say about them. Raises NotAllowed."""
    if access.accounts is not None:
        raise NotAllowed("This needs a key for all accounts.")
    return People(access.sky.context.store)


OPERATIONS = (
    Operation(
        "people.list",
        "GET /people",
        "manage",
        "List the people who use the page.",
        list_people,
        Nothing,
        PersonList,
        read_only=True,
        idempotent=True,
    ),
    Operation(
        "people.invite",
        "POST /people",
        "manage",
        "Invite a person by a link that works once.",
        invite,
        InvitePerson,
        InvitationShape,
        created=True,
        by_person=True,
    ),
    Operation(
        "people.edit",
        "PATCH /people/{id}",
        "manage",
        "Give a person another role.",
        edit,
        EditPerson,
        PersonShape,
        idempotent=True,
        by_person=True,
    ),
    Operation(
        "people.remove",
        "DELETE /people/{id}",
        "manage",
        "Remove a person.",
        remove,
        ById,
        Ok,
        idempotent=True,
        destructive=True,
        by_person=True,
    ),
)
