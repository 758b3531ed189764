"""The table of operations: everything that can be called over HTTP and MCP, and nothing else. HTTP routes, the OpenAPI
document and the MCP tools are generated from it.

What is not in the table cannot be reached from outside: local paths, commands to run and signing in never are. What
lives here: operations on posts, accounts and media. What does not: those of the features, which bring their own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from skywrite.app.operations.table import Access, Operation, by_name, rows_of
from skywrite.features import features

__all__ = ["OPERATIONS", "Access", "Operation"]

_OWN = ("posts", "texts", "media", "accounts", "plan")

if TYPE_CHECKING:
    OPERATIONS: dict[str, Operation]


def __getattr__(name: str) -> Any:
    """`OPERATIONS`, put together when it is first asked for: whoever defines an operation may be imported before."""
    if name != "OPERATIONS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    own = [import_module(f"{__name__}.{noun}") for noun in _OWN]
    modules = [*own, *(row.load(home) for row in features() for home in row.operations)]
    table = by_name(operation for module in modules for operation in rows_of(module))
    globals()[name] = table
    return table
