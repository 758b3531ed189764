"""API keys: who may do what over HTTP and MCP. A key never gives more than it has.

What does not live here: what a key is (`queue.api_keys`), and how a request shows one (`faces.server.auth`).
"""

from skywrite.core.feature import Command, Feature

FEATURE = Feature(
    name="keys",
    operations=("operations",),
    pages=("page",),
    panels="page:panels",
    commands={"keys": Command("cli", "Run and check", "Manage API keys; encrypt your secrets with a new key")},
)
