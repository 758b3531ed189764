"""`Skywrite`: the verbs of the product, over one database.

What lives here: what each verb means, put together from the layers below. What does not: parsing of command lines and
printing (`cli`), rules of the queue (`queue`), the network (`publish`). The names are loaded when they are used: what
posts and ends (`poster`) does without most of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skywrite.app.facade import Skywrite
    from skywrite.app.posting import Ready, Scheduled, Sent

__all__ = ["Ready", "Scheduled", "Sent", "Skywrite"]

_HOMES = {"Ready": "posting", "Scheduled": "posting", "Sent": "posting", "Skywrite": "facade"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
