"""How feeds look: a feed, its items as posts, and what became of a list of subscriptions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from skywrite.app.reports import FeedCheck, FeedPreview, FeedStatus, SubscriptionReport
from skywrite.app.shapes.base import (
    ErrorShape,
    NoticeShape,
    Output,
    error_shape,
    messages,
    notices,
    problem_shape,
    shaped,
)
from skywrite.app.shapes.posts import PreviewShape, preview_shape
from skywrite.queue.feed_model import Feed


class FeedShape(Output):
    """A feed, and how many of its items are in each state.

    If it was just checked: how many items were `new`, the numbers of their `posts`, and how many wait for the next
    check.
    """

    id: int
    url: str
    title: str
    state: str
    accounts: list[str]
    items: dict[str, int]
    settings: dict[str, Any]
    checked_at: datetime | None
    next_check_at: datetime | None
    error: ErrorShape | None
    new: int
    posts: list[int]
    waiting: int
    warnings: list[str]
    notices: list[NoticeShape]


class FeedItemShape(Output):
    """An item of a feed: what would be posted, or why not. `post` is there if it was made ready.

    `same_as`, of one that the feed has twice (its state is "repeated"): which item it is, and why.
    """

    title: str
    link: str
    published_at: datetime | None
    state: str
    text: str
    post: PreviewShape | None
    error: ErrorShape | None
    same_as: str | None


class RemovedFeedShape(Output):
    """A feed that was removed."""

    id: int
    url: str


class SubscriptionShape(Output):
    """A feed of a list of subscriptions: its latest item as a post, and the feed that was added, or why it was not.

    `existed`: it was here already.
    """

    url: str
    title: str
    latest: FeedItemShape | None
    added: FeedShape | None
    existed: bool
    error: ErrorShape | None


def feed_shape(status: FeedStatus, check: FeedCheck | None = None) -> FeedShape:
    """A feed as JSON, after a check of it."""
    feed = status.feed
    done = FeedCheck(feed.id) if check is None else check
    values = {
        **feed._asdict(),
        "accounts": list(status.accounts),
        "items": dict(status.items),
        "error": problem_shape(feed.problem),
        "new": done.new,
        "posts": done.posts,
        "waiting": done.waiting,
        "warnings": messages(done.warnings),
        "notices": notices(done.warnings),
    }
    return shaped(FeedShape, values)


def checked_shapes(statuses: Iterable[FeedStatus], checks: Iterable[FeedCheck]) -> list[FeedShape]:
    """Feeds that were checked, as JSON; without those that were removed meanwhile."""
    known = {status.feed.id: status for status in statuses}
    return [feed_shape(known[check.feed_id], check) for check in checks if check.feed_id in known]


def item_shape(item: FeedPreview) -> FeedItemShape:
    """An item as JSON."""
    return FeedItemShape(
        title=item.title,
        link=item.link,
        published_at=item.published_at,
        state=item.state,
        text=item.text,
        post=preview_shape(item.ready) if item.ready else None,
        error=problem_shape(item.problem),
        same_as=item.same_as or None,
    )


def removed_feed_shape(feed: Feed) -> RemovedFeedShape:
    """A feed that was removed, as JSON."""
    return RemovedFeedShape(feed.id, feed.url)


def subscription_shape(report: SubscriptionReport) -> SubscriptionShape:
    """A feed of a list as JSON."""
    return SubscriptionShape(
        url=report.url,
        title=report.title,
        latest=item_shape(report.latest) if report.latest else None,
        added=feed_shape(*report.added) if report.added else None,
        existed=report.existed,
        error=error_shape(report.error),
    )
