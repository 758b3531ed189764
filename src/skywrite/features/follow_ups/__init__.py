"""Follow-ups: a reply or a repost once a post has enough likes, reposts, replies, quotes or bookmarks.

Each is made at most once, and none after its last day.
"""

from skywrite.core.feature import Command, Feature, Service

FEATURE = Feature(
    name="follow_ups",
    services={"follow_ups": Service("service:Following")},
    operations=("operations",),
    commands={"follow-ups": Command("cli", "Automate", "Reply or repost once a post has 50 likes")},
    pages=("page",),
    post_panels="page:panels",
    works="service:works",
    rehearsed="service:rehearsed",
)
