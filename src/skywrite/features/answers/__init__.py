"""The inbox: replies, mentions and quotes of our posts, answered by people and by a program's function.

Each is answered at most once, through crashes and restored backups, and none that is older than the first start.
"""

from skywrite.core.feature import Command, Entry, Feature, Service

FEATURE = Feature(
    name="answers",
    services={
        "inbox": Service("service:Inbox"),
        "answers": Service("service:Answers", ("context", "drafting", "listeners")),
    },
    operations=("operations",),
    commands={
        "inbox": Command("cli", "Follow", "Read and answer replies, mentions and quotes"),
        "answers": Command("cli", "Automate", "Watch over what answers by itself; try it before"),
    },
    pages=("page",),
    navigation=(Entry("Inbox", "/inbox", "inbox", 30),),
    needs="page:needs",
    works="task:works",
    prune="store:prune",
)
