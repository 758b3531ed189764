"""How items of the inbox look: what others wrote."""

from __future__ import annotations

from datetime import datetime

from skywrite.app.context import Context
from skywrite.app.shapes.base import Output, shaped
from skywrite.queue.inbox import InboxItem


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


def item_shape(ctx: Context, item: InboxItem) -> ItemShape:
    """An item as JSON."""
    account = ctx.store.account(item.account_did)
    values = {"account": account.handle, "did": account.did, "answer": item.answer_id}
    return shaped(ItemShape, {**item._asdict(), **values})
