"""Feeds: items of RSS, Atom and JSON Feed become posts, each item once, however its feed changes.

`reading` makes entries of what servers send, `task` polls, `store` is the ledger of items.
"""

from skywrite.core.feature import Command, Entry, Feature, Service

FEATURE = Feature(
    name="feeds",
    services={"feeds": Service("service:Feeds")},
    operations=("operations",),
    commands={"feeds": Command("cli", "Automate", "Post new items of feeds")},
    pages=("page",),
    navigation=(Entry("Feeds", "/feeds", "feed", 60),),
    needs="page:needs",
    works="task:works",
    recover="task:recover_clock_skew",
    solved={"feed.failing": "task:is_read"},
)
