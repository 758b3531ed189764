"""What is published, by number, at-uri or link: its deletion, and the proof that it is there.

What does not live here: drafts and scheduled posts (`posts`), and what a proof says (`posting.receipts`).
"""

from __future__ import annotations

from collections.abc import Sequence

from skywrite.app.context import Context
from skywrite.core.digits import row_number
from skywrite.core.errors import Do, Hint, InputError, SkywriteError
from skywrite.posting.compose.freeze import Frozen
from skywrite.posting.compose.references import parse_reference
from skywrite.posting.receipts import Receipt, make_receipt
from skywrite.protocol.atproto.repo import Repo
from skywrite.protocol.atproto.xrpc_errors import RecordNotFound
from skywrite.protocol.bsky.limits import POST
from skywrite.queue.changing import why_fixed
from skywrite.queue.model import Account

_GATES = ("app.bsky.feed.threadgate", "app.bsky.feed.postgate")
Place = tuple[str, str]


class NotThere(SkywriteError):
    """The network has no such post: it was deleted before, or never was there."""

    code = "post.not_there"


def delete(ctx: Context, target: str | int, account: str | None) -> str:
    """Delete a post with its thread and gates. Raises NotThere if nothing of it was there."""
    owner, uri, places = _found(ctx, target, account)
    repo = Repo(ctx.agent(owner))
    was_there = any(_is_there(repo, place) for place in places)
    ctx.tombstones.add(uri)
    for collection, rkey in places:
        repo.delete(collection, rkey)
    known = ctx.store.posts.note_deleted(owner.did, uri)
    if not was_there:
        hint = "Check the link. It may have been deleted before, in the app or from here."
        raise NotThere(f"There is no post {uri}, so nothing was deleted.", hint=hint)
    if known is None:
        ctx.store.journal.note_final(f"the deletion of {uri}")
    return uri


def receipt(ctx: Context, target: str | int, account: str | None) -> Receipt:
    """A proof that a post is published. Raises InputError for what is not published, or another account's."""
    number = row_number(target) if isinstance(target, str) else target
    if number is not None:
        post = ctx.store.posts.get(number)
        if post.uri is None:
            raise InputError(
                f"Post {post.id} is {why_fixed(post)}, not published.", hint="Only a published post has a proof."
            )
        uri, owner = post.uri, ctx.store.accounts.get(post.account_did)
    else:
        owner, collection, rkey = _named(ctx, str(target), account)
        uri = f"at://{owner.did}/{collection}/{rkey}"
    resolver = ctx.network.resolver(owner.pds_url)
    return make_receipt(ctx.agent(owner).public, resolver, uri, handle=owner.handle, now=ctx.clock.now())


def _found(ctx: Context, target: str | int, account: str | None) -> tuple[Account, str, Sequence[Place]]:
    """The account, the at-uri, and where the records are, the last one first."""
    number = row_number(target) if isinstance(target, str) else target
    if number is not None:
        post = ctx.store.posts.get(number)
        if post.frozen is None or post.uri is None:
            hint = Hint("Cancel it instead: ", Do("posts.cancel", post.id))
            raise InputError(f"Post {post.id} is {why_fixed(post)}, not published.", hint=hint)
        writes = reversed(Frozen.from_json(post.frozen).writes)
        return ctx.store.accounts.get(post.account_did), post.uri, [(one.collection, one.rkey) for one in writes]
    owner, collection, rkey = _named(ctx, str(target), account)
    gates = [(gate, rkey) for gate in _GATES] if collection == POST else []
    return owner, f"at://{owner.did}/{collection}/{rkey}", [(collection, rkey), *gates]


def _named(ctx: Context, target: str, account: str | None) -> tuple[Account, str, str]:
    """The account, collection and rkey that an at-uri or a link names. Raises InputError for another account's."""
    owner = ctx.account(account)
    authority, collection, rkey = parse_reference(target)
    if authority != owner.did and authority.lower() != owner.handle:
        hint = Hint("Name its account: ", Do("argument", "account"))
        raise InputError(f"{target} is not a post of {owner.handle}.", hint=hint)
    return owner, collection, rkey


def _is_there(repo: Repo, place: Place) -> bool:
    if place[0] in _GATES:
        return False
    try:
        repo.get(*place)
    except RecordNotFound:
        return False
    return True
