"""Posts of the queue as operations return them: each with its account, and how its approval stands.

It also says when posts go out, where their account's pace pushes them. What does not live here: what an entry is
(`results`), and the pace (`publish.budget`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TypeVar

from skywrite.app.context import Context
from skywrite.app.results import Entry
from skywrite.core.errors import Do, Hint, NotFound
from skywrite.posting.compose.references import parse_reference
from skywrite.posting.publish.forecast import Forecast, pace_of
from skywrite.queue.approval_rules import wants_approvals
from skywrite.queue.approvals import Approvals
from skywrite.queue.model import Account, AccountsByDid, Post
from skywrite.queue.requests import Requests
from skywrite.queue.store import Store

T = TypeVar("T")
AT_ONCE = 200
COUNTED_MAX = 1000


def entries(ctx: Context, posts: Iterable[Post]) -> Iterator[Entry]:
    """Posts in their order, read a few hundred at a time."""
    accounts = AccountsByDid(ctx.store.accounts.all())
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
    [entry] = entries(ctx, [ctx.store.posts.get(post_id)])
    return entry._replace(attempts=tuple(ctx.store.posts.attempts(post_id)))


def number_of(ctx: Context, link: str) -> int:
    """The number of the post that was published with this link or at-uri. Raises NotFound, InputError."""
    authority, collection, rkey = parse_reference(link)
    for account in ctx.store.accounts.all():
        if authority.lower() in (account.did, account.handle):
            post = ctx.store.posts.published_as(account.did, f"at://{account.did}/{collection}/{rkey}")
            if post is not None:
                return post.id
    raise NotFound(
        f"No post here went out as {link}.",
        code="post.unknown",
        hint=Hint("Only what Skywrite published has a report. See: ", Do("posts.list")),
    )


def count_unapproved(ctx: Context, account_did: str | None = None, limit: int = COUNTED_MAX) -> int:
    """How many posts wait for an approval, among the next ones of each account that asks for any."""
    store = ctx.store
    accounts = store.accounts.all() if account_did is None else [store.accounts.get(account_did)]
    asking = [one for one in accounts if wants_approvals(one.settings)]
    return sum(
        standing.wanted
        for account in asking
        for standing in Approvals(store)
        .standings(store.listing.posts(("scheduled",), account_did=account.did, limit=limit))
        .values()
    )


def unapproved_words(count: int) -> str:
    """The same in words."""
    return "1 post waits for an approval" if count == 1 else f"{count:,} posts wait for an approval"


def freeing(ctx: Context, change: Callable[[], T]) -> tuple[T, str]:
    """Make a change of settings. With a sentence if posts that waited for an approval need none now."""
    waited = count_unapproved(ctx)
    answer = change()
    count = waited - count_unapproved(ctx)
    if count <= 0:
        return answer, ""
    posts = (
        "1 post that waited for an approval needs"
        if count == 1
        else f"{count:,} posts that waited for an approval need"
    )
    return answer, f"{posts} none now, and will be published without one."


def with_forecasts(ctx: Context, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Entries in due order, with nothing between those of an account left out. What can push the first is read; where
    too many go out before it, nothing is forecast.
    """
    forecasts: dict[str, Forecast | None] = {}
    for entry in entries:
        post, account = entry.post, entry.account
        if post.state != "scheduled" or post.due_at is None:
            yield entry
            continue
        if account.did not in forecasts:
            forecasts[account.did] = _forecast(ctx, account, post)
        forecast = forecasts[account.did]
        yield entry if forecast is None else entry._replace(push=forecast.push(post.due_at))


def with_forecast(ctx: Context, entry: Entry) -> Entry:
    """One entry."""
    [full_entry] = with_forecasts(ctx, [entry])
    return full_entry


def _forecast(ctx: Context, account: Account, first: Post) -> Forecast | None:
    """The forecast from this post on; None where nothing pushes it, or too many go out before it."""
    pace, now = pace_of(account.settings, ctx.zone(account)), ctx.clock.now()
    due_at = first.due_at
    if due_at is None or (not (pace.gap_seconds or pace.max_per_day) and due_at >= now):
        return None
    before = ctx.store.posts.due_before(first, COUNTED_MAX, partial(pace.reach, due_at, now))
    if before is None:
        return None
    published_today = ctx.store.claims.view(account.did).published_today
    forecast = Forecast(pace, account.last_published_at, now, published_today=published_today)
    for due_at in before:
        forecast.push(due_at)
    return forecast
