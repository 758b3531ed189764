"""Webhooks on the settings page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from skywrite.queue.events import EVENT_KINDS, EventKind

DELIVERIES = 10
KINDS: Mapping[EventKind, str] = {
    "post.published": "A post is out",
    "post.failed": "A post failed",
    "post.held": "A post is held, for a person to decide",
    "post.skipped": "A post was left out, because its time was missed",
    "post.cancelled": "A post was cancelled",
    "account.needs_login": "An account needs a sign-in",
    "account.session_ends": "The sign-in of an account ends soon",
    "feed.failing": "A feed cannot be read",
    "repost.failed": "A repost failed",
    "follow_up.failed": "A follow-up failed",
    "follow_up.expired": "A follow-up was not reached in time",
    "inbox.received": "Someone replied, mentioned or quoted",
    "answers.trial_ended": "A bot has written its first answers, and waits",
    "approval.requested": "A post waits for an approval",
    "approval.given": "A post was approved",
    "approval.rejected": "A post was rejected",
    "worker.late": "Posts go out late",
}


def panels(visit: Visit) -> list[Panel]:
    """For those who manage the server."""
    if "manage" not in visit.access.scopes:
        return []
    webhooks = operations.list_webhooks(visit.access, Nothing()).webhooks
    deliveries = {hook.id: _deliveries(visit, hook.id) for hook in webhooks}
    return [Panel(40, "webhooks_panel.html", {"webhooks": webhooks, "deliveries": deliveries, "kinds": KINDS})]


def _deliveries(visit: Visit, webhook_id: int) -> list[DeliveryShape]:
    return operations.deliveries(visit.access, ListDeliveries(id=webhook_id, limit=DELIVERIES)).deliveries


def add_webhook(visit: Visit, form: dict[str, str]) -> Response:
    """Add a webhook; the page shows its secret once."""
    visit.access.require("manage")
    fields = {"url": form.get("url", "").strip() or "-", "name": form.get("name", "").strip()}
    chosen = [kind for kind in EVENT_KINDS if form.get(f"kind-{kind}")]
    webhook = operations.add(visit.access, msgspec.convert({**fields, "kinds": chosen or None}, AddWebhook))
    return shown_once(
        visit, secret=webhook.secret, about=f"The secret of the webhook {webhook.url}. It is not shown again."
    )


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
