"""The operation on statistics: how published posts did."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from skywrite.app.operations.posts import parse_instant
from skywrite.app.operations.shapes import Input, OnlyOfAccount
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import Output
from skywrite.features.insight.stats import Group, StatsReport


class GroupShape(Output):
    """The marks of some posts together. `sums` and `medians` are by mark."""

    group: str
    posts: int
    not_shown: int
    deleted: int
    labels: dict[str, int]
    sums: dict[str, int]
    medians: dict[str, float] | None


class StatsShape(Output):
    """How often posts were liked, reposted, and so on, some hours after publishing."""

    by: str
    after_hours: int
    groups: list[GroupShape]
    all: GroupShape


def stats_shape(report: StatsReport) -> StatsShape:
    """Statistics as JSON."""
    groups = [group_shape(group) for group in report.groups]
    return StatsShape(report.by, report.after_hours, groups, group_shape(report.total))


def group_shape(group: Group) -> GroupShape:
    """The marks of some posts as JSON."""
    return GroupShape(
        group=group.name,
        posts=group.posts,
        not_shown=group.not_shown,
        deleted=group.deleted,
        labels=dict(group.labels),
        sums=dict(group.sums),
        medians=None if group.medians is None else dict(group.medians),
    )


class ShowStats(Input):
    """Which counts."""

    by: Annotated[
        Literal["day", "hour", "weekday", "source", "kind", "account", "campaign"],
        Meta(description="What groups are made by."),
    ] = "day"
    after: Annotated[Literal[1, 6, 24, 72, 168, 720], Meta(description="Hours between publishing and counting.")] = 24
    since: Annotated[str, Meta(max_length=100, description="ISO 8601. Default: 90 days ago.")] | None = None
    account: OnlyOfAccount | None = None


@operation("GET /stats", scope="read", tool="show_stats")
def show_stats(access: Access, request: ShowStats) -> StatsShape:
    """Show likes, reposts, replies, quotes and bookmarks of posts, with medians."""
    dids = access.dids(request.account)
    did = dids[0] if len(dids) == 1 else access.account().did
    since = parse_instant(request.since)
    return stats_shape(access.sky.stats.report(request.by, at=request.after, since=since, account=did))
