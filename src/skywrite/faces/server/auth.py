"""Authentication: API keys, persons with a session, and sign-in links.

What lives here: reading them from a request, the session's cookie, and the limit on guesses. What does not: what is
stored (`queue.api_keys`, `queue.people`), requests from other sites (`security`).
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response

from skywrite.app.operations import Access
from skywrite.core.errors import Do, Hint, SignInError, Unauthenticated
from skywrite.faces.server.connections import network_of
from skywrite.faces.server.rights import Credential, access_of_key, access_of_person
from skywrite.faces.server.security import LOOPBACK_HOSTS, host_name
from skywrite.faces.server.services import services_of
from skywrite.queue.api_keys import ApiKey, digest_of
from skywrite.queue.people import SESSION_LIFETIME, Person

log = logging.getLogger("skywrite.server")

COOKIE = "__Host-skywrite"
PLAIN_COOKIE = "skywrite"
AFTER_SIGN_IN = "/"


class Caller(NamedTuple):
    """The caller and its rights; one of `key` and `person` is set. `shown`: by what they are known."""

    access: Access
    shown: Credential
    key: ApiKey | None = None
    person: Person | None = None


async def caller_of(request: Request, resource: str | None = None) -> Caller:
    """The caller of a request; agents' tokens are valid at their `resource`. Raises NotSignedIn, Unauthenticated,
    TooManyRequests.
    """
    services = services_of(request)
    header = request.headers.get("authorization", "")
    if header:
        return await run_in_threadpool(_by_key, request, header, resource)
    session = await _session_of(request)
    if session is None:
        raise Unauthenticated(
            "You are not signed in.",
            code="request.unauthenticated",
            hint=Hint("Send an API key: Authorization: Bearer KEY. Make one: ", Do("keys.add")),
        )
    secret, person = session
    return Caller(access_of_person(services.sky, person), Credential(session=digest_of(secret)), person=person)


async def person_of(request: HTTPConnection) -> Person | None:
    """The person who is signed in by the session's cookie, or None."""
    session = await _session_of(request)
    return None if session is None else session[1]


async def _session_of(request: HTTPConnection) -> tuple[str, Person] | None:
    """The secret of the session that is valid, and its person."""
    for secret in _sessions(request):
        if person := await run_in_threadpool(services_of(request).people.of_session, secret):
            return secret, person
    return None


class Cookie(NamedTuple):
    """The cookie of a session, as browsers take it at an address."""

    name: str
    secure: bool

    @classmethod
    def at(cls, request: HTTPConnection) -> Cookie:
        """Over https, one that is bound to its host and to https. On this computer over http, where WebKit takes no
        such cookie, a plain one with the port in its name: ports share cookies, and so would two servers.
        """
        host, port = host_name(request.headers.get("host", "")), request.url.port or 80
        is_forwarded = request.headers.get("x-forwarded-proto") == "https"
        if request.url.scheme == "https" or is_forwarded or host not in LOOPBACK_HOSTS:
            return cls(COOKIE, secure=True)
        return cls(f"{PLAIN_COOKIE}-{port}", secure=False)


def _sessions(request: HTTPConnection) -> list[str]:
    """The secrets that the browser sent; the kind for https counts where there is no other."""
    names = dict.fromkeys((Cookie.at(request).name, COOKIE))
    return [secret for name in names if (secret := request.cookies.get(name))]


async def sign_in(request: Request) -> Response:
    """Use up a sign-in link: a new session begins, whatever cookie the browser sent."""
    services = services_of(request)
    if request.method != "GET":
        # A HEAD request, from something that only checks the link, must not use it up.
        return Response(status_code=204)
    person = await run_in_threadpool(services.people.use_link, request.path_params["token"])
    if person is None:
        wrong_guess(request, "sign-in link")
        raise Unauthenticated(
            "The sign-in link was already used, or is too old.",
            code="request.unauthenticated",
            hint="A server prints a new one when it starts; the owner may invite you.",
        )
    return await start_session(request, person, RedirectResponse(AFTER_SIGN_IN, 303))


async def start_session(request: HTTPConnection, person: Person, response: Response) -> Response:
    """Add the cookie of a new session to the response. The browser's older session ends."""
    services = services_of(request)
    for old in _sessions(request):
        await run_in_threadpool(services.people.end_session, old)
    secret = await run_in_threadpool(services.people.begin_session, person.id)
    seconds = int(SESSION_LIFETIME.total_seconds())
    name, secure = Cookie.at(request)
    response.set_cookie(name, secret, max_age=seconds, path="/", secure=secure, httponly=True, samesite="strict")
    return response


async def sign_out(request: Request) -> Response:
    """End the session; the browser clears its cache of our pages."""
    for secret in _sessions(request):
        await run_in_threadpool(services_of(request).people.end_session, secret)
    response = RedirectResponse("/", 303, headers={"clear-site-data": '"cache", "storage"'})
    for name, secure in (Cookie.at(request), Cookie(COOKIE, secure=True)):
        response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="strict")
    return response


def own_path(path: str) -> str:
    """A path on this server; anything that could lead elsewhere becomes the start page."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if plain else AFTER_SIGN_IN


def client_of(request: HTTPConnection) -> str:
    """Whom the address that a request comes from belongs to."""
    return network_of(request.client.host) if request.client else "unknown"


def wrong_guess(request: HTTPConnection, what: str) -> None:
    """Count a wrong secret. Raises TooManyRequests if there were too many from this address.

    A right secret is never refused because of the wrong guesses of others: behind a proxy they may share an address.
    """
    client = client_of(request)
    # Whoever guesses on and on fills no disk with lines about it.
    services_of(request).guesses.check(client, "wrong secrets")
    log.warning("a %s that is not valid was used from %s", what, client)


def _by_key(request: Request, header: str, resource: str | None) -> Caller:
    services = services_of(request)
    kind, _, secret = header.partition(" ")
    try:
        if kind.lower() != "bearer":
            raise Unauthenticated(
                "Only API keys are accepted here.",
                code="request.unauthenticated",
                hint="Send it as: Authorization: Bearer KEY",
            )
        key = services.keys.check(secret.strip(), resource)
    except SignInError:
        wrong_guess(request, "key")
        raise
    person = None if key.person_id is None else services.people.get(key.person_id)
    return Caller(access_of_key(services.sky, key, person), Credential(key_id=key.id), key=key)
