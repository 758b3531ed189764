"""The files that pages need: the script with its modules, one style, an icon, the manifest and the service worker."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
SECONDS = 300


@cache
def _content(name: str) -> bytes:
    return (files("skywrite.faces.server") / "static" / name).read_bytes()


def modules() -> list[str]:
    """The names of the script's modules."""
    return sorted(item.name for item in (files("skywrite.faces.server") / "static" / "js").iterdir())


def static_route(path: str, name: str) -> BaseRoute:
    """A route for one file of the package; no other path can be requested."""
    kind = TYPES[name.rpartition(".")[2]]

    async def endpoint(request: Request) -> Response:
        headers = {"cache-control": f"public, max-age={SECONDS}"}
        return Response(_content(name), media_type=f"{kind}; charset=utf-8", headers=headers)

    return Route(path, endpoint)


async def manifest(request: Request) -> Response:
    """The manifest, which makes the page installable, and a share target on phones."""
    share = {"action": "/compose", "method": "GET", "params": {"title": "title", "text": "text", "url": "url"}}
    icon = {"src": "/static/icon.svg", "sizes": "any", "type": "image/svg+xml"}
    return JSONResponse(
        {
            "name": "Skywrite",
            "short_name": "Skywrite",
            "start_url": "/",
            "display": "standalone",
            "background_color": "#faf9f6",
            "theme_color": "#0b5cc2",
            "icons": [icon],
            "share_target": share,
        },
        media_type="application/manifest+json",
    )


def routes() -> list[BaseRoute]:
    """All of them."""
    return [
        static_route("/static/app.css", "app.css"),
        static_route("/static/app.js", "app.js"),
        *(static_route(f"/static/js/{name}", f"js/{name}") for name in modules()),
        static_route("/static/icon.svg", "icon.svg"),
        static_route("/service-worker.js", "service-worker.js"),
        Route("/manifest.webmanifest", manifest),
    ]
