"""Operations on ways of answering. Commands are added in the shell only: whoever adds one may do anything there.

Whoever lets an address or a grammar answer publishes what it says.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from skywrite.app.context import Context
from skywrite.app.operations.grammars import Distinct, GrammarObject
from skywrite.app.operations.shapes import ById, Id, Input, Limit, Nothing, OfAccount, Ok, OnlyOfAccount, Word
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import ErrorShape, Output, problem_shape, shaped
from skywrite.core.errors import InputError
from skywrite.features.ways.service import AddedWay
from skywrite.features.ways.store import Way, unknown_way

Url = Annotated[str, Meta(min_length=1, max_length=2000, description="Where items are sent.")]
Reason = Literal["mention", "reply", "quote"]


class AddWay(Input, kw_only=True):
    """An address that answers (it gets each item as a signed message, and its response is the answer), or a grammar."""

    url: Url | None = None
    grammar: GrammarObject | None = None
    distinct: Distinct | None = None
    account: OfAccount | None = None
    word: Annotated[Word, Meta(description="Only what begins with this word, after the mention.")] = ""
    only: Annotated[list[Reason], Meta(max_length=3, description="Only these; else all.")] = msgspec.field(
        default_factory=list
    )
    unasked: Annotated[bool, Meta(description="Also answer who did not tag you, against the network's rule.")] = False
    retract: Annotated[bool, Meta(description="Take an answer back when what it answers is deleted.")] = False
    thread: Annotated[bool, Meta(description="It gets the posts above each item, too, at most ten.")] = False


class EditWay(Input, kw_only=True):
    """Whether it answers."""

    id: Id
    state: Annotated[Literal["active", "paused"], Meta(description="Whether it answers.")]


class ListAnswered(Input, kw_only=True):
    """Which answers."""

    account: OnlyOfAccount | None = None
    limit: Limit = 50


class WayShape(Output):
    """A way of answering, and what became of its last item. `what`: its command, its address, or its file.

    `samples`: some texts of its grammar.

    `kind` is null if it was not added with the server's key; then it answers nothing. `distinct`: so many different
    texts of a grammar come before one is repeated.
    """

    id: int
    account: str
    state: str
    kind: str | None
    what: str | None
    word: str
    only: list[str]
    unasked: bool
    retract: bool
    thread: bool
    distinct: int | None
    samples: list[str]
    asked_at: datetime | None
    outcome: str | None
    error: ErrorShape | None
    created_at: datetime


class AddedWayShape(WayShape, kw_only=True):
    """A way of answering with its secret, which is shown only here."""

    secret: str | None


class WayList(Output):
    """Ways of answering, in the order in which they are asked."""

    ways: list[WayShape]


class AnsweredShape(Output):
    """Something that was answered by itself, and the post that answers it, if it was answered by one."""

    item: int
    account: str
    uri: str
    author_handle: str
    asked: str
    answered_at: datetime
    post: int | None
    state: str | None
    answer: str


class AnsweredList(Output):
    """What was answered, the latest first."""

    answers: list[AnsweredShape]


@operation("POST /ways", scope="manage", created=True)
def add(access: Access, request: AddWay) -> AddedWayShape:
    """Let an address, or a grammar, answer what others write."""
    return added_shape(access.sky.context, _added(access, request))


def _added(access: Access, request: AddWay) -> AddedWay:
    access.require("publish")
    if (request.url is None) == (request.grammar is None):
        raise InputError("Say what answers.", hint="Give one of url and grammar.")
    options: dict[str, Any] = {
        **{name: getattr(request, name) for name in ("word", "only", "unasked", "retract", "thread")},
        "account": access.account(request.account).did,
    }
    if request.grammar is not None:
        return access.sky.ways.add_text(request.grammar, distinct=request.distinct, **options)
    if request.distinct is not None:
        raise InputError("A number of distinct texts needs a grammar.", hint="Leave distinct out.")
    assert request.url is not None
    return access.sky.ways.add_webhook(request.url, **options)


@operation("GET /ways", scope="manage")
def list_ways(access: Access, request: Nothing) -> WayList:
    """List what answers without a program."""
    known = [way for way in access.sky.ways.list() if access.covers([way.account_did])]
    return WayList([way_shape(access.sky.context, way) for way in known])


@operation("GET /ways/answers", scope="read")
def answers(access: Access, request: ListAnswered) -> AnsweredList:
    """List what was answered by itself."""
    dids = access.dids(request.account)
    ctx = access.sky.context
    items = [one for did in dids for one in access.sky.ways.answered(did, request.limit)]
    latest = sorted(items, key=lambda one: one.answered_at, reverse=True)[: request.limit]
    handles = {account.did: account.handle for account in ctx.store.accounts.all()}
    return AnsweredList(
        [
            AnsweredShape(one.item_id, handles.get(one.account_did, one.account_did), *one[2:])
            for one in latest
            if one.account_did in handles
        ]
    )


@operation("GET /ways/{id}", scope="manage")
def get(access: Access, request: ById) -> WayShape:
    """Show a way of answering."""
    return way_shape(access.sky.context, _seen(access, request.id))


@operation("PATCH /ways/{id}", scope="manage")
def edit(access: Access, request: EditWay) -> WayShape:
    """Pause a way of answering, or let it go on."""
    _seen(access, request.id)
    if request.state == "active":
        access.require("publish")
    ways = access.sky.ways
    way = ways.pause(request.id) if request.state == "paused" else ways.resume(request.id)
    return way_shape(access.sky.context, way)


@operation("DELETE /ways/{id}", scope="manage")
def remove(access: Access, request: ById) -> Ok:
    """Remove a way of answering; what it answered stays."""
    _seen(access, request.id)
    access.sky.ways.remove(request.id)
    return Ok()


def way_shape(ctx: Context, way: Way) -> WayShape:
    """A way of answering as JSON."""
    return shaped(WayShape, _values(ctx, way))


def added_shape(ctx: Context, added_way: AddedWay) -> AddedWayShape:
    """A new one, with its secret."""
    return shaped(AddedWayShape, {**_values(ctx, added_way.way), "secret": added_way.secret})


def _values(ctx: Context, way: Way) -> dict[str, Any]:
    doing = way.doing
    return {
        **way._asdict(),
        "account": ctx.store.accounts.get(way.account_did).handle,
        "kind": doing and doing.kind,
        "what": doing and doing.name,
        "word": doing.word if doing else "",
        "only": list(doing.kinds) if doing else [],
        "unasked": doing is not None and doing.unasked,
        "retract": doing is not None and doing.retract,
        "thread": doing is not None and doing.thread,
        "distinct": (doing.distinct or None) if doing else None,
        "samples": list(doing.samples) if doing else [],
        "error": problem_shape(way.problem),
    }


def _seen(access: Access, way_id: int) -> Way:
    way = access.sky.ways.get(way_id)
    return access.seen(way, [way.account_did], unknown_way(way_id))
