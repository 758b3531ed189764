"""How API keys look: without the key, which is shown once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from skywrite.app.shapes.base import Output, shaped
from skywrite.queue.api_keys import ApiKey, Scope


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
