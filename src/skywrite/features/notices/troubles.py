"""Which events are problems that people hear of: one table of what is said, and how a problem is over.

What lives here: the table, and each check of what is stored. What does not: filling in and sending the sentences
(`service`), and the events themselves (`queue.events`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import NamedTuple

from skywrite.app.chores import REPORTED_LATE
from skywrite.app.context import Context
from skywrite.core.errors import NotFound
from skywrite.features import features
from skywrite.queue.actions import Actions
from skywrite.queue.approval_rules import ANSWERS, TRIAL
from skywrite.queue.approvals import Approvals
from skywrite.queue.workers import ChoreTimes


class Trouble(NamedTuple):
    """A problem, and the notice that was sent about it."""

    name: str
    kind: str
    account_did: str | None
    subject_id: int | None
    said: str


class TroubleKind(NamedTuple):
    """What people hear of a kind of event, and of its end. Without `over` it has none: it is reported once.

    `check`: whether a problem is over; without it, the feature that has such problems says so (`Feature.solved`).
    """

    words: str
    over: str = ""
    check: Callable[[Context, Trouble], bool] | None = None


def is_over(ctx: Context, trouble: Trouble) -> bool:
    """Whether a problem is over, according to what is stored now. That of a feature which is no more, is."""
    check, asked = TROUBLES[trouble.kind].check, _solved().get(trouble.kind)
    try:
        if check is not None:
            return check(ctx, trouble)
        return asked is None or asked(ctx, trouble.subject_id or 0)
    except NotFound:
        return True


@cache
def _solved() -> dict[str, Callable[[Context, int], bool]]:
    """What features say about the troubles of their own."""
    return {kind: row.load(home) for row in features() for kind, home in row.solved.items()}


def _post_is_over(state: str) -> Callable[[Context, Trouble], bool]:
    return lambda ctx, trouble: ctx.store.posts.get(trouble.subject_id or 0).state != state


def _signed_in(ctx: Context, trouble: Trouble) -> bool:
    return ctx.store.accounts.get(trouble.account_did).state != "needs_login"


def _renewed(ctx: Context, trouble: Trouble) -> bool:
    ends_at = ctx.store.accounts.get(trouble.account_did).session_ends_at
    return ends_at is None or ends_at > ctx.clock.now() + timedelta(days=30)


def _cancelled(ctx: Context, trouble: Trouble) -> bool:
    return Actions(ctx.store).get(trouble.subject_id or 0).state != "failed"


def _approved(ctx: Context, trouble: Trouble) -> bool:
    post, approvals = ctx.store.posts.get(trouble.subject_id or 0), Approvals(ctx.store)
    if post.state == "draft":
        return False
    return post.state not in ("scheduled", "held") or not approvals.standing(post).wanted


def _let_go(ctx: Context, trouble: Trouble) -> bool:
    return ctx.store.accounts.get(trouble.account_did).settings.get(ANSWERS) != TRIAL


def _taken(ctx: Context, trouble: Trouble) -> bool:
    return ChoreTimes(ctx.store).last(REPORTED_LATE) is None


TROUBLES: Mapping[str, TroubleKind] = {
    "post.failed": TroubleKind(
        "Post {id} was refused: {message} ({text})", "Post {id} is no longer refused.", _post_is_over("failed")
    ),
    "post.held": TroubleKind(
        "Post {id} is held: {message} ({text})", "Post {id} is no longer held.", _post_is_over("held")
    ),
    "account.needs_login": TroubleKind(
        "{account} needs a login: {reason}", "{account} is signed in again.", _signed_in
    ),
    "account.session_ends": TroubleKind(
        "The session of {account} ends at {ends_at}.", "{account} has a new session.", _renewed
    ),
    "feed.failing": TroubleKind("Feed {feed} fails: {message} ({url})", "Feed {feed} is read again."),
    "repost.failed": TroubleKind(
        "The {action} {id} failed: {message} ({uri})", "Repost or pin {id} failed, and is cancelled now.", _cancelled
    ),
    "follow_up.failed": TroubleKind("Follow-up {id} of post {post} failed: {message} ({text})"),
    "follow_up.expired": TroubleKind("Follow-up {id} of post {post} expired: {message} ({text})"),
    "approval.requested": TroubleKind(
        "Post {id} waits for an approval: {text}", "Post {id} waits for no approval any more.", _approved
    ),
    "answers.trial_ended": TroubleKind(
        "The bot of {account} has written its first {answers} answers, and waits for your word to go on.",
        "The bot of {account} is no longer on trial.",
        _let_go,
    ),
    "worker.late": TroubleKind(
        "Posts are due since {since}, and no worker takes them.", "Workers take posts again.", _taken
    ),
}
