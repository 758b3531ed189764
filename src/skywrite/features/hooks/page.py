"""Hooks on the settings page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.app.operations.shapes import ById, Nothing
from skywrite.core.errors import InputError
from skywrite.faces.server.pages.frame import Panel, Visit, form_route
from skywrite.faces.server.pages.settings import done, number_of, shown_once
from skywrite.features.hooks import operations
from skywrite.features.hooks.operations import AddHook, EditHook
from skywrite.features.hooks.signatures import KINDS


def panels(visit: Visit) -> list[Panel]:
    """For those who manage the server."""
    if "manage" not in visit.access.scopes:
        return []
    hooks = operations.list_hooks(visit.access, Nothing()).hooks
    accounts = [account.handle for account in visit.access.all_accounts()]
    kinds = {name: row.words for name, row in KINDS.items()}
    return [Panel(45, "hooks_panel.html", {"hooks": hooks, "kinds": kinds, "accounts": accounts})]


def add_hook(visit: Visit, form: dict[str, str]) -> Response:
    """Add a hook; the page shows its secret once."""
    visit.access.require("manage")
    fields: dict[str, Any] = {name: form.get(name, "").strip() for name in ("name", "kind", "template")}
    for name in ("account", "secret"):
        fields[name] = form.get(name, "").strip() or None
    hook = operations.add(visit.access, msgspec.convert({**fields, "publish": "publish" in form}, AddHook))
    about = f"The secret of the hook {hook.name}. Messages go to {hook.address}. It is not shown again."
    return shown_once(visit, secret=hook.secret, about=about)


def change(visit: Visit, form: dict[str, str]) -> Response:
    """Remove it, or change whether its posts go out at once, depending on the button."""
    number, action = number_of(visit), form.get("action", "")
    calls: dict[str, Callable[[], Any]] = {
        "remove": lambda: operations.remove(visit.access, ById(number)),
        "publish": lambda: operations.edit(visit.access, EditHook(id=number, publish=True)),
        "draft": lambda: operations.edit(visit.access, EditHook(id=number, publish=False)),
    }
    if action not in calls:
        raise InputError("There is no such action.")
    visit.access.require("manage")
    calls[action]()
    return done(action)


def routes() -> list[BaseRoute]:
    """The forms."""
    return [form_route("/settings/hooks", add_hook), form_route("/settings/hook/{number:id}", change)]
