"""Reposts and pins at a time, which can be undone after some time and repeat.

Each is done once, and what somebody undid by hand stays undone.
"""

from skywrite.core.feature import Command, Feature, Service

FEATURE = Feature(
    name="reposts",
    services={"reposts": Service("service:Reposts")},
    operations=("operations",),
    commands={"reposts": Command("cli", "Automate", "Repost, pin and unpin posts at a time")},
    works="service:works",
    rehearsed="service:works",
)
