"""The inbox: replies, mentions and quotes of our posts, answered by people and by a program's function.

Each is answered at most once, through crashes and restored backups, and none that is older than the first start.
"""

from skywrite.core.feature import Command, Entry, Feature, Service

FEATURE = Feature(
    name="answers",
    services={"inbox": Service("service:Inbox")},
    operations=("operations",),
    commands={"inbox": Command("cli", "Follow", "Read and answer replies, mentions and quotes")},
    pages=("page",),
    navigation=(Entry("Inbox", "/inbox", "inbox", 30),),
    works="service:works",
    prune="store:prune",
)
