"""Operations on feeds, whose items become posts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from skywrite.app.operations.shapes import Address, ById, Id, Input, Nothing, Ok, Text, Word, Words
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import Output
from skywrite.app.shapes.feeds import FeedItemShape, FeedShape, feed_shape, item_shape
from skywrite.queue.feeds import unknown_feed
from skywrite.queue.numbers import row_number

OPTIONS = ("template", "include", "exclude", "most", "spacing", "every", "images", "langs", "labels", "mentions")
Accounts = Annotated[Words, Meta(min_length=1)]
Url = Annotated[Address, Meta(min_length=1)]


class FeedOptions(Input, kw_only=True):
    """How a feed's items become posts."""

    template: Text | UnsetType = UNSET
    include: Words | UnsetType = UNSET
    exclude: Words | UnsetType = UNSET
    most: Annotated[int, Meta(ge=1, le=100)] | UnsetType = UNSET
    spacing: Literal["gap", "slots"] | UnsetType = UNSET
    every: Word | UnsetType = UNSET
    images: Literal["auto", "all", "card", "none"] | UnsetType = UNSET
    langs: Words | UnsetType = UNSET
    labels: Words | UnsetType = UNSET
    mentions: bool | UnsetType = UNSET


class AddFeed(FeedOptions, kw_only=True):
    """A new feed."""

    url: Url
    accounts: Accounts | UnsetType = UNSET
    backfill: Annotated[int, Meta(ge=0, le=1000)] = 0


class EditFeed(FeedOptions, kw_only=True):
    """Options to change."""

    id: Id
    accounts: Accounts | UnsetType = UNSET


class PreviewFeed(FeedOptions, kw_only=True):
    """A feed to preview."""

    url: Url
    account: Word | None = None
    limit: Annotated[int, Meta(ge=1, le=20)] = 3


class FeedList(Output):
    """Feeds."""

    feeds: list[FeedShape]


class FeedItems(Output):
    """Items of a feed, the latest first."""

    items: list[FeedItemShape]


@operation("POST /feeds", scope="manage", created=True, network=True)
def add(access: Access, given: AddFeed) -> FeedShape:
    """Post a feed's new items from now on."""
    names = [None] if given.accounts is UNSET else given.accounts
    accounts = [access.account(name).did for name in names]
    status, check = access.sky.feeds.add(
        given.url, accounts=accounts, backfill=given.backfill, covers=access.covers, **_options(given)
    )
    return feed_shape(status, check)


@operation("GET /feeds", scope="read", tool="list_feeds")
def list_feeds(access: Access, given: Nothing) -> FeedList:
    """List feeds."""
    known = access.sky.feeds.list()
    return FeedList([feed_shape(status) for status in known if access.covers(status.feed.account_dids)])


@operation("POST /feeds/preview", scope="read", network=True)
def preview(access: Access, given: PreviewFeed) -> FeedItems:
    """Show what the latest items of a feed would look like as posts."""
    account = access.account(given.account)
    if (number := row_number(given.url)) is not None:
        _seen(access, number)
    shown = access.sky.feeds.preview(
        given.url, account=account.did, limit=given.limit, prepare=False, covers=access.covers, **_options(given)
    )
    return FeedItems([item_shape(item) for item in shown])


@operation("GET /feeds/{id}", scope="read")
def get(access: Access, given: ById) -> FeedShape:
    """Show a feed."""
    return feed_shape(_seen(access, given.id))


@operation("PATCH /feeds/{id}", scope="manage")
def edit(access: Access, given: EditFeed) -> FeedShape:
    """Change a feed.

    It holds from its next poll on.
    """
    _seen(access, given.id)
    accounts = [access.account(name).did for name in given.accounts] if given.accounts is not UNSET else None
    return feed_shape(access.sky.feeds.edit(given.id, accounts=accounts, **_options(given)))


@operation("DELETE /feeds/{id}", scope="manage")
def remove(access: Access, given: ById) -> Ok:
    """Remove a feed; its posts stay."""
    _seen(access, given.id)
    access.sky.feeds.remove(given.id)
    return Ok()


@operation("POST /feeds/{id}/check", scope="manage", network=True)
def check(access: Access, given: ById) -> FeedShape:
    """Poll a feed now."""
    _seen(access, given.id)
    result = access.sky.feeds.check(given.id)
    return feed_shape(access.sky.feeds.get(given.id), result)


def _options(given: FeedOptions) -> dict[str, Any]:
    return {name: value for name in OPTIONS if (value := getattr(given, name)) is not UNSET}


def _seen(access: Access, feed_id: int) -> Any:
    status = access.sky.feeds.get(feed_id)
    return access.seen(status, status.feed.account_dids, unknown_feed(feed_id))
