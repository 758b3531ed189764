"""Webhooks: addresses that get signed messages about what happens, each until it arrives or three days are over.

What does not live here: writing the messages, in the transaction of what they report (`queue.events`).
"""

from skywrite.core.feature import Feature

FEATURE = Feature(
    name="webhooks", operations=("operations",), pages=("page",), panels="page:panels", works="task:works"
)
