"""A form that was refused: its page again, with what was typed, and what is wrong at the field.

What lives here: finding the page that a form came from. What does not: filling it in (`refilled`).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match, Route

from skywrite.core.errors import SkywriteError
from skywrite.faces.server.auth import own_path
from skywrite.faces.server.pages.refilled import refilled
from skywrite.faces.server.pages.words import error_words
from skywrite.faces.server.services import services_of

PAGE = "page "


async def page_again(request: Request, form: Mapping[str, str], error: SkywriteError) -> Response | None:
    """The page that the form came from, with the error in it; None if that page cannot be shown itself."""
    for path, query in _came_from(request, form):
        page = await _shown(request, path, query)
        if page is not None and page.status_code == 200:
            html = refilled(bytes(page.body).decode(), request.url.path, form, error_words(error))
            headers = {name: value for name, value in page.headers.items() if name != "content-length"}
            return HTMLResponse(html, error.http_status, headers=headers)
    return None


def _came_from(request: Request, form: Mapping[str, str]) -> list[tuple[str, str]]:
    """Addresses of pages, the likeliest first: the one that the browser names, the form's own, and those above it."""
    referer = urlsplit(request.headers.get("referer", ""))
    origin = f"{referer.scheme}://{referer.netloc}"
    is_own = services_of(request).origin.is_own(origin, request.headers.get("host", ""))
    back = urlsplit(own_path(form.get("back") or "/"))
    addresses = [(referer.path, referer.query)] if is_own else []
    addresses += [(back.path, back.query)] if form.get("back") else []
    parts = request.url.path.split("/")
    above = ["/".join(parts[:end]) or "/" for end in range(len(parts), 0, -1)]
    return [*addresses, *((path, "") for path in above)]


async def _shown(request: Request, path: str, query: str) -> HTMLResponse | None:
    """A page of ours, as a GET request of the same browser gets it; None where there is none."""
    pairs = urlencode([pair for pair in parse_qsl(query) if pair[0] != "done"])
    scope = {**request.scope, "method": "GET", "path": path, "raw_path": path.encode(), "query_string": pairs.encode()}
    for route in request.app.router.routes:
        if isinstance(route, Route) and route.name.startswith(PAGE):
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                page = await route.endpoint(Request({**scope, **child_scope}))
                return page if isinstance(page, HTMLResponse) else None
    return None
