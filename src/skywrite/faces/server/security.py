"""What every request passes first: allowed hosts, keys in addresses, requests from other sites, security headers.

What lives here: ASGI middleware that knows nothing about the queue. What does not: authentication (`auth`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skywrite.core.errors import BadRequest, NotAllowed, SkywriteError
from skywrite.faces.server.problems import problem, with_headers
from skywrite.queue.api_keys import KEY_START

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
LOOPBACK_HOSTS = ("skywrite.localhost", "localhost", "127.0.0.1", "[::1]")

# A page that needs more sets its own policy; by default nothing is loaded and nothing can be framed.
DEFAULT_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


class Origin(NamedTuple):
    """The server's public address, if it has one, and its allowed host names."""

    public_url: str | None
    hosts: frozenset[str]

    @classmethod
    def of(cls, public_url: str | None, bound_host: str = "127.0.0.1") -> Origin:
        """The host names of a server: those of this computer, unless it has a public address."""
        if public_url is None:
            return cls(None, frozenset({*LOOPBACK_HOSTS, bound_host.lower()}))
        name = (urlsplit(public_url).hostname or "").lower()
        return cls(public_url.rstrip("/"), frozenset({name, "127.0.0.1", "localhost", "skywrite.localhost"}))

    def knows(self, host: str) -> bool:
        """Whether a Host header names this server."""
        return host_name(host) in self.hosts

    def is_own(self, origin: str, host: str) -> bool:
        """Whether an Origin header is this server's own, for a request to `host`."""
        parts = urlsplit(origin)
        if self.public_url is not None and origin == self.public_url:
            return True
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower() and self.knows(host)

    def issuer(self, host: str) -> str | None:
        """Where agents may sign in, for their host name: over https, or on this computer; otherwise None."""
        try:
            parts = urlsplit(self.public_url or f"http://{host}")
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            return None
        name = host_name(parts.netloc)
        return f"{parts.scheme}://{name}{port}" if parts.scheme == "https" or name in LOOPBACK_HOSTS else None

    def page_of(self, issuer: str) -> str:
        """The address of the browser's session, for an issuer of this server."""
        port = urlsplit(issuer).port
        return issuer if self.public_url is not None else f"http://{LOOPBACK_HOSTS[0]}{f':{port}' if port else ''}"


class Shield:
    """The middleware: what it refuses reaches no handler."""

    def __init__(self, app: ASGIApp, origin: Origin) -> None:
        self._app = app
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send, DEFAULT_HEADERS)
        refusal = self._refusal(scope)
        if refusal is not None:
            await problem(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> SkywriteError | None:
        headers = Headers(scope=scope)
        if "content-length" in headers and "transfer-encoding" in headers:
            # A proxy may have read the one, and found the end of the request elsewhere than the other says.
            return with_headers(
                BadRequest("The request says in two ways where it ends.", code="request.malformed"),
                {"connection": "close"},
            )
        host = headers.get("host", "")
        if not self._origin.knows(host):
            return BadRequest(
                "This server does not have that name.",
                code="request.host_unknown",
                hint="Start it with its public address.",
            )
        address = scope["path"] + "?" + unquote(scope["query_string"].decode("latin-1"))
        if "\x00" in address:
            return BadRequest("The address holds a character that no address has.", code="request.malformed")
        if KEY_START in address:
            return BadRequest(
                "An API key is never part of an address: logs and histories keep it.",
                code="request.key_in_address",
                hint="Send it as a header: Authorization: Bearer KEY. Revoke this one.",
            )
        if scope["method"] not in SAFE_METHODS and not self._is_own_request(headers, host):
            return NotAllowed(
                "This request comes from another site.",
                code="request.foreign",
                hint="Use the page itself, or an API key.",
            )
        return None

    def _is_own_request(self, headers: Headers, host: str) -> bool:
        """Whether a changing request comes from our own pages, or from no page at all.

        A page cannot make one with a key and without our cookie unless it knows the key.
        """
        if headers.get("authorization") and not headers.get("cookie"):
            return True
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in ("same-origin", "none")
        origin = headers.get("origin")
        return origin is None or self._origin.is_own(origin, host)


def _with_headers(send: Send, defaults: Mapping[str, str]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in defaults.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


def host_name(host: str) -> str:
    """The name in a Host header, without its port; empty if it is not valid."""
    try:
        parts = urlsplit(f"//{host}")
        port = parts.port
    except ValueError:
        return ""
    if parts.username is not None or parts.path or parts.query or parts.fragment or port == 0:
        return ""
    name = (parts.hostname or "").rstrip(".")
    return f"[{name}]" if ":" in name else name
