"""People and one's own passkeys on the settings page."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.app.operations.shapes import ById, Nothing
from skywrite.core.errors import InputError
from skywrite.faces.server.pages.frame import Panel, Visit, back, form_route
from skywrite.faces.server.pages.settings import base_address, done, number_of, shown_once
from skywrite.features.people import operations
from skywrite.features.people.operations import EditPerson, InvitePerson
from skywrite.queue.people import INVITATION_LIFETIME, ROLES, People


def panels(visit: Visit) -> list[Panel]:
    """Everyone has passkeys; other people are for those who manage the server."""
    passkeys = People(visit.sky.context.store).passkeys(visit.person.id)
    own = Panel(10, "passkeys_panel.html", {"passkeys": passkeys})
    if "manage" not in visit.access.scopes:
        return [own]
    people = operations.list_people(visit.access, Nothing()).people
    return [own, Panel(60, "people_panel.html", {"people": people, "roles": ROLES})]


def remove_passkey(visit: Visit, form: dict[str, str]) -> Response:
    """Remove a passkey of this person, never somebody else's."""
    People(visit.sky.context.store).remove_passkey(visit.person.id, form.get("passkey", ""))
    return back("/settings", "The passkey is removed. It can no longer be used to sign in.")


def invite(visit: Visit, form: dict[str, str]) -> Response:
    """Add a person; the page shows the link that signs them in once."""
    visit.access.require("manage")
    role = next((item for item in ROLES if item == form.get("role")), None)
    if role is None or not form.get("name", "").strip():
        raise InputError("A person needs a name and a role.")
    invited = operations.invite(visit.access, InvitePerson(name=form["name"], role=role))
    days = INVITATION_LIFETIME // timedelta(days=1)
    about = f"A link for {invited.name}. It works once, for {days} days."
    return shown_once(visit, secret=base_address(visit) + invited.sign_in, about=about)


def change(visit: Visit, form: dict[str, str]) -> Response:
    """Change the role of a person, or remove one, depending on the button."""
    number, action = number_of(visit), form.get("action", "")
    role = next((item for item in ROLES if item == form.get("role")), None)
    if action == "remove":
        operations.remove(visit.access, ById(number))
    elif action == "role" and role is not None:
        operations.edit(visit.access, EditPerson(number, role))
    else:
        raise InputError("There is no such action.")
    return done(action)


def routes() -> list[BaseRoute]:
    """The forms."""
    return [
        form_route("/settings/passkeys/remove", remove_passkey),
        form_route("/settings/people", invite),
        form_route("/settings/person/{number:id}", change),
    ]
