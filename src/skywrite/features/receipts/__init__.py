"""Receipts: files that prove what was published.

What does not live here: making and checking one (`posting.receipts`).
"""

from skywrite.core.feature import Command, Feature

FEATURE = Feature(
    name="receipts",
    commands={"receipts": Command("cli", "Follow", "Prove what was published, and check a proof")},
)
