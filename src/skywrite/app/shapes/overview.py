"""How the overall status looks: the overview of the queue."""

from __future__ import annotations

from collections.abc import Iterable

from skywrite.app.context import Context
from skywrite.app.overview import Overview
from skywrite.app.results import Entry
from skywrite.app.shapes.base import Output
from skywrite.app.shapes.posts import PostShape, post_shape
from skywrite.app.shapes.reposts import FollowUpShape, RepostShape, follow_up_shape, repost_shape
from skywrite.queue.model import Post, Standing


class OverviewShape(Output):
    """What the queue looks like: handles of accounts, numbers of posts, and what needs somebody."""

    accounts: list[str]
    workers: int
    waiting: int
    late: int
    unapproved: int
    next: list[PostShape]
    needs_you: list[PostShape]
    needs_login: list[str]
    failed_reposts: list[RepostShape]
    ended_follow_ups: list[FollowUpShape]


def overview_shape(ctx: Context, found: Overview) -> OverviewShape:
    """The overall status as JSON."""
    return OverviewShape(
        accounts=[account.handle for account in found.accounts],
        workers=found.workers,
        waiting=found.waiting,
        late=found.late,
        unapproved=found.unapproved,
        next=_posts(found, found.coming),
        needs_you=_posts(found, found.needs_you),
        needs_login=[account.handle for account in found.needs_login],
        failed_reposts=[repost_shape(ctx, action) for action in found.reposts],
        ended_follow_ups=[follow_up_shape(item) for item in found.follow_ups],
    )


def _posts(found: Overview, posts: Iterable[Post]) -> list[PostShape]:
    accounts = {account.did: account for account in found.accounts}
    return [
        post_shape(Entry(post, accounts[post.account_did], standing=found.standings.get(post.id, Standing())))
        for post in posts
    ]
