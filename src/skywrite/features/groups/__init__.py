"""Groups: one text for several accounts, which is scheduled, moved and cancelled together.

Each of them is a post of its own: it goes out once, and trouble with one delays no other. What was made together is
stored; no key of a post makes it a member.
"""

from skywrite.core.feature import Command, Feature, Service

FEATURE = Feature(
    name="groups",
    services={"groups": Service("service:Groups", ("context", "drafting", "posts"))},
    operations=("operations",),
    commands={"groups": Command("cli", "Automate", "Post one text as several accounts")},
    pages=("page",),
    post_panels="page:panels",
)
