"""Notices: people hear of each problem once, by mail or by a command, and again when it is solved."""

from skywrite.core.feature import Command, Feature, Service

FEATURE = Feature(
    name="notices",
    services={"notices": Service("service:NoticeChannels", ("context",))},
    commands={"notices": Command("cli", "Follow", "Get a notice when something needs you")},
    works="service:works",
    prune="store:prune",
)
