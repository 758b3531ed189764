"""Tables: many posts at once, in and out. All rows of an import are accepted or none, and each has its report.

What does not live here: reading a table (`posting.sources.table`), and what one row means (`app.rows`).
"""

from skywrite.core.feature import Command, Feature, Service

FEATURE = Feature(
    name="tables",
    services={"transfer": Service("service:Transfer", ("context", "drafting", "sending"))},
    operations=("operations",),
    commands={
        "import": Command("cli", "Move data", "Schedule many posts from a table"),
        "export": Command("cli", "Move data", "Write scheduled posts to a file"),
        "backup": Command("cli", "Move data", "Back up the database"),
    },
)
