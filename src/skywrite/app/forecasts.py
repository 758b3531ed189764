"""When the posts of the queue go out, where their account's pace pushes them.

What does not live here: how they are pushed (`publish.forecast`), the decision when a post is due (`publish.decide`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from skywrite.app.context import Context
from skywrite.app.results import Entry
from skywrite.publish.forecast import Forecast, pace_of
from skywrite.queue.model import Account

READ_MAX = 1000


def with_forecasts(ctx: Context, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Entries in due order, all scheduled posts of their accounts up to the last one among them."""
    forecasts: dict[str, Forecast] = {}
    for entry in entries:
        post, account = entry.post, entry.account
        if post.state != "scheduled" or post.due_at is None:
            yield entry
            continue
        if account.did not in forecasts:
            forecasts[account.did] = _forecast(ctx, account)
        yield entry._replace(push=forecasts[account.did].push(post.due_at))


def with_forecast(ctx: Context, entry: Entry) -> Entry:
    """One entry; the posts that go out before it are read, and where there are too many, nothing is forecast."""
    post, account = entry.post, entry.account
    if post.state != "scheduled" or post.due_at is None:
        return entry
    before = ctx.store.posts(
        ("scheduled",),
        account_did=account.did,
        due_before=post.due_at + timedelta(microseconds=1),
        limit=READ_MAX,
    )
    if len(before) == READ_MAX:
        return entry
    numbered = with_forecasts(ctx, (Entry(other, account) for other in before))
    push = next((other.push for other in numbered if other.post.id == post.id), None)
    return entry._replace(push=push)


def _forecast(ctx: Context, account: Account) -> Forecast:
    view, now = ctx.store.view(account.did), ctx.clock.now()
    pace = pace_of(account.settings, ctx.zone(account))
    return Forecast(pace, account.last_published_at, now, published_today=view.published_today)
