"""Settings: API keys, webhooks, calendars, and people. Secrets are shown once, right after they are created."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.app.operations import hooks, keys, people
from skywrite.app.operations.shapes import ById, Nothing
from skywrite.errors import InputError
from skywrite.queue.api_keys import ApiKey, ApiKeys
from skywrite.queue.people import INVITATION_LIFETIME, ROLES, People
from skywrite.server.pages.frame import Visit, back, form_route, page_route, show
from skywrite.server.shown_once import Shown

SCOPES = (
    ("read", "see posts, plan and history"),
    ("draft", "write drafts, which wait for a person"),
    ("schedule", "schedule and move posts"),
    ("publish", "publish now, release and delete"),
    ("manage", "change accounts, feeds, keys and webhooks"),
)
DELIVERIES = 10


def settings(visit: Visit) -> Response:
    """The page; it shows a new secret once. Everyone has passkeys; the rest is for people who manage the server."""
    made = visit.services.shown_once.take(visit.query("made"), visit.person.id)
    return show(
        visit,
        "settings.html",
        title="Settings",
        made=made,
        passkeys=People(visit.sky.context.store).passkeys(visit.person.id),
        agents=_agents(visit),
        zone=_zone(visit),
        **_managed(visit),
    )


def _agents(visit: Visit) -> list[ApiKey]:
    """The agents that this person has authorised."""
    keys = [key for key in ApiKeys(visit.sky.context.store).all() if key.client_id is not None]
    return [key for key in keys if key.person_id == visit.person.id and key.revoked_at is None]


def end_agent(visit: Visit, form: dict[str, str]) -> Response:
    """End the access of an agent that this person has authorised, never somebody else's."""
    number = form.get("agent", "")
    if number not in {str(key.id) for key in _agents(visit)}:
        raise InputError("You have let no such agent in.")
    ApiKeys(visit.sky.context.store).revoke(int(number))
    return back("/settings", "The agent is locked out.")


def _managed(visit: Visit) -> dict[str, Any]:
    """What only people with the scope `manage` see."""
    if "manage" not in visit.access.scopes:
        return {}
    webhooks = hooks.list_webhooks(visit.access, Nothing()).webhooks
    return {
        "keys": keys.list_keys(visit.access, Nothing()).keys,
        "webhooks": webhooks,
        "deliveries": {hook.id: _deliveries(visit, hook.id) for hook in webhooks},
        "calendars": hooks.list_calendars(visit.access, Nothing()).calendars,
        "people": people.list_people(visit.access, Nothing()).people,
        "scopes": SCOPES,
        "roles": ROLES,
    }


def _deliveries(visit: Visit, webhook_id: int) -> list[hooks.DeliveryShape]:
    return hooks.deliveries(visit.access, hooks.ListDeliveries(id=webhook_id, limit=DELIVERIES)).deliveries


def _zone(visit: Visit) -> str:
    accounts = visit.sky.accounts.list()
    return visit.sky.context.zone(accounts[0]) if accounts else "UTC"


def remove_passkey(visit: Visit, form: dict[str, str]) -> Response:
    """Remove a passkey of this person, never somebody else's."""
    People(visit.sky.context.store).remove_passkey(visit.person.id, form.get("passkey", ""))
    return back("/settings", "The passkey is removed, and signs nobody in any more.")


def add_key(visit: Visit, form: dict[str, str]) -> Response:
    """Create a key; the page shows it once."""
    visit.access.require("manage")
    chosen = [name for name, _ in SCOPES if form.get(f"scope-{name}")]
    if not form.get("name", "").strip() or not chosen:
        raise InputError("A key needs a name and at least one right.")
    until = form.get("until", "").strip() or None
    given = msgspec.convert({"name": form["name"].strip(), "scopes": chosen, "until": until}, keys.AddKey)
    made = keys.add(visit.access, given)
    return _shown_once(visit, secret=made.key, about=f"The key {made.name}. Copy it now: it is not shown again.")


def add_webhook(visit: Visit, form: dict[str, str]) -> Response:
    """Add a webhook; the page shows its secret once."""
    visit.access.require("manage")
    given = msgspec.convert(
        {"url": form.get("url", "").strip() or "-", "name": form.get("name", "").strip()}, hooks.AddWebhook
    )
    made = hooks.add(visit.access, given)
    return _shown_once(visit, secret=made.secret, about=f"The secret of the webhook {made.url}. It is not shown again.")


def add_calendar(visit: Visit, form: dict[str, str]) -> Response:
    """Create the addresses of a calendar; the page shows them once."""
    visit.access.require("manage")
    made = hooks.add_calendar(visit.access, hooks.AddCalendar(name=form.get("name", "").strip() or "calendar"))
    about = "The address for a calendar program. Whoever has it sees the plan."
    return _shown_once(visit, secret=_base(visit) + made.calendar, about=about)


def invite(visit: Visit, form: dict[str, str]) -> Response:
    """Add a person; the page shows the link that signs them in once."""
    visit.access.require("manage")
    role = next((item for item in ROLES if item == form.get("role")), None)
    if role is None or not form.get("name", "").strip():
        raise InputError("A person needs a name and a role.")
    invited = people.invite(visit.access, people.InvitePerson(name=form["name"], role=role))
    days = INVITATION_LIFETIME // timedelta(days=1)
    about = f"A link for {invited.name}. It works once, for {days} days."
    return _shown_once(visit, secret=_base(visit) + invited.sign_in, about=about)


def _shown_once(visit: Visit, *, secret: str, about: str) -> Response:
    """Go on to the page that shows the secret: to reload that makes no second one."""
    name = visit.services.shown_once.keep(Shown(visit.person.id, about, secret))
    return back("/settings", made=name)


def _base(visit: Visit) -> str:
    """The address of this server, as people reach it."""
    return visit.services.origin.public_url or str(visit.request.base_url).rstrip("/")


def change(visit: Visit, form: dict[str, str]) -> Response:
    """Revoke, pause, test or remove, depending on the button."""
    visit.access.require("manage")
    number, kind = int(visit.request.path_params["number"]), visit.request.path_params["kind"]
    action = form.get("action", "")
    call: dict[tuple[str, str], Any] = {
        ("key", "revoke"): lambda: keys.revoke(visit.access, ById(number)),
        ("webhook", "remove"): lambda: hooks.remove(visit.access, ById(number)),
        ("webhook", "test"): lambda: hooks.test(visit.access, ById(number)),
        ("webhook", "pause"): lambda: hooks.edit(visit.access, hooks.EditWebhook(id=number, state="paused")),
        ("webhook", "resume"): lambda: hooks.edit(visit.access, hooks.EditWebhook(id=number, state="active")),
        ("calendar", "revoke"): lambda: hooks.revoke_calendar(visit.access, ById(number)),
        ("person", "remove"): lambda: people.remove(visit.access, ById(number)),
    }
    role = next((item for item in ROLES if item == form.get("role")), None)
    if role is not None:
        call["person", "role"] = lambda: people.edit(visit.access, people.EditPerson(number, role))
    if (kind, action) not in call:
        raise InputError("There is no such action.")
    call[kind, action]()
    return back("/settings", _DONE[action])


_DONE = {
    "revoke": "It is revoked, and works no more.",
    "remove": "It is removed.",
    "role": "The role is changed.",
    "test": "A test is on its way; the list of deliveries shows what came of it.",
    "pause": "It is paused; what happens meanwhile is delivered later.",
    "resume": "It goes on.",
}


def routes() -> list[BaseRoute]:
    """The page and its forms."""
    return [
        page_route("/settings", settings),
        form_route("/settings/passkeys/remove", remove_passkey),
        form_route("/settings/agents/end", end_agent),
        form_route("/settings/keys", add_key),
        form_route("/settings/webhooks", add_webhook),
        form_route("/settings/calendars", add_calendar),
        form_route("/settings/people", invite),
        form_route("/settings/{kind}/{number:id}", change),
    ]
