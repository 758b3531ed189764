"""How accounts look, with their session and their weekly slots."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from skywrite.app.context import Context
from skywrite.app.sessions import session_facts
from skywrite.app.shapes.base import NoticeShape, Output, messages, notices, shaped
from skywrite.core.errors import Notice
from skywrite.queue.model import Account, Slot


class SessionShape(Output):
    """What is known of an account's session. `rights` is null if it may do all that an app password may.

    `scope`: of OAuth, the rights as its server wrote them.
    """

    kind: str
    scope: str | None
    rights: list[str] | None
    missing_rights: list[str]
    ends_at: datetime | None
    idle_ends_at: datetime | None


class AccountShape(Output):
    """An account."""

    did: str
    handle: str
    pds_url: str
    is_default: bool
    signed_in: bool
    state: str
    paused_until: datetime | None
    pause_reason: str | None
    last_published_at: datetime | None
    settings: dict[str, Any]


class WholeAccountShape(AccountShape, kw_only=True):
    """An account with its session."""

    session: SessionShape | None


class SignedInShape(WholeAccountShape, kw_only=True):
    """An account that was signed in."""

    warnings: list[str]
    notices: list[NoticeShape]


class SignedOutShape(Output):
    """An account that was signed out, and that may be gone."""

    did: str
    handle: str


class SlotShape(Output):
    """A weekly time: weekday 0 is Monday, minute of the day."""

    weekday: Annotated[int, Meta(ge=0, le=6)]
    minute: Annotated[int, Meta(ge=0, le=1439)]
    zone: str


def account_shape(account: Account) -> AccountShape:
    """An account as JSON."""
    return shaped(AccountShape, account._asdict())


def whole_account_shape(ctx: Context, account: Account) -> WholeAccountShape:
    """An account as JSON, with what is known about its session. Raises WrongKey."""
    return shaped(WholeAccountShape, _whole(ctx, account))


def signed_in_shape(ctx: Context, account: Account, warnings: Sequence[Notice]) -> SignedInShape:
    """An account that was signed in, as JSON."""
    told = {"warnings": messages(warnings), "notices": notices(warnings)}
    return shaped(SignedInShape, {**_whole(ctx, account), **told})


def _whole(ctx: Context, account: Account) -> dict[str, Any]:
    session = session_facts(ctx, account)
    facts = session and {**session._asdict(), "missing_rights": session.missing}
    return {**account._asdict(), "session": facts}


def signed_out_shape(account: Account) -> SignedOutShape:
    """An account that was signed out, as JSON."""
    return SignedOutShape(account.did, account.handle)


def slot_shape(slot: Slot) -> SlotShape:
    """A weekly time as JSON."""
    return shaped(SlotShape, slot._asdict())
