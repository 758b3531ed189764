"""`Skywrite`: what the product does, over one database.

What lives here: what each operation means, composed from the layers below. What does not: parsing of command lines
and printing (`cli`), rules of the queue (`queue`), the network (`publish`). The names are loaded when they are used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skywrite.app.facade import Skywrite
    from skywrite.app.results import Ready, Scheduled, Sent

__all__ = ["Ready", "Scheduled", "Sent", "Skywrite"]

_HOMES = {"Ready": "results", "Scheduled": "results", "Sent": "results", "Skywrite": "facade"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
