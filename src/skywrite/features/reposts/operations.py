"""Operations on reposts and pins at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta

from skywrite.app.operations.once import digest_of, key_lock, key_reused
from skywrite.app.operations.shapes import ById, Id, Input, Key, OfAccount, OnlyOfAccount, Word
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import Output
from skywrite.app.shapes.reposts import RepostShape, repost_shape
from skywrite.core.digits import row_number
from skywrite.queue.actions import Action, Actions, unknown_action
from skywrite.queue.model import Account
from skywrite.queue.requests import Requests

Target = Annotated[
    Id | Annotated[str, Meta(min_length=1, max_length=2000)],
    Meta(description="The number of a post here, or the link or at-uri of any post."),
]
When = Annotated[str, Meta(description="`tomorrow 18:00`, or ISO 8601; without it, now.", max_length=200)]
Duration = Annotated[str, Meta(description="Undo it after this long: `24h`, `7d`.", max_length=50)]


class AtATime(Input, kw_only=True):
    """What is done with a post at a time."""

    target: Target
    at: When = "now"
    account: OfAccount | None = None
    key: Key | None = None


class AddRepost(AtATime, kw_only=True):
    """A post that is to be reposted at a time, or repeatedly."""

    undo_after: Duration | None = None
    every: Annotated[Word, Meta(description="Repeat it: cron, RRULE, or `weekdays 18:00`.", min_length=1)] | None = None
    until: Annotated[str, Meta(description="When repeating ends.", max_length=200)] | None = None
    zone: Annotated[str, Meta(description="A time zone such as Europe/Berlin.", max_length=100)] | None = None


class AddPin(AtATime, kw_only=True):
    """A post of the account that is to be pinned to its profile at a time."""

    undo_after: Duration | None = None


class AddUnpin(AtATime, kw_only=True):
    """A post of the account that is to be unpinned at a time, if it is still the pinned one then."""


class ListReposts(Input):
    """Which reposts and pins."""

    account: OnlyOfAccount | None = None


class RepostList(Output):
    """Reposts and pins."""

    reposts: list[RepostShape]


# Approvals cover posts, so nobody would look at these before they are done: all three need the scope `publish`.
@operation("POST /reposts", scope="publish", tool="repost_post", idempotent=True, created=True, network=True)
def create(access: Access, request: AddRepost) -> RepostShape:
    """Repost a post at a time or repeatedly. The same key again adds nothing."""

    def add(account: Account) -> Action:
        return access.sky.reposts.repost(
            request.target,
            at=request.at,
            undo_after=request.undo_after,
            account=account.did,
            every=request.every,
            until=request.until,
            zone=request.zone,
            key=request.key,
        )

    return _added(access, request, add)


@operation("POST /reposts/pin", scope="publish", idempotent=True, created=True, network=True)
def pin(access: Access, request: AddPin) -> RepostShape:
    """Pin a post of the account at a time."""

    def add(account: Account) -> Action:
        return access.sky.reposts.pin(
            request.target, at=request.at, undo_after=request.undo_after, account=account.did, key=request.key
        )

    return _added(access, request, add)


@operation("POST /reposts/unpin", scope="publish", idempotent=True, created=True, network=True)
def unpin(access: Access, request: AddUnpin) -> RepostShape:
    """Unpin a post of the account at a time."""

    def add(account: Account) -> Action:
        return access.sky.reposts.unpin(request.target, at=request.at, account=account.did, key=request.key)

    return _added(access, request, add)


@operation("GET /reposts", scope="read", resource="reposts: The reposts and pins that wait or have failed.")
def list_reposts(access: Access, request: ListReposts) -> RepostList:
    """List reposts and pins that wait, and those that failed."""
    actions = [item for did in access.dids(request.account) for item in access.sky.reposts.list(account=did)]
    actions.sort(key=lambda item: (item.due_at, item.id))
    return RepostList([repost_shape(access.sky.context, item) for item in actions])


@operation("GET /reposts/{id}", scope="read")
def get(access: Access, request: ById) -> RepostShape:
    """Show one repost or pin.

    Also when it is done.
    """
    return repost_shape(access.sky.context, _seen(access, request.id))


@operation("DELETE /reposts/{id}", scope="schedule")
def cancel(access: Access, request: ById) -> RepostShape:
    """Cancel a repost or pin that waits; one that is repeated ends."""
    _seen(access, request.id)
    return repost_shape(access.sky.context, access.sky.reposts.cancel(request.id))


def _added(access: Access, request: AtATime, add: Callable[[Account], Action]) -> RepostShape:
    """Add it once for its key; a repeated request asks nobody again."""
    account = _account(access, request)
    with key_lock(account.did, request.key):
        requests, digest = Requests(access.sky.context.store), digest_of(request)
        known = None if request.key is None else Actions(access.sky.context.store).with_key(account.did, request.key)
        noted = None if known is None else requests.action_digest(known.id)
        if noted not in (None, digest):
            raise key_reused(request.key)
        added = add(account) if known is None or noted is None else known
        if request.key is not None and noted is None:
            requests.note_action(added.id, digest)
    return repost_shape(access.sky.context, added, created=known is None)


def _account(access: Access, request: AtATime) -> Account:
    """Who does it: whoever is named, else the author of a post that is here."""
    if (number := row_number(request.target)) is not None:
        post = access.post(number)
        return access.account(post.account_did if request.account is None else request.account)
    return access.account(request.account)


def _seen(access: Access, action_id: int) -> Action:
    """One of an account that the caller may know of. Raises NotFound."""
    action = Actions(access.sky.context.store).get(action_id)
    return access.seen(action, [action.account_did], unknown_action(action_id))
