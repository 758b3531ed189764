"""The table of operations: everything that can be called over HTTP and MCP, and nothing else. HTTP routes, the OpenAPI
document and the MCP tools are generated from it.

What is not in the table cannot be reached from outside: local paths, commands to run and signing in never are.
"""

from __future__ import annotations

from skywrite.app.operations import (
    accounts,
    approvals,
    feeds,
    follow_ups,
    hooks,
    imports,
    inbox,
    keys,
    media,
    overview,
    people,
    posts,
    recurrences,
    reposts,
    template_approvals,
    texts,
)
from skywrite.app.operations.table import Access, Operation, by_name, rows_of

__all__ = ["OPERATIONS", "Access", "NotAllowed", "Operation"]

OPERATIONS = by_name(
    operation
    for noun in (
        posts,
        approvals,
        texts,
        media,
        imports,
        recurrences,
        template_approvals,
        follow_ups,
        reposts,
        feeds,
        inbox,
        accounts,
        overview,
        hooks,
        keys,
        people,
    )
    for operation in rows_of(noun)
)
