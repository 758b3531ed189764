"""Operations on API keys."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from skywrite.app.facade import Skywrite
from skywrite.app.operations.shapes import ById, Input, Nothing, Word, Words
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import Output, shaped
from skywrite.core.clock import to_iso
from skywrite.core.errors import NotAllowed
from skywrite.queue.api_keys import NOBODY, ApiKey, ApiKeys, Maker, Scope, unknown_key


class KeyShape(Output):
    """An API key, without the key."""

    id: int
    name: str
    shown: str
    scopes: list[Scope]
    accounts: list[str] | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    person_id: Annotated[int, Meta(description="Who made it or let the agent in. It ends with them.")] | None
    parent_id: Annotated[int, Meta(description="The key that made it. It ends with that one.")] | None
    client_id: Annotated[str, Meta(description="Of an agent's token: which program it is.")] | None
    resource: Annotated[str, Meta(description="Of an agent's token: the only address where it works.")] | None


class NewKeyShape(KeyShape, kw_only=True):
    """A new key; `key` is shown only here."""

    key: str


def key_shape(key: ApiKey) -> KeyShape:
    """A key as JSON."""
    return shaped(KeyShape, {**key._asdict(), "shown": key.shown})


def new_key_shape(key: ApiKey, secret: str) -> NewKeyShape:
    """A new key as JSON, with the key itself."""
    return shaped(NewKeyShape, {**key._asdict(), "shown": key.shown, "key": secret})


Scopes = Annotated[list[Scope], Meta(min_length=1, max_length=100, description="What it may do.")]


class AddKey(Input):
    """A new key."""

    name: Annotated[str, Meta(min_length=1, max_length=100, description="Who uses it.")]
    scopes: Scopes = msgspec.field(default_factory=lambda: ["read", "draft"])
    accounts: (
        Annotated[Words, Meta(min_length=1, description="Handles or DIDs; without them, all accounts.")] | None
    ) = None
    until: Annotated[Word, Meta(description="When it ends.")] | None = None


class KeyList(Output):
    """API keys."""

    keys: list[KeyShape]


def add_key(
    sky: Skywrite,
    name: str,
    scopes: Sequence[str],
    accounts: Sequence[str] = (),
    until: str | None = None,
    *,
    maker: Maker = NOBODY,
    most: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Create a key; the second value is the key itself. The end may be a day; `most` is the latest one.

    Raises InputError, NotAllowed.
    """
    from skywrite.posting.schedule.times import local_zone, parse_time

    dids = [sky.context.account(handle).did for handle in accounts] or None
    if until is not None and re.fullmatch(r"\d{4}-\d\d-\d\d", until.strip()):
        until = f"{until.strip()} 23:59"
    ends = most if until is None else parse_time(until, now=sky.context.clock.now(), zone=local_zone()).at
    if most is not None and ends is not None and ends > most:
        raise NotAllowed(
            f"A key that ends at {to_iso(most)} makes none that ends later.",
            code="access.denied",
            hint="Leave until out, or give an earlier one.",
        )
    return ApiKeys(sky.context.store).add(name, scopes, accounts=dids, expires_at=ends, maker=maker)


@operation("POST /keys", scope="manage", created=True)
def add(access: Access, request: AddKey) -> NewKeyShape:
    """Make an API key.

    It never has more than who makes it: scopes, accounts, and an end.
    """
    for scope in request.scopes:
        access.require(scope)
    names = [] if request.accounts is None else request.accounts
    if access.accounts is not None:
        names = [access.account(name).did for name in names] or sorted(access.accounts)
    most = None if access.key is None else access.key.expires_at
    key, secret = add_key(access.sky, request.name, request.scopes, names, request.until, maker=access.maker, most=most)
    return new_key_shape(key, secret)


@operation("GET /keys", scope="manage")
def list_keys(access: Access, request: Nothing) -> KeyList:
    """List API keys.

    Those whose accounts are all the caller's.
    """
    known = ApiKeys(access.sky.context.store).all()
    return KeyList([key_shape(key) for key in known if access.covers(key.accounts)])


@operation("DELETE /keys/{id}", scope="manage", idempotent=True)
def revoke(access: Access, request: ById) -> KeyShape:
    """Revoke an API key."""
    keys = ApiKeys(access.sky.context.store)
    key = keys.get(request.id)
    access.seen(key, key.accounts, unknown_key(request.id))
    return key_shape(keys.revoke(request.id))
