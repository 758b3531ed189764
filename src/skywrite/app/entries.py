"""Posts of the queue as operations return them: each with its account, and how its approval stands.

What does not live here: what an entry is (`results`), when it goes out (`forecasts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice

from skywrite.app.context import Context
from skywrite.app.results import Entry
from skywrite.queue.approval_rules import wants_approvals
from skywrite.queue.approvals import Approvals
from skywrite.queue.model import Post
from skywrite.queue.requests import Requests
from skywrite.queue.store import Store

AT_ONCE = 200
COUNTED_MAX = 1000


def entries(ctx: Context, posts: Iterable[Post]) -> Iterator[Entry]:
    """Posts in their order, read a few hundred at a time."""
    accounts = {account.did: account for account in ctx.store.accounts()}
    approvals, remaining = Approvals(ctx.store), iter(posts)
    while some := list(islice(remaining, AT_ONCE)):
        standings = approvals.standings(some)
        for post in some:
            account, standing = accounts[post.account_did], standings[post.id]
            yield Entry(post, account, standing=standing, wanted_at=_wanted_at(ctx.store, post))


def _wanted_at(store: Store, post: Post) -> datetime | None:
    """When a draft is to go out, if its author said so."""
    return Requests(store).wanted_at(post.id) if post.state == "draft" else None


def entry_of(ctx: Context, post_id: int) -> Entry:
    """One post with all its attempts. Raises NotFound."""
    [entry] = entries(ctx, [ctx.store.get(post_id)])
    return entry._replace(attempts=tuple(ctx.store.attempts(post_id)))


def count_unapproved(ctx: Context, account_did: str | None = None) -> int:
    """How many posts wait for an approval, among the next thousand of each account that asks for any."""
    store = ctx.store
    asking = [one for one in store.accounts() if account_did in (None, one.did) and wants_approvals(one.settings)]
    return sum(
        standing.wanted
        for account in asking
        for standing in Approvals(store)
        .standings(store.posts(("scheduled",), account_did=account.did, limit=COUNTED_MAX))
        .values()
    )


def unapproved_words(count: int) -> str:
    """The same in words."""
    return "1 post waits for an approval" if count == 1 else f"{count:,} posts wait for an approval"
