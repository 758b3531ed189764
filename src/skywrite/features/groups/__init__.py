"""Groups: one text for several accounts, which is scheduled, moved and cancelled together.

Each of them is a post of its own: it goes out once, and trouble with one delays no other. What holds them together is
their key.
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
