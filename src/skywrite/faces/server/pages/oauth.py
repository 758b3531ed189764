"""Signing accounts in by OAuth: the page that begins it, the redirect address, and the client's files. The server is
its own client if it has a public https address.

What does not live here: the sign-in (`app.oauth`).

A browser that returns from another site does not send our cookie (SameSite=Strict), so it gets a page whose button
submits the parameters from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from skywrite.core.errors import Do, Hint, InputError, NotFound
from skywrite.faces.server.pages.frame import Visit, back, form_route, render, show
from skywrite.faces.server.problems import problem
from skywrite.faces.server.services import Services, services_of

if TYPE_CHECKING:
    from skywrite.protocol.atproto.oauth_client import OAuthClient

EXTRA_RIGHTS = ("likes", "reposts", "drafts", "inbox", "profile", "follow")
_RETURNED = ("state", "iss", "code", "error", "error_description")


def may_sign_in(services: Services) -> bool:
    """Whether accounts can sign in with OAuth on the page."""
    return (services.origin.public_url or "").startswith("https://")


def begin(visit: Visit, form: dict[str, str]) -> Response:
    """Begin a sign-in, and redirect to the account's server."""
    visit.access.require("manage")
    handle = form.get("handle", "").strip()
    if not handle:
        raise InputError("A handle is needed.", hint="Write it whole, such as alice.bsky.social.")
    rights = [name for name in EXTRA_RIGHTS if form.get(name)]
    pds = form.get("server", "").strip() or None
    client, who = _client(visit.services), str(visit.person.id)
    pending = visit.sky.oauth.begin_kept(handle, by=who, client=client, rights=rights, pds=pds)
    return show(visit, "oauth_away.html", title="Sign in", url=pending.url, host=urlsplit(pending.url).netloc)


async def returned(request: Request) -> Response:
    """The parameters that the browser returned with, in our own form."""
    values = [(name, request.query_params[name]) for name in _RETURNED if name in request.query_params]
    return render("oauth_back.html", values=values)


def finish(visit: Visit, form: dict[str, str]) -> Response:
    """Complete a sign-in that this person began."""
    visit.access.require("manage")
    done = visit.sky.oauth.finish_kept(form, by=str(visit.person.id))
    visit.sky.context.agents.forget(done.account.did)
    notes = " ".join(done.warnings)
    until = f"The session ends on {done.session.ends_at:%Y-%m-%d}."
    return back("/accounts", f"Signed in as {done.account.handle}. {until} {notes}".strip())


async def client_file(request: Request) -> Response:
    """The client's metadata or its public keys, for other servers to read."""
    services = services_of(request)
    text = await run_in_threadpool(_file, services, request.path_params["name"]) if may_sign_in(services) else None
    if text is None:
        return problem(NotFound("There is no such file.", code="page.unknown"))
    return JSONResponse(text, headers={"cache-control": "max-age=60"})


def _file(services: Services, name: str) -> object:
    import json

    from skywrite.app.oauth.files import files_of

    text = files_of(_client(services)).get(f"{name}.json")
    return None if text is None else json.loads(text)


def _client(services: Services) -> OAuthClient:
    from skywrite.app.oauth.files import server_client

    if not may_sign_in(services):
        raise InputError(
            "This server has no public https address, so no other server can look at it.",
            code="oauth.client_missing",
            hint=Hint("On its computer: ", Do("oauth.login"), ". Or use an app password."),
        )
    return server_client(services.sky.oauth, str(services.origin.public_url))


def routes() -> list[BaseRoute]:
    """The pages, the forms and the files."""
    return [
        form_route("/oauth/begin", begin, network=True),
        form_route("/oauth/finish", finish, network=True),
        Route("/oauth/callback", returned),
        Route("/oauth/{name}.json", client_file),
    ]
