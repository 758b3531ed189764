"""Operations on feeds, whose items become posts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta, UnsetType

from skywrite.app.operations.shapes import (
    Address,
    ById,
    Id,
    Input,
    Labels,
    Langs,
    Mentions,
    Nothing,
    OfAccount,
    Ok,
    Text,
    Word,
    Words,
)
from skywrite.app.operations.table import Access, operation
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
from skywrite.core.digits import row_number
from skywrite.features.feeds.model import Feed, FeedCheck, FeedPreview, FeedStatus, SubscriptionReport
from skywrite.features.feeds.store import unknown_feed

Accounts = Annotated[Words, Meta(min_length=1, description="Handles or DIDs of the accounts that post its items.")]
Url = Annotated[Address, Meta(min_length=1, description="The address of the feed, or of a page that names it.")]
Most = Annotated[int, Meta(ge=1, le=100, description="How many posts of one look at the feed at most.")]
Spacing = Annotated[
    Literal["gap", "slots"], Meta(description="Several new items: one after another, or in free slots.")
]
Pictures = Annotated[Literal["auto", "all", "card", "none"], Meta(description="Which of its pictures a post gets.")]


class FeedOptions(Input, kw_only=True):
    """How a feed's items become posts."""

    template: Annotated[Text, Meta(description="Jinja2, such as {{ title }} {{ link }}.")] | UnsetType = UNSET
    include: Annotated[Words, Meta(description="Only items with one of these words.")] | UnsetType = UNSET
    exclude: Annotated[Words, Meta(description="No items with one of these words.")] | UnsetType = UNSET
    most: Most | UnsetType = UNSET
    spacing: Spacing | UnsetType = UNSET
    every: Annotated[Word, Meta(description="How often it is looked at: 15m, 1h.")] | UnsetType = UNSET
    images: Pictures | UnsetType = UNSET
    langs: Langs | UnsetType = UNSET
    labels: Labels | UnsetType = UNSET
    mentions: Mentions | UnsetType = UNSET


class AddFeed(FeedOptions, kw_only=True):
    """A new feed."""

    url: Url
    accounts: Accounts | UnsetType = UNSET
    backfill: Annotated[int, Meta(ge=0, le=1000, description="How many older items are posted, too.")] = 0


class EditFeed(FeedOptions, kw_only=True):
    """Options to change."""

    id: Id
    accounts: Accounts | UnsetType = UNSET


class PreviewFeed(FeedOptions, kw_only=True):
    """A feed to preview."""

    url: Url
    account: OfAccount | None = None
    limit: Annotated[int, Meta(ge=1, le=20, description="How many items.")] = 3


class FeedList(Output):
    """Feeds."""

    feeds: list[FeedShape]


class FeedItems(Output):
    """Items of a feed, the latest first."""

    items: list[FeedItemShape]


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
    by_others: ClassVar = frozenset({"title", "url", "error"})


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


@operation("POST /feeds", scope="manage", created=True, network=True)
def add(access: Access, request: AddFeed) -> FeedShape:
    """Post a feed's new items from now on. This needs the scope `publish`, too.

    Its posts go out without a look from a person.
    """
    access.require("publish")
    names = [None] if request.accounts is UNSET else request.accounts
    accounts = [access.account(name).did for name in names]
    status, check = access.sky.feeds.add(
        request.url, accounts=accounts, backfill=request.backfill, covers=access.covers, **_options(request)
    )
    return feed_shape(status, check)


@operation("GET /feeds", scope="read", resource="feeds: The feeds whose items become posts.")
def list_feeds(access: Access, request: Nothing) -> FeedList:
    """List feeds."""
    known = access.sky.feeds.list()
    return FeedList([feed_shape(status) for status in known if access.covers(status.feed.account_dids)])


@operation("POST /feeds/preview", scope="read", network=True)
def preview(access: Access, request: PreviewFeed) -> FeedItems:
    """Show what the latest items of a feed would look like as posts."""
    account = access.account(request.account)
    if (number := row_number(request.url)) is not None:
        _seen(access, number)
    shown = access.sky.feeds.preview(
        request.url, account=account.did, limit=request.limit, prepare=False, covers=access.covers, **_options(request)
    )
    return FeedItems([item_shape(item) for item in shown])


@operation("GET /feeds/{id}", scope="read")
def get(access: Access, request: ById) -> FeedShape:
    """Show a feed."""
    return feed_shape(_seen(access, request.id))


@operation("PATCH /feeds/{id}", scope="manage")
def edit(access: Access, request: EditFeed) -> FeedShape:
    """Change a feed. This needs the scope `publish`, too.

    It holds from its next poll on.
    """
    access.require("publish")
    _seen(access, request.id)
    accounts = [access.account(name).did for name in request.accounts] if request.accounts is not UNSET else None
    return feed_shape(access.sky.feeds.edit(request.id, accounts=accounts, **_options(request)))


@operation("DELETE /feeds/{id}", scope="manage")
def remove(access: Access, request: ById) -> Ok:
    """Remove a feed; its posts stay."""
    _seen(access, request.id)
    access.sky.feeds.remove(request.id)
    return Ok()


@operation("POST /feeds/{id}/check", scope="manage", network=True)
def check(access: Access, request: ById) -> FeedShape:
    """Poll a feed now."""
    _seen(access, request.id)
    result = access.sky.feeds.check(request.id)
    return feed_shape(access.sky.feeds.get(request.id), result)


def _options(request: FeedOptions) -> dict[str, Any]:
    names = FeedOptions.__struct_fields__
    return {name: value for name in names if (value := getattr(request, name)) is not UNSET}


def _seen(access: Access, feed_id: int) -> Any:
    status = access.sky.feeds.get(feed_id)
    return access.seen(status, status.feed.account_dids, unknown_feed(feed_id))


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
