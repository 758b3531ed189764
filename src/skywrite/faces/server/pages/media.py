"""Media: uploads that a post needs or does not need yet; to view and to delete."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.app.operations.media import ByCid, drop, list_media
from skywrite.app.operations.shapes import Nothing
from skywrite.faces.server.pages.frame import Visit, back, form_route, page_route, show


def media(visit: Visit) -> Response:
    """The page."""
    return show(visit, "media.html", title="Media", items=list_media(visit.access, Nothing()).media)


def dropped(visit: Visit, form: dict[str, str]) -> Response:
    """Delete an upload; posts that have it keep it."""
    visit.access.require("draft")
    shape = drop(visit.access, ByCid(form["media"]))
    return back("/media", f"{shape.name} is dropped. Posts that show it keep it.")


def routes() -> list[BaseRoute]:
    """The page and its form."""
    return [page_route("/media", media), form_route("/media/drop", dropped)]
