"""Snippets: texts of one's own that are used again and again, and signatures, with which the posts of an account end.

The composer puts them into the text, where they are seen, counted and changed: what is posted is what stands there.
"""

from skywrite.core.feature import Command, Feature, Service

FEATURE = Feature(
    name="snippets",
    services={"snippets": Service("service:Snippets", ("context",))},
    operations=("operations",),
    commands={"snippets": Command("cli", "Automate", "Keep texts that you use again, and signatures")},
    pages=("page",),
    panels="page:panels",
)
