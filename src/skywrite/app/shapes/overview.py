"""How the overall status looks: the overview of the queue."""

from __future__ import annotations

from collections.abc import Iterable

from skywrite.app.context import Context
from skywrite.app.overview import Overview
from skywrite.app.results import Entry
from skywrite.app.shapes.base import Output
from skywrite.app.shapes.posts import PostShape, post_shape
from skywrite.app.shapes.reposts import FollowUpShape, RepostShape, follow_up_shape, repost_shape
from skywrite.queue.model import AccountsByDid, Post, Standing


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


def overview_shape(ctx: Context, overview: Overview) -> OverviewShape:
    """The overall status as JSON."""
    return OverviewShape(
        accounts=[account.handle for account in overview.accounts],
        workers=overview.workers,
        waiting=overview.waiting,
        late=overview.late,
        unapproved=overview.unapproved,
        next=_posts(overview, overview.coming),
        needs_you=_posts(overview, overview.needs_you),
        needs_login=[account.handle for account in overview.needs_login],
        failed_reposts=[repost_shape(ctx, action) for action in overview.reposts],
        ended_follow_ups=[follow_up_shape(item) for item in overview.follow_ups],
    )


def _posts(overview: Overview, posts: Iterable[Post]) -> list[PostShape]:
    accounts = AccountsByDid(overview.accounts)
    return [
        post_shape(Entry(post, accounts[post.account_did], standing=overview.standings.get(post.id, Standing())))
        for post in posts
    ]
