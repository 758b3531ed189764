"""Several posts at once: moved by a while, copied, approved or cancelled; all of them or none, with one undo."""

from skywrite.core.feature import Command, Feature, Service

FEATURE = Feature(
    name="bulk",
    services={"bulk": Service("service:Bulk", ("context", "drafting", "posts", "approvals"))},
    operations=("operations",),
    commands={
        "shift": Command("cli", "Posts", "Move several posts by a while"),
        "copy": Command("cli", "Posts", "Copy posts to other times or accounts"),
    },
    pages=("page",),
)
