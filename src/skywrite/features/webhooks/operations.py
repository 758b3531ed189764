"""Operations on webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from skywrite.app.operations.shapes import ById, Id, Input, Limit, Nothing, Ok, OnlyOfAccount
from skywrite.app.operations.table import Access, operation, touched_by
from skywrite.app.shapes.base import Output, shaped
from skywrite.core.errors import InputError
from skywrite.queue.events import EventKind
from skywrite.queue.webhooks import Delivery, Webhook, Webhooks, unknown_delivery, unknown_webhook

Url = Annotated[str, Meta(min_length=1, max_length=2000, description="Where messages are sent.")]
Name = Annotated[str, Meta(max_length=100, description="Who gets them.")]
Kinds = Annotated[list[EventKind], Meta(min_length=1, max_length=100, description="Only these events; null: all.")]


class AddWebhook(Input, kw_only=True):
    """A new webhook."""

    url: Url
    name: Name = ""
    kinds: Kinds | None = None
    account: OnlyOfAccount | None = None


class EditWebhook(Input, kw_only=True):
    """Changes to a webhook."""

    id: Id
    url: Url | None = None
    name: Name | None = None
    state: Annotated[Literal["active", "paused"], Meta(description="Whether it gets messages.")] | None = None
    kinds: Kinds | None = None


class ListDeliveries(Input, kw_only=True):
    """Which messages."""

    id: Id
    before: Id | None = None
    limit: Limit = 50


class ByDelivery(Input):
    """A message of a webhook."""

    id: Id
    delivery: Id


class WebhookShape(Output):
    """A webhook."""

    id: int
    url: str
    name: str
    state: str
    kinds: list[str] | None
    account: str | None
    reason: str | None
    created_at: datetime


class SecretWebhookShape(WebhookShape, kw_only=True):
    """A webhook with its secret, which is shown only here."""

    secret: str


class WebhookList(Output):
    """Webhooks."""

    webhooks: list[WebhookShape]


class DeliveryShape(Output):
    """A message to a webhook, and the result of its last attempt."""

    id: int
    kind: str
    state: str
    tries: int
    attempt_at: datetime
    created_at: datetime
    ended_at: datetime | None
    status: int | None
    error: str | None
    body: str


class DeliveryList(Output):
    """Messages, the latest first."""

    deliveries: list[DeliveryShape]


@operation("POST /webhooks", scope="manage", created=True)
def add(access: Access, request: AddWebhook) -> SecretWebhookShape:
    """Send signed messages about events to an address.

    Only the syntax of the address is checked now.
    """
    from skywrite.core.http import parse_url

    target = parse_url(request.url)
    if target.scheme not in ("https", "http") or target.has_userinfo or not target.host:
        raise InputError(f"{request.url} cannot be a webhook.", hint="Give an https:// address without a password.")
    did = None if request.account is None and access.accounts is None else access.account(request.account).did
    hook, secret = _webhooks(access).add(request.url, request.name, kinds=request.kinds, account_did=did)
    return shaped(SecretWebhookShape, {**_fields(access, hook), "secret": secret})


@operation("GET /webhooks", scope="manage")
def list_webhooks(access: Access, request: Nothing) -> WebhookList:
    """List webhooks."""
    seen = [hook for hook in _webhooks(access).all() if access.covers(touched_by(hook.account_did))]
    return WebhookList([shaped(WebhookShape, _fields(access, hook)) for hook in seen])


@operation("GET /webhooks/{id}", scope="manage")
def get(access: Access, request: ById) -> WebhookShape:
    """Show a webhook."""
    return shaped(WebhookShape, _fields(access, _seen(access, request.id)))


@operation("PATCH /webhooks/{id}", scope="manage")
def edit(access: Access, request: EditWebhook) -> WebhookShape:
    """Change, pause or resume a webhook."""
    _seen(access, request.id)
    changes = {"url": request.url, "name": request.name, "kinds": request.kinds}
    hook = _webhooks(access).change(request.id, state=request.state, **changes)  # type: ignore[arg-type]
    return shaped(WebhookShape, _fields(access, hook))


@operation("DELETE /webhooks/{id}", scope="manage")
def remove(access: Access, request: ById) -> Ok:
    """Forget a webhook."""
    _seen(access, request.id)
    _webhooks(access).remove(request.id)
    return Ok()


@operation("POST /webhooks/{id}/secret", scope="manage")
def replace_secret(access: Access, request: ById) -> SecretWebhookShape:
    """Make a new secret; for a day messages are signed with both."""
    hook = _seen(access, request.id)
    secret = _webhooks(access).replace_secret(request.id)
    return shaped(SecretWebhookShape, {**_fields(access, hook), "secret": secret})


@operation("POST /webhooks/{id}/test", scope="manage")
def test(access: Access, request: ById) -> DeliveryShape:
    """Send a test message."""
    _seen(access, request.id)
    return _delivery(_webhooks(access).send_test(request.id))


@operation("GET /webhooks/{id}/deliveries", scope="manage")
def deliveries(access: Access, request: ListDeliveries) -> DeliveryList:
    """List the messages of a webhook."""
    _seen(access, request.id)
    page = _webhooks(access).deliveries(request.id, before=request.before, limit=request.limit)
    return DeliveryList([_delivery(item) for item in page])


@operation("POST /webhooks/{id}/deliveries/{delivery}/replay", scope="manage")
def replay(access: Access, request: ByDelivery) -> DeliveryShape:
    """Send a message again."""
    _seen(access, request.id)
    if _webhooks(access).delivery(request.delivery).webhook_id != request.id:
        raise unknown_delivery(request.delivery)
    return _delivery(_webhooks(access).replay(request.delivery))


def _webhooks(access: Access) -> Webhooks:
    return Webhooks(access.sky.context.store)


def _seen(access: Access, webhook_id: int) -> Webhook:
    hook = _webhooks(access).get(webhook_id)
    return access.seen(hook, touched_by(hook.account_did), unknown_webhook(webhook_id))


def _fields(access: Access, hook: Webhook) -> dict[str, object]:
    return {**hook._asdict(), "account": access.handle(hook.account_did)}


def _delivery(item: Delivery) -> DeliveryShape:
    return shaped(DeliveryShape, item._asdict())
