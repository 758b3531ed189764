"""The check-up: each finding says what was checked, what was found, and what to do."""

from skywrite.core.feature import Command, Entry, Feature

FEATURE = Feature(
    name="checkup",
    operations=("operations",),
    commands={"doctor": Command("cli", "Run and check", "Check everything that posting needs")},
    pages=("page",),
    navigation=(Entry("Status", "/status", "pulse", 110),),
)
