"""What became of posts: likes, reposts and replies, counted at fixed ages, and what the counts say."""

from skywrite.core.feature import Command, Entry, Feature, Service

FEATURE = Feature(
    name="insight",
    services={"stats": Service("service:Stats", ("context",))},
    operations=("operations",),
    commands={"stats": Command("cli", "Follow", "Show likes, reposts and replies of your posts")},
    pages=("page",),
    navigation=(Entry("Stats", "/stats", "bars", 50),),
    works="service:works",
)
