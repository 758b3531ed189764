"""Webhooks on the settings page."""

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
from skywrite.features.webhooks import operations
from skywrite.features.webhooks.operations import AddWebhook, DeliveryShape, EditWebhook, ListDeliveries

DELIVERIES = 10


def panels(visit: Visit) -> list[Panel]:
    """For those who manage the server."""
    if "manage" not in visit.access.scopes:
        return []
    webhooks = operations.list_webhooks(visit.access, Nothing()).webhooks
    values = {"webhooks": webhooks, "deliveries": {hook.id: _deliveries(visit, hook.id) for hook in webhooks}}
    return [Panel(40, "webhooks_panel.html", values)]


def _deliveries(visit: Visit, webhook_id: int) -> list[DeliveryShape]:
    return operations.deliveries(visit.access, ListDeliveries(id=webhook_id, limit=DELIVERIES)).deliveries


def add_webhook(visit: Visit, form: dict[str, str]) -> Response:
    """Add a webhook; the page shows its secret once."""
    visit.access.require("manage")
    fields = {"url": form.get("url", "").strip() or "-", "name": form.get("name", "").strip()}
    made = operations.add(visit.access, msgspec.convert(fields, AddWebhook))
    return shown_once(visit, secret=made.secret, about=f"The secret of the webhook {made.url}. It is not shown again.")


def change(visit: Visit, form: dict[str, str]) -> Response:
    """Remove, test, pause or resume, depending on the button."""
    number, action = number_of(visit), form.get("action", "")
    calls: dict[str, Callable[[], Any]] = {
        "remove": lambda: operations.remove(visit.access, ById(number)),
        "test": lambda: operations.test(visit.access, ById(number)),
        "pause": lambda: operations.edit(visit.access, EditWebhook(id=number, state="paused")),
        "resume": lambda: operations.edit(visit.access, EditWebhook(id=number, state="active")),
    }
    if action not in calls:
        raise InputError("There is no such action.")
    calls[action]()
    return done(action)


def routes() -> list[BaseRoute]:
    """The forms."""
    return [form_route("/settings/webhooks", add_webhook), form_route("/settings/webhook/{number:id}", change)]
