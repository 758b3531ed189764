"""Authorising an agent: the page where a signed-in person sees which program asks for access, and chooses what it may
do; and, in the settings, the agents that a person has let in.

What lives here: OAuth's authorization request and its response. What does not: tokens (`routes`), which program it is
(`clients`).

Nothing is sent to the program's address before a person has pressed a button here: a link with a wrong request ends on
one of our pages, never on somebody else's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from skywrite.core.errors import InputError
from skywrite.faces.server.auth import person_of
from skywrite.faces.server.pages.frame import CONTENT_POLICY, Panel, Visit, answer, back, form_route, render, show
from skywrite.faces.server.pages.settings import SCOPES as SCOPE_WORDS
from skywrite.features.agents.clients import LOOPBACK, check_redirect
from skywrite.features.agents.routes import SCOPES, USUAL_SCOPES, issuer_for, sign_ins_of
from skywrite.features.agents.store import Client, Consent
from skywrite.queue.api_keys import ApiKey, ApiKeys, Scope

FIELDS = (
    "response_type",
    "client_id",
    "redirect_uri",
    "state",
    "code_challenge",
    "code_challenge_method",
    "resource",
    "scope",
)
FIELD_MAX = 2000
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_HINT = "Nothing was allowed, and nothing was sent. Begin again in the program."


class Asked(NamedTuple):
    """A valid request. `scopes` are those that the program asks for."""

    client: Client
    issuer: str
    redirect_uri: str
    challenge: str
    resource: str
    state: str
    scopes: tuple[Scope, ...]

    def answer(self, **values: str) -> Response:
        """Redirect the browser to the program, with the issuer (RFC 9207) and the program's state."""
        query = urlencode({**values, **({"state": self.state} if self.state else {}), "iss": self.issuer})
        joint = "&" if "?" in self.redirect_uri else "?"
        return RedirectResponse(f"{self.redirect_uri}{joint}{query}", 303)


async def authorize(request: Request) -> Response:
    """GET /authorize. A browser that comes from another site does not send our cookie (SameSite=Strict)."""
    if request.headers.get("sec-fetch-site") == "cross-site" and await person_of(request) is None:
        return render("agent_return.html", address=f"{request.url.path}?{request.url.query}")
    return await answer(request, ask, network=True)


def ask(visit: Visit) -> Response:
    """The page."""
    parameters = visit.request.query_params
    if len(parameters.multi_items()) != len(parameters):
        raise InputError("The request names a field twice.", code="consent.invalid", hint=_HINT)
    asked = read(visit, parameters)
    may = [(name, words) for name, words in SCOPE_WORDS if name in asked.scopes and name in visit.person.scopes]
    page = show(
        visit,
        "consent.html",
        title="Let an agent in",
        asked=asked,
        host=urlsplit(asked.redirect_uri).netloc,
        is_local=urlsplit(asked.redirect_uri).hostname in LOOPBACK,
        source=urlsplit(asked.client.id).netloc if asked.client.id.startswith("https://") else "",
        scopes=may,
        usual=USUAL_SCOPES,
        accounts=visit.sky.accounts.list(),
        fields=[(name, parameters[name]) for name in FIELDS if name in parameters],
    )
    # The form's response redirects to the program, which browsers count as a target of the form.
    policy = CONTENT_POLICY.replace("form-action 'self'", f"form-action 'self' {_source(asked.redirect_uri)}")
    page.headers["content-security-policy"] = policy
    return page


def decide(visit: Visit, form: dict[str, str]) -> Response:
    """Handle the person's decision. Nobody can grant a right that they do not have."""
    asked = read(visit, form)
    if form.get("decision") != "allow":
        return asked.answer(error="access_denied")
    scopes = tuple(scope for scope in SCOPES if form.get(f"scope-{scope}"))
    known = visit.sky.accounts.list()
    accounts = tuple(item.did for item in known if form.get(f"account-{item.did}"))
    for scope in scopes:
        visit.access.require(scope)
    if not scopes or not set(scopes) <= set(asked.scopes):
        raise InputError(
            "Choose at least one of the rights that the program asks for.",
            code="consent.invalid",
            hint="Go back and choose.",
        )
    if known and not accounts:
        raise InputError(
            "Choose at least one account that the program may use.", code="consent.invalid", hint="Go back and choose."
        )
    consent = Consent(
        person_id=visit.person.id,
        client_id=asked.client.id,
        name=asked.client.name,
        redirect_uri=asked.redirect_uri,
        challenge=asked.challenge,
        resource=asked.resource,
        scopes=scopes,
        accounts=accounts,
    )
    return asked.answer(code=sign_ins_of(visit.request).agents.allow(consent))


def read(visit: Visit, parameters: Mapping[str, str]) -> Asked:
    """The request in a query or a form. Raises InputError."""
    values = {name: parameters.get(name, "") for name in FIELDS}
    if any(len(value) > FIELD_MAX for value in values.values()):
        raise InputError("The request is too long.", code="consent.invalid", hint=_HINT)
    client = sign_ins_of(visit.request).clients.find(values["client_id"])
    check_redirect(client, values["redirect_uri"])
    if values["response_type"] != "code":
        raise InputError("The program asks for something other than a code.", code="consent.invalid", hint=_HINT)
    if values["code_challenge_method"] != "S256" or not _CHALLENGE.fullmatch(values["code_challenge"]):
        raise InputError(
            "The program does not prove that the answer is its own (PKCE, S256).", code="consent.invalid", hint=_HINT
        )
    issuer = issuer_for(visit.request, values["resource"])
    if issuer is None:
        raise InputError(
            "The program does not ask for this server's address of MCP.", code="consent.invalid", hint=_HINT
        )
    wanted = set(values["scope"].split()) or set(USUAL_SCOPES)
    scopes = tuple(scope for scope in SCOPES if scope in wanted)
    if not scopes:
        raise InputError("The program asks for no right that there is here.", code="consent.invalid", hint=_HINT)
    resource = issuer + urlsplit(values["resource"]).path
    return Asked(client, issuer, values["redirect_uri"], values["code_challenge"], resource, values["state"], scopes)


def _source(uri: str) -> str:
    """The redirect address as a CSP source; CSP has no syntax for IPv6."""
    parts = urlsplit(uri)
    return f"{parts.scheme}:" if ":" in str(parts.hostname) else f"{parts.scheme}://{parts.netloc}"


def panels(visit: Visit) -> list[Panel]:
    """For everyone."""
    return [Panel(20, "agents_panel.html", {"agents": _agents(visit)})]


def _agents(visit: Visit) -> list[ApiKey]:
    """The agents that this person has authorised."""
    keys = [key for key in ApiKeys(visit.sky.context.store).all() if key.client_id is not None]
    return [key for key in keys if key.person_id == visit.person.id and key.revoked_at is None]


def end_agent(visit: Visit, form: dict[str, str]) -> Response:
    """End the access of an agent that this person has authorised, never somebody else's."""
    number = form.get("agent", "")
    if number not in {str(key.id) for key in _agents(visit)}:
        raise InputError("No such agent has access.")
    ApiKeys(visit.sky.context.store).revoke(int(number))
    return back("/settings", "The access of the agent was revoked.")


def routes() -> list[BaseRoute]:
    """The page, and the forms."""
    return [
        Route("/authorize", authorize),
        form_route("/authorize", decide, network=True),
        form_route("/settings/agents/end", end_agent),
    ]
