"""What a feature lets the server answer besides pages and operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from starlette.routing import BaseRoute


class Served(NamedTuple):
    """Routes, what their handlers find in `app.state`, and what ends with the server."""

    routes: list[BaseRoute]
    state: Mapping[str, Any] = {}
    stop: Callable[[], Awaitable[None]] | None = None
