"""How what goes with a post looks as JSON: its follow-ups, and its reposts and pins."""

from __future__ import annotations

from datetime import datetime

from skywrite.app.context import Context
from skywrite.app.shapes.base import Output, shaped
from skywrite.queue.actions import Action
from skywrite.queue.follow_ups import FollowUp


class RepostShape(Output):
    """A repost or pin, or what undoes one: `kind` is repost, unrepost, pin, unpin or like. Times are UTC.

    `rule` repeats it, in `zone` and up to `until`. `error` is that of the last of its `attempts`.
    """

    id: int
    account: str
    did: str
    kind: str
    state: str
    uri: str
    cid: str
    due_at: datetime
    undo_seconds: int | None
    rule: str | None
    zone: str | None
    until: datetime | None
    attempts: int
    error: str | None
    key: str | None
    done_at: datetime | None
    # Whether the request that returns it added it; False where it was there under its key.
    created: bool = False


def repost_shape(ctx: Context, action: Action, *, created: bool = False) -> RepostShape:
    """A repost or pin as JSON."""
    account = ctx.store.accounts.get(action.account_did)
    values = {"account": account.handle, "did": account.did, "attempts": action.tries, "created": created}
    return shaped(RepostShape, {**action._asdict(), **values})


class FollowUpShape(Output):
    """A follow-up. `note` says what was counted, or why nothing comes of it; `made_id` is the reply's post.

    `who` added it, where that is known; `agent`: an agent did.
    """

    id: int
    post_id: int
    metric: str
    threshold: int
    kind: str
    text: str
    undo_seconds: int | None
    state: str
    note: str | None
    made_id: int | None
    who: str | None
    agent: bool
    created_at: datetime


def follow_up_shape(item: FollowUp) -> FollowUpShape:
    """A follow-up as JSON."""
    return shaped(FollowUpShape, item._asdict())
