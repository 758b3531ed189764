"""The pages. Every page module has its routes; `routes` collects them, and those of the features, for `server.app`."""

from __future__ import annotations

from starlette.routing import BaseRoute

from skywrite.faces.server.pages import (
    accounts,
    completing,
    compose,
    media,
    oauth,
    plan,
    posts,
    search,
    settings,
    static,
)
from skywrite.features import features

PAGES = (static, plan, compose, completing, posts, search, media, accounts, oauth, settings)


def routes() -> list[BaseRoute]:
    """All pages, by their addresses. Those of features come first: they may be below a page of the frame."""
    modules = [*(row.load(home) for row in features() for home in row.pages), *PAGES]
    return [route for page in modules for route in page.routes()]
