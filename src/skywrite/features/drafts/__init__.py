"""Drafts of the official app become drafts here, each once, and change with it until they are edited here."""

from skywrite.core.feature import Command, Feature, Service

FEATURE = Feature(
    name="drafts",
    services={"drafts": Service("service:Drafts", ("context", "drafting", "posts"))},
    operations=("operations",),
    commands={"drafts": Command("cli", "Move data", "Import drafts from the official app")},
)
