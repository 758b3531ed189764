"""The pages. Every page module has its routes; `routes` collects them for `server.app`."""

from __future__ import annotations

from starlette.routing import BaseRoute

from skywrite.server.pages import (
    accounts,
    compose,
    consent,
    feeds,
    inbox,
    media,
    oauth,
    plan,
    posts,
    recurrences,
    settings,
    static,
    stats,
    status,
)

PAGES = (
    static,
    plan,
    compose,
    posts,
    inbox,
    stats,
    feeds,
    recurrences,
    media,
    accounts,
    oauth,
    consent,
    settings,
    status,
)


def routes() -> list[BaseRoute]:
    """All pages, by their addresses."""
    return [route for page in PAGES for route in page.routes()]
