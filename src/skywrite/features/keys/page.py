"""API keys on the settings page."""

from __future__ import annotations

import msgspec
from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.app.operations.shapes import ById, Nothing
from skywrite.core.errors import InputError
from skywrite.faces.server.pages.frame import Panel, Visit, form_route
from skywrite.faces.server.pages.settings import SCOPES, done, number_of, shown_once
from skywrite.features.keys import operations


def panels(visit: Visit) -> list[Panel]:
    """For those who manage the server."""
    if "manage" not in visit.access.scopes:
        return []
    keys = operations.list_keys(visit.access, Nothing()).keys
    return [Panel(30, "keys_panel.html", {"keys": keys, "scopes": SCOPES})]


def add_key(visit: Visit, form: dict[str, str]) -> Response:
    """Create a key; the page shows it once."""
    visit.access.require("manage")
    chosen = [name for name, _ in SCOPES if form.get(f"scope-{name}")]
    if not form.get("name", "").strip() or not chosen:
        raise InputError("A key needs a name and at least one right.")
    until = form.get("until", "").strip() or None
    request = msgspec.convert({"name": form["name"].strip(), "scopes": chosen, "until": until}, operations.AddKey)
    new_key = operations.add(visit.access, request)
    return shown_once(visit, secret=new_key.key, about=f"The key {new_key.name}. Copy it now: it is not shown again.")


def change(visit: Visit, form: dict[str, str]) -> Response:
    """Revoke a key."""
    number = number_of(visit)
    if form.get("action") != "revoke":
        raise InputError("There is no such action.")
    operations.revoke(visit.access, ById(number))
    return done("revoke")


def routes() -> list[BaseRoute]:
    """The forms."""
    return [form_route("/settings/keys", add_key), form_route("/settings/key/{number:id}", change)]
