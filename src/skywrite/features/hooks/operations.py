"""Operations on hooks: the addresses at which programs elsewhere ask for posts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from skywrite.app.context import Context
from skywrite.app.operations.shapes import ById, Id, Input, Labels, Langs, Mentions, Nothing, OfAccount, Ok, Tags, Word
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import ErrorShape, Output, problem_shape, shaped
from skywrite.app.shapes.posts import PreviewShape, preview_shape
from skywrite.features.hooks.service import MESSAGE_BYTES_MAX, AddedHook, read_message
from skywrite.features.hooks.store import Hook, unknown_hook
from skywrite.posting.sources.template import TEMPLATE_LENGTH_MAX

KindName = Literal["github", "standard", "ghost", "shopify", "woocommerce", "secret"]
Template = Annotated[
    str,
    Meta(max_length=TEMPLATE_LENGTH_MAX, description="Jinja2 over the message's JSON, such as {{ release.name }}."),
]
Secret = Annotated[str, Meta(max_length=500, description="That of the other program. Without it, one is made.")]

Publish = Annotated[bool, Meta(description="Whether its posts go out at once; otherwise they wait as drafts.")]


class AddHook(Input, kw_only=True):
    """A new hook. With `publish`, its posts go out at once; without it, they wait as drafts."""

    name: Annotated[Word, Meta(description="The end of its address: /hooks/NAME.")]
    kind: Annotated[KindName, Meta(description="How messages are signed.")]
    template: Template
    account: OfAccount | None = None
    publish: Publish = False
    secret: Secret | None = None
    langs: Langs = msgspec.field(default_factory=list)
    labels: Labels = msgspec.field(default_factory=list)
    tags: Tags = msgspec.field(default_factory=list)
    mentions: Mentions = False


class EditHook(Input, kw_only=True):
    """Changes to a hook."""

    id: Id
    template: Template | None = None
    publish: Publish | None = None


class ReplaceHookSecret(Input, kw_only=True):
    """Another secret."""

    id: Id
    secret: Secret | None = None


class TestHook(Input, kw_only=True):
    """A message to try a hook with."""

    id: Id
    message: Annotated[str, Meta(max_length=MESSAGE_BYTES_MAX, description="The JSON of the message, as it is sent.")]


class HookShape(Output):
    """A hook, and what became of its last message: `made`, `repeated`, `nothing` or `failed`."""

    id: int
    name: str
    address: str
    kind: str
    account: str
    template: str
    publish: bool
    langs: list[str]
    labels: list[str]
    tags: list[str]
    mentions: bool
    delivered_at: datetime | None
    outcome: str | None
    post: int | None
    error: ErrorShape | None
    created_at: datetime


class SecretHookShape(HookShape, kw_only=True):
    """A hook with its secret, which is shown only here."""

    secret: str


class HookList(Output):
    """Hooks."""

    hooks: list[HookShape]


class TestedHook(Output):
    """What would become of a message; nothing where the template gives no text."""

    post: PreviewShape | None


@operation("POST /hooks", scope="manage", created=True)
def add(access: Access, request: AddHook) -> SecretHookShape:
    """Make posts of the messages of another program."""
    account = access.account(request.account)
    _check_publishing(access, request.publish)
    added_hook = access.sky.hooks.add(
        request.name,
        template=request.template,
        kind=request.kind,
        account=account.did,
        publish=request.publish,
        secret=request.secret,
        langs=request.langs,
        labels=request.labels,
        tags=request.tags,
        mentions=request.mentions,
    )
    return secret_hook_shape(access.sky.context, added_hook)


@operation("GET /hooks", scope="manage")
def list_hooks(access: Access, request: Nothing) -> HookList:
    """List hooks."""
    known = [hook for hook in access.sky.hooks.list() if access.covers([hook.account_did])]
    return HookList([hook_shape(access.sky.context, hook) for hook in known])


@operation("GET /hooks/{id}", scope="manage")
def get(access: Access, request: ById) -> HookShape:
    """Show a hook."""
    return hook_shape(access.sky.context, _seen(access, request.id))


@operation("PATCH /hooks/{id}", scope="manage")
def edit(access: Access, request: EditHook) -> HookShape:
    """Change what later messages become."""
    known = _seen(access, request.id)
    _check_publishing(access, known.publishes if request.publish is None else request.publish)
    hook = access.sky.hooks.edit(request.id, template=request.template, publish=request.publish)
    return hook_shape(access.sky.context, hook)


@operation("DELETE /hooks/{id}", scope="manage")
def remove(access: Access, request: ById) -> Ok:
    """Remove a hook; its posts stay."""
    _seen(access, request.id)
    access.sky.hooks.remove(request.id)
    return Ok()


@operation("POST /hooks/{id}/secret", scope="manage")
def replace_secret(access: Access, request: ReplaceHookSecret) -> SecretHookShape:
    """Take another secret; the old one ends at once."""
    _check_publishing(access, _seen(access, request.id).publishes)
    return secret_hook_shape(access.sky.context, access.sky.hooks.replace_secret(request.id, request.secret))


@operation("POST /hooks/{id}/test", scope="manage", network=True)
def test(access: Access, request: TestHook) -> TestedHook:
    """Show what would become of a message; nothing is stored or sent."""
    _seen(access, request.id)
    ready = access.sky.hooks.test(request.id, read_message(request.message))
    return TestedHook(None if ready is None else preview_shape(ready))


def hook_shape(ctx: Context, hook: Hook) -> HookShape:
    """A hook as JSON."""
    return shaped(HookShape, _values(ctx, hook))


def secret_hook_shape(ctx: Context, added_hook: AddedHook) -> SecretHookShape:
    """A hook with its secret as JSON."""
    return shaped(SecretHookShape, {**_values(ctx, added_hook.hook), "secret": added_hook.secret})


def _values(ctx: Context, hook: Hook) -> dict[str, Any]:
    return {
        **hook._asdict(),
        "address": f"/hooks/{hook.name}",
        "account": ctx.store.accounts.get(hook.account_did).handle,
        "publish": hook.publishes,
        "post": hook.post_id,
        "error": problem_shape(hook.problem),
        **hook.draft,
    }


def _check_publishing(access: Access, publishes: bool) -> None:
    """Whoever knows the secret of a hook that publishes, or writes its template, publishes. Raises NotAllowed."""
    if publishes:
        access.require("publish")


def _seen(access: Access, hook_id: int) -> Hook:
    hook = access.sky.hooks.get(hook_id)
    return access.seen(hook, [hook.account_did], unknown_hook(hook_id))
