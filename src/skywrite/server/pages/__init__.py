"""The pages. Every page module offers its routes; `routes` puts them together for `server.app`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from skywrite.server.auth import person_of


async def home(request: Request) -> Response:
    """The first page."""
    person = await person_of(request)
    if person is None:
        return PlainTextResponse("Nobody is signed in. skywrite serve prints a link that signs you in.", 401)
    return PlainTextResponse(f"Signed in as {person.name} ({person.role}).")


def routes() -> list[BaseRoute]:
    """All pages, by their addresses."""
    return [Route("/", home)]
