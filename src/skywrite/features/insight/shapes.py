"""How statistics look: how often posts were liked, reposted, and so on."""

from __future__ import annotations

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
