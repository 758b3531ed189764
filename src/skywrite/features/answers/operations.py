"""Operations on the inbox: what others wrote about our posts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from msgspec import Meta

from skywrite.app.context import Context
from skywrite.app.operations.shapes import ById, Id, Input, Limit, OnlyOfAccount, Text, Word
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import Output, shaped
from skywrite.app.shapes.posts import PostShape, post_shape
from skywrite.features.answers.service import Bot, Rehearsed, Tried
from skywrite.features.answers.store import InboxItem, unknown_item


class ListInbox(Input):
    """Which items."""

    account: OnlyOfAccount | None = None
    done: Annotated[bool, Meta(description="Also what is done or snoozed, the latest first.")] = False
    limit: Limit = 100


class ListAnswers(Input):
    """Of which account; without it, of all that the caller may know of."""

    account: OnlyOfAccount | None = None


class PauseAnswers(Input):
    """Of which account; without it, of all that the caller may know of."""

    account: OnlyOfAccount | None = None


class AnswerItem(Input):
    """A reply, and when it goes out."""

    id: Id
    text: Annotated[Text, Meta(min_length=1, description="The reply.")]
    at: Annotated[Word, Meta(description="ISO 8601, or plain English: tomorrow 9:00. Without it, now.")] | None = None


class SnoozeItem(Input):
    """When it comes again."""

    id: Id
    until: Annotated[Word, Meta(description="ISO 8601, or plain English: tomorrow 9:00.", min_length=1)]


class ItemList(Output):
    """What is in the inbox."""

    items: list[ItemShape]


class ItemShape(Output):
    """Something that somebody wrote. `subject` is the post of yours that it is about; `answer` is the reply to it.

    `answers`: how many replies there are. `passed`: why no function of a program answers it.
    """

    id: int
    account: str
    did: str
    reason: str
    uri: str
    cid: str
    author_did: str
    author_handle: str
    text: str
    labels: list[str]
    subject: str | None
    parent: str | None
    root: str | None
    indexed_at: datetime
    state: str
    snoozed_until: datetime | None
    answer: int | None
    answers: int
    answered_at: datetime | None
    passed: str | None
    by_others: ClassVar = frozenset({"author_handle", "text", "labels"})


class BotShape(Output):
    """What answers for an account. `state`: on, trial or paused; `why`: why it answers nothing now."""

    account: str
    did: str
    state: str
    answers_within_a_day: int
    waiting_for_approval: int
    why: str | None


class BotList(Output):
    """The accounts for which something answers by itself."""

    bots: list[BotShape]


class TriedShape(Output):
    """What one way of answering says: an answer, nothing, or what went wrong."""

    name: str
    answer: str | None
    problem: str | None


class RehearsedShape(Output):
    """What would be answered to an item of the inbox, or why nothing is asked."""

    item: ItemShape
    tried: list[TriedShape]
    why: str | None


@operation("GET /answers", scope="read")
def list_answers(access: Access, request: ListAnswers) -> BotList:
    """List the accounts for which something answers by itself."""
    return BotList(
        [bot_shape(bot) for did in access.dids(request.account) for bot in access.sky.answers.list(account=did)]
    )


@operation("POST /answers/pause", scope="schedule", idempotent=True)
def pause_answers(access: Access, request: PauseAnswers) -> BotList:
    """Let nothing be answered by itself any more. Only people let it go on."""
    return BotList([bot_shape(bot) for did in access.dids(request.account) for bot in access.sky.answers.pause(did)])


@operation("GET /inbox", scope="read", tool="list_inbox")
def list_inbox(access: Access, request: ListInbox) -> ItemList:
    """List replies, mentions and quotes that wait for an answer."""
    inbox = access.sky.inbox
    items = [
        item
        for did in access.dids(request.account)
        for item in inbox.list(everything=request.done, account=did, limit=request.limit)
    ]
    items.sort(key=lambda item: (item.indexed_at, item.id), reverse=request.done)
    return ItemList([item_shape(access.sky.context, item) for item in items[: request.limit]])


@operation("POST /inbox/{id}/answer", scope="schedule", idempotent=True, network=True)
def answer(access: Access, request: AnswerItem) -> PostShape:
    """Reply through the queue. The same reply again adds nothing."""
    item = seen_item(access, request.id)
    return post_shape(access.sky.inbox.answer(item.id, request.text, at=request.at))


@operation("POST /inbox/{id}/done", scope="schedule", idempotent=True)
def done(access: Access, request: ById) -> ItemShape:
    """Note that an item needs no reply."""
    return item_shape(access.sky.context, access.sky.inbox.done(seen_item(access, request.id).id))


@operation("POST /inbox/{id}/snooze", scope="schedule", idempotent=True)
def snooze(access: Access, request: SnoozeItem) -> ItemShape:
    """Show an item again later."""
    return item_shape(access.sky.context, access.sky.inbox.snooze(seen_item(access, request.id).id, request.until))


def seen_item(access: Access, item_id: int) -> InboxItem:
    """An item of an account that the caller may know of. Raises NotFound."""
    item = access.sky.inbox.get(item_id)
    return access.seen(item, [item.account_did], unknown_item(item_id))


def item_shape(ctx: Context, item: InboxItem) -> ItemShape:
    """An item as JSON."""
    account = ctx.store.accounts.get(item.account_did)
    values = {"account": account.handle, "did": account.did, "answer": item.answer_id}
    return shaped(ItemShape, {**item._asdict(), **values})


def bot_shape(bot: Bot) -> BotShape:
    """A bot as JSON."""
    return BotShape(bot.account.handle, bot.account.did, bot.state, bot.today, bot.waiting, bot.why)


def tried_shape(tried: Tried) -> TriedShape:
    """What one way of answering says, as JSON."""
    return TriedShape(tried.name, tried.answer, tried.problem.message if tried.problem else None)


def rehearsed_shape(ctx: Context, rehearsed: Rehearsed) -> RehearsedShape:
    """What would be answered to an item, as JSON."""
    tried = [tried_shape(one) for one in rehearsed.tried]
    return RehearsedShape(item_shape(ctx, rehearsed.item), tried, rehearsed.why)
