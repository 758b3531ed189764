"""Skywrite: automated posting for Bluesky, from Python and from the command line.

The public names are loaded when they are first used, so that `import skywrite` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skywrite.app import Skywrite
    from skywrite.async_client import AsyncClient
    from skywrite.client import Client
    from skywrite.errors import SkywriteError

__version__ = "0.1.0"
__all__ = ["AsyncClient", "Client", "Skywrite", "SkywriteError", "__version__"]

_HOMES = {
    "AsyncClient": "skywrite.async_client",
    "Client": "skywrite.client",
    "Skywrite": "skywrite.app",
    "SkywriteError": "skywrite.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'skywrite' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
