"""Skywrite: automated posting for Bluesky, from Python and from the command line.

The public names are loaded when they are first used, so that `import skywrite` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skywrite import client_utils, exceptions, models
    from skywrite.app import Skywrite
    from skywrite.app.bots import Author, Item, Later, Like, Repost
    from skywrite.async_client import AsyncClient
    from skywrite.client import Client
    from skywrite.core.errors import SkywriteError
    from skywrite.features.answers.store import InboxItem
    from skywrite.sdk.request import Request
    from skywrite.sdk.resolver import IdResolver
    from skywrite.sdk.sessions import Session, SessionEvent
    from skywrite.sdk.uri import AtUri

__version__ = "0.1.0"
__all__ = [
    "AsyncClient",
    "AtUri",
    "Author",
    "Client",
    "IdResolver",
    "InboxItem",
    "Item",
    "Later",
    "Like",
    "Repost",
    "Request",
    "Session",
    "SessionEvent",
    "Skywrite",
    "SkywriteError",
    "__version__",
    "client_utils",
    "exceptions",
    "models",
]

_HOMES = {
    "AsyncClient": "skywrite.async_client",
    "AtUri": "skywrite.sdk.uri",
    "Author": "skywrite.app.bots",
    "Client": "skywrite.client",
    "IdResolver": "skywrite.sdk.resolver",
    "InboxItem": "skywrite.features.answers.store",
    "Item": "skywrite.app.bots",
    "Later": "skywrite.app.bots",
    "Like": "skywrite.app.bots",
    "Repost": "skywrite.app.bots",
    "Request": "skywrite.sdk.request",
    "Session": "skywrite.sdk.sessions",
    "SessionEvent": "skywrite.sdk.sessions",
    "Skywrite": "skywrite.app",
    "SkywriteError": "skywrite.core.errors",
    "client_utils": "",
    "exceptions": "",
    "models": "",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        if name.startswith("__"):
            raise AttributeError(name)
        from skywrite.sdk.absent import raise_absent

        raise_absent(__name__, name)
    from importlib import import_module

    home = _HOMES[name]
    value = getattr(import_module(home), name) if home else import_module(f"skywrite.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
