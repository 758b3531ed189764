"""The pages. Every page module offers its routes; `routes` puts them together for `server.app`."""

from __future__ import annotations

from starlette.routing import BaseRoute

from skywrite.server.pages import compose, plan, posts, static


def routes() -> list[BaseRoute]:
    """All pages, by their addresses."""
    return [*static.routes(), *plan.routes(), *compose.routes(), *posts.routes()]
