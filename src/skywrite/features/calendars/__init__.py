"""The plan as a calendar, and published posts as RSS, at secret addresses that a person can end."""

from skywrite.core.feature import Feature

FEATURE = Feature(
    name="calendars", operations=("operations",), pages=("page",), panels="page:panels", served="routes:served"
)
