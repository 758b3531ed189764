"""People who use the page: inviting them, their roles, and signing in with passkeys.

What does not live here: what a person is (`queue.people`), and sessions of browsers (`faces.server.auth`).
"""

from skywrite.core.feature import Feature

FEATURE = Feature(
    name="people", operations=("operations",), pages=("page",), panels="page:panels", served="passkeys:served"
)
