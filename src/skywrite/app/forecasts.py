"""When the posts of the queue go out, where their account's pace pushes them.

What does not live here: how they are pushed (`publish.forecast`), the decision when a post is due (`publish.decide`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from skywrite.app.context import Context
from skywrite.app.results import Entry
from skywrite.posting.publish.forecast import Forecast, pace_of
from skywrite.queue.model import Account, Post

READ_MAX = 1000


def with_forecasts(ctx: Context, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Entries in due order, with nothing between those of an account left out. What goes out before the first is read;
    where that is too much, nothing is forecast.
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
    [found] = with_forecasts(ctx, [entry])
    return found


def _forecast(ctx: Context, account: Account, first: Post) -> Forecast | None:
    """The forecast from this post on; None where nothing pushes it, or too many go out before it."""
    pace, now = pace_of(account.settings, ctx.zone(account)), ctx.clock.now()
    if not (pace.gap_seconds or pace.max_per_day) and first.due_at is not None and first.due_at >= now:
        return None
    before = ctx.store.due_before(first, limit=READ_MAX)
    if len(before) == READ_MAX:
        return None
    published_today = ctx.store.view(account.did).published_today
    forecast = Forecast(pace, account.last_published_at, now, published_today=published_today)
    for due_at in before:
        forecast.push(due_at)
    return forecast
