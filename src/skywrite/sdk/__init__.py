"""The names of the atproto SDK for Python, over plain XRPC calls.

What lives here: answers as instances of model classes (`answers`, from the facts in `lexicons`), the methods of the
network as attributes (`names`), what models of the SDK stand for (`arguments`), and the SDK's helpers: sessions and
their callbacks, requests, addresses, resolvers, rich text. What does not: the client itself (`client`), and the names
that users import (`models`, `client_utils`, `exceptions`).

The SDK writes `get_profile` and `display_name` where lexicons write `getProfile` and `displayName`.
"""

from __future__ import annotations

from typing import Any

# Where these names were before 0.2.
_HOMES = {
    "Answer": "answers",
    "ChangedSession": "sessions",
    "Namespace": "names",
    "SessionEvent": "sessions",
    "UploadedBlob": "answers",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'skywrite.sdk' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"skywrite.sdk.{_HOMES[name]}"), name.removeprefix("Changed"))
