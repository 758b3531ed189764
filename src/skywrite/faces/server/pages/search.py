"""Searching all posts at once: what waits, drafts, and what is over.

What does not live here: the list of one kind, page by page (`posts`).
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.app.entries import entries
from skywrite.app.results import Entry
from skywrite.faces.server.pages.frame import Visit, page_route, show
from skywrite.faces.server.pages.posts import shown_state
from skywrite.queue.model import Post

FOUND_MAX = 25


class Found(NamedTuple):
    """Posts of one kind. `more`: where all of them are, if these are only the first."""

    title: str
    entries: list[Entry]
    more: str = ""


def search(visit: Visit) -> Response:
    """The page: the same words in every kind of post."""
    text = visit.query("text").strip()
    return show(
        visit,
        "search.html",
        title="Search",
        text=text,
        found=[one for one in _found(visit, text) if one.entries] if text else [],
        zone_of=visit.sky.context.zone,
        shown_state=shown_state,
        several=len(visit.sky.accounts.list()) > 1,
    )


def _found(visit: Visit, text: str) -> list[Found]:
    listing, most = visit.sky.context.store.listing, FOUND_MAX + 1
    waiting = listing.posts(("scheduled", "publishing", "held"), text=text, limit=most)
    over = listing.history(text=text, limit=most)
    return [
        _kind(visit, "Waiting", waiting, ""),
        _kind(visit, "Drafts", listing.drafts(text=text, limit=most), f"/drafts?{urlencode({'text': text})}"),
        _kind(visit, "Over", over, f"/history?{urlencode({'text': text})}"),
    ]


def _kind(visit: Visit, title: str, posts: list[Post], more: str) -> Found:
    shown = [post for post in posts[:FOUND_MAX] if visit.access.covers([post.account_did])]
    return Found(title, [*entries(visit.sky.context, shown)], more if len(posts) > FOUND_MAX else "")


def routes() -> list[Any]:
    """The page."""
    pages: list[BaseRoute] = [page_route("/search", search)]
    return pages
