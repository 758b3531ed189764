"""OAuth for agents: the documents that say where to sign in, and the endpoints for programs.

What lives here: Protected Resource Metadata (RFC 9728), the authorization server's metadata (RFC 8414), `/register`
(RFC 7591), `/token`, `/revoke` (RFC 7009). What does not: the page where a person allows it (`page`).

All of it exists only over https or on this computer; elsewhere `/mcp` accepts only keys. On this computer the issuer is
the name that the program uses, such as http://127.0.0.1:8080, and the page is the one with the browser's session.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from skywrite.app import Skywrite
from skywrite.core.errors import InputError, NotFound, SignInError, SkywriteError, Unauthenticated
from skywrite.faces.server.auth import client_of, wrong_guess
from skywrite.faces.server.json_bodies import check_texts, read_object
from skywrite.faces.server.limits import Buckets, Quota, read_body
from skywrite.faces.server.problems import problem
from skywrite.faces.server.services import services_of
from skywrite.features.agents.clients import AgentClients, read_registration
from skywrite.features.agents.store import TOKEN_LIFETIME, Agents, Redemption, Tokens
from skywrite.queue.api_keys import INVALID_KEY, Scope, looks_like_key
from skywrite.queue.api_keys import SCOPES as ALL_SCOPES

# The scopes that agents may get, and should ask for: `manage` is for people.
# An agent posts; it does not manage.
SCOPES: tuple[Scope, ...] = tuple(scope for scope in ALL_SCOPES if scope != "manage")
USUAL_SCOPES: tuple[Scope, ...] = ("read", "draft")
RESOURCE_PATH = "/mcp"
RESOURCE_METADATA = "/.well-known/oauth-protected-resource"
SERVER_METADATA = "/.well-known/oauth-authorization-server"
BODY_BYTES_MAX = 20_000
REGISTRATIONS = Quota(20, 600)


class AgentSignIns:
    """What the handlers share: the agents of the queue, their documents, and how often programs may register."""

    def __init__(self, sky: Skywrite) -> None:
        self.agents = Agents(sky.context.store)
        self.clients = AgentClients(self.agents, sky.context.network.fetcher, sky.context.clock)
        self.registrations = Buckets(REGISTRATIONS, sky.context.clock)


class OAuthError(Exception):
    """A request to which OAuth responds with its own error (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error


def sign_ins_of(request: Request) -> AgentSignIns:
    """The agents' part of the server that got a request."""
    sign_ins = request.app.state.agents
    assert isinstance(sign_ins, AgentSignIns)
    return sign_ins


def issuer_of(request: Request) -> str | None:
    """Where agents may sign in, for the host name of this request; None if they may not."""
    return services_of(request).origin.issuer(request.headers.get("host", ""))


def resource_of(request: Request) -> str | None:
    """The address that an agent's token must be for."""
    issuer = issuer_of(request)
    return None if issuer is None else issuer + RESOURCE_PATH


def issuer_for(request: Request, resource: str) -> str | None:
    """The issuer of a resource that a program asks for; None if it is not this server's."""
    origin = services_of(request).origin
    try:
        parts, host = urlsplit(resource), urlsplit(f"//{request.headers.get('host', '')}")
        same_port = origin.public_url is not None or parts.port == host.port
    except ValueError:
        return None
    issuer = origin.issuer(parts.netloc)
    wanted = f"{parts.scheme}://{parts.netloc}".lower() + resource[len(parts.scheme) + 3 + len(parts.netloc) :]
    return issuer if issuer is not None and same_port and wanted == issuer + RESOURCE_PATH else None


def challenged(request: Request, answer: Response, error: SkywriteError) -> Response:
    """The response; if it refuses an unknown caller, it says where to sign in."""
    issuer = issuer_of(request)
    if answer.status_code == 401 and issuer is not None:
        parameters = {
            "resource_metadata": f"{issuer}{RESOURCE_METADATA}{RESOURCE_PATH}",
            "scope": " ".join(USUAL_SCOPES),
        }
        if error.code == INVALID_KEY:
            parameters["error"] = "invalid_token"
        words = ", ".join(f'{name}="{value}"' for name, value in parameters.items())
        answer.headers["www-authenticate"] = f'Bearer realm="skywrite", {words}'
    return answer


async def resource_metadata(request: Request) -> Response:
    """GET /.well-known/oauth-protected-resource/mcp: which authorization server to ask."""
    issuer = issuer_of(request)
    if issuer is None:
        return _nothing_here()
    return JSONResponse(
        {
            "resource": issuer + RESOURCE_PATH,
            "resource_name": "Skywrite",
            "authorization_servers": [issuer],
            "scopes_supported": USUAL_SCOPES,
            "bearer_methods_supported": ["header"],
        }
    )


async def server_metadata(request: Request) -> Response:
    """GET /.well-known/oauth-authorization-server: the server's endpoints."""
    issuer = issuer_of(request)
    if issuer is None:
        return _nothing_here()
    return JSONResponse(
        {
            "issuer": issuer,
            "authorization_endpoint": services_of(request).origin.page_of(issuer) + "/authorize",
            "token_endpoint": f"{issuer}/token",
            "registration_endpoint": f"{issuer}/register",
            "revocation_endpoint": f"{issuer}/revoke",
            "scopes_supported": SCOPES,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "client_id_metadata_document_supported": True,
        }
    )


Endpoint = Callable[[Request], Awaitable[Response]]


def oauth_endpoint(endpoint: Endpoint) -> Endpoint:
    """An endpoint whose errors have the form of RFC 6749, section 5.2, whatever they are."""

    @wraps(endpoint)
    async def answered(request: Request) -> Response:
        if issuer_of(request) is None:
            return _nothing_here()
        try:
            return await endpoint(request)
        except OAuthError as error:
            return _refused(error.error, str(error))
        except SkywriteError as error:
            kind = "temporarily_unavailable" if error.http_status >= 500 else "invalid_request"
            answer = _refused(kind, error.message, error.http_status)
            answer.headers.update(getattr(error, "headers", {}))
            return answer

    return answered


@oauth_endpoint
async def register(request: Request) -> Response:
    """POST /register: a program registers itself. Nothing of that is trusted: a person decides."""
    shared = sign_ins_of(request)
    shared.registrations.check(client_of(request), "programs")
    try:
        asked = await read_object(request, client_of(request), BODY_BYTES_MAX)
    except InputError as error:
        return _refused("invalid_client_metadata", error.message)
    try:
        name, uris = read_registration(asked)
    except InputError as error:
        kind = "invalid_redirect_uri" if "address" in error.message else "invalid_client_metadata"
        return _refused(kind, error.message)
    client = await run_in_threadpool(shared.agents.register, name, uris)
    registration = {
        "client_id": client.id,
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    }
    return JSONResponse(registration, 201)


@oauth_endpoint
async def token(request: Request) -> Response:
    """POST /token: tokens for a code, or for a refresh token."""
    form = await _form(request)
    try:
        tokens = await run_in_threadpool(_tokens, request, form)
    except SignInError as error:
        wrong_guess(request, "code or refresh token")
        raise OAuthError("invalid_grant", error.message) from None
    body = {
        "access_token": tokens.access,
        "token_type": "Bearer",
        "expires_in": int(TOKEN_LIFETIME.total_seconds()),
        "refresh_token": tokens.refresh,
        "scope": " ".join(tokens.key.scopes),
    }
    return JSONResponse(body, headers={"cache-control": "no-store", "pragma": "no-cache"})


@oauth_endpoint
async def revoke(request: Request) -> Response:
    """POST /revoke: end the access of a token. The response is the same for an invalid token (RFC 7009)."""
    form = await _form(request)
    await run_in_threadpool(_revoke, request, form.get("token", ""))
    return Response(status_code=200)


def _tokens(request: Request, form: Mapping[str, str]) -> Tokens:
    agents, client_id = sign_ins_of(request).agents, _needed(form, "client_id")
    resource = form.get("resource", "")
    if resource and issuer_for(request, resource) is None:
        raise OAuthError("invalid_target", "The resource is not this server's /mcp.")
    match form.get("grant_type"):
        case "authorization_code":
            redemption = Redemption(client_id, _needed(form, "code_verifier"), form.get("redirect_uri", ""), resource)
            return agents.redeem(_needed(form, "code"), redemption)
        case "refresh_token":
            return agents.refresh(_needed(form, "refresh_token"), client_id)
    raise OAuthError("unsupported_grant_type", "Ask with an authorization code or a refresh token.")


def _revoke(request: Request, secret: str) -> None:
    if not looks_like_key(secret):
        sign_ins_of(request).agents.revoke(secret)
        return
    keys = services_of(request).keys
    try:
        key = keys.check(secret, resource_of(request))
    except Unauthenticated:
        return
    if key.client_id is not None:
        keys.revoke(key.id)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a request, each given once. Raises OAuthError, BodyTooLarge, RequestTimeout."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(request, BODY_BYTES_MAX)
    if kind != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "Send a form: application/x-www-form-urlencoded.")
    try:
        pairs = parse_qsl(body.decode(), max_num_fields=50)
    except ValueError:
        raise OAuthError("invalid_request", "The form cannot be read.") from None
    if len(dict(pairs)) != len(pairs):
        raise OAuthError("invalid_request", "A field is given twice.")
    check_texts(value for _, value in pairs)
    return dict(pairs)


def _needed(form: Mapping[str, str], name: str) -> str:
    if not form.get(name):
        raise OAuthError("invalid_request", f"The field {name} is missing.")
    return form[name]


def _refused(error: str, description: str, status: int = 400) -> Response:
    body: dict[str, Any] = {"error": error, "error_description": description}
    return JSONResponse(body, status, headers={"cache-control": "no-store"})


def _nothing_here() -> Response:
    return problem(
        NotFound("Agents sign in only over https or on this computer.", code="page.unknown", hint="Use an API key.")
    )


def for_programs() -> list[Route]:
    """The addresses where programs register and get their tokens."""
    return [
        # Some programs only look at the root.
        Route(RESOURCE_METADATA, resource_metadata),
        Route(RESOURCE_METADATA + RESOURCE_PATH, resource_metadata),
        Route(SERVER_METADATA, server_metadata),
        Route("/register", register, methods=["POST"]),
        Route("/token", token, methods=["POST"]),
        Route("/revoke", revoke, methods=["POST"]),
    ]
