"""Which program asks for access: it registered itself, or its `client_id` is the address of a document about it.

What lives here: reading both kinds, and which redirect addresses are allowed. What does not: what is stored
(`store`), what a person allows (`page`).

All programs are public clients: none has a secret, and PKCE binds the response to the program that asked.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from skywrite.core.clock import Clock
from skywrite.core.digits import whole_number
from skywrite.core.errors import InputError, SkywriteError
from skywrite.core.http import json_object
from skywrite.core.shown import NAME_MAX
from skywrite.features.agents.store import Agents, Client

if TYPE_CHECKING:
    from skywrite.protocol.fetch.fetch import Fetched, Fetcher

LOOPBACK = ("127.0.0.1", "::1", "localhost")
ADDRESS_MAX = 2000
REDIRECTS_MAX = 20
DOCUMENT_BYTES_MAX = 10_000
DOCUMENT_SECONDS = 5.0
CACHE_SECONDS = 300
CACHE_SECONDS_MAX = 3600
CACHED_MAX = 100


class AgentClients:
    """Finds programs by their `client_id`; documents are cached for as long as their server allows, at most an hour."""

    def __init__(self, agents: Agents, fetcher: Callable[[], Fetcher], clock: Clock) -> None:
        self._agents = agents
        self._fetcher = fetcher
        self._clock = clock
        self._cached: OrderedDict[str, tuple[float, Client]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, client_id: str) -> Client:
        """The program. Raises InputError."""
        if not client_id.startswith("https://"):
            program = self._agents.client(client_id)
            if program is None:
                raise InputError(
                    "This program is not registered here.",
                    code="agent.unknown",
                    hint="Remove the server there, and add it again.",
                )
            return program
        with self._lock:
            ends, client = self._cached.get(client_id, (0.0, None))
        if client is None or ends <= self._clock.monotonic():
            client, seconds = self._fetched(client_id)
            with self._lock:
                self._cached[client_id] = (self._clock.monotonic() + seconds, client)
                if len(self._cached) > CACHED_MAX:
                    self._cached.popitem(last=False)
        return client

    def _fetched(self, client_id: str) -> tuple[Client, int]:
        _check_client_id(client_id)
        try:
            fetched = self._fetcher().fetch(
                client_id, max_bytes=DOCUMENT_BYTES_MAX, timeout_seconds=DOCUMENT_SECONDS, accept="application/json"
            )
        except SkywriteError as error:
            raise InputError(
                f"What {client_id} says about the program cannot be read: {error.message}", code="agent.unknown"
            ) from None
        if fetched.url != client_id or fetched.truncated:
            raise InputError(
                f"{client_id} is not a document about a program: it leads on, or is too large.", code="agent.unknown"
            )
        return read_document(client_id, fetched.body), _cache_seconds(fetched)


def read_document(client_id: str, body: bytes) -> Client:
    """A program from its document (OAuth Client ID Metadata Document). Raises InputError."""
    document = json_object(body)
    if document is None or document.get("client_id") != client_id:
        raise InputError(f"{client_id} is not a document that names itself as the program.", code="agent.unknown")
    return Client(client_id, *_described(document))


def read_registration(body: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """The name and the addresses of a program that registers itself (RFC 7591). Raises InputError."""
    return _described({**body, "token_endpoint_auth_method": "none"})


def _described(document: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    if document.get("token_endpoint_auth_method", "none") != "none":
        raise InputError(
            "The program wants to identify itself by a secret or a key; only public clients are let in.",
            code="agent.unknown",
        )
    name, uris = document.get("client_name"), document.get("redirect_uris")
    if not isinstance(uris, list) or not 0 < len(uris) <= REDIRECTS_MAX:
        raise InputError(
            f"The program names no address for answers, or more than {REDIRECTS_MAX}.", code="agent.unknown"
        )
    usable = tuple(uri for uri in uris if isinstance(uri, str) and may_redirect_to(uri))
    if not usable:
        raise InputError(
            "The program's addresses for answers are neither https nor on this computer.", code="agent.unknown"
        )
    return shown_name(name if isinstance(name, str) else "", usable[0]), usable


def shown_name(name: str, uri: str) -> str:
    """The program's name, on one line, or the host of its redirect address."""
    words = "".join(character if character.isprintable() else " " for character in name).split()
    return " ".join(words)[:NAME_MAX].strip() or str(urlsplit(uri).hostname)[:NAME_MAX]


def may_redirect_to(uri: str) -> bool:
    """Whether this redirect address is allowed at all: over https, or to a program on the same computer."""
    if not (uri.isascii() and uri.isprintable()) or len(uri) > ADDRESS_MAX or set(uri) & set(' \\"<>#'):
        return False
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc or port == 0:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def check_redirect(client: Client, uri: str) -> None:
    """Raise InputError unless the address is exactly one of the program's. On the same computer any port will
    do: the system chooses one when the program starts to listen (RFC 8252, 7.3).
    """
    if may_redirect_to(uri) and (uri in client.redirect_uris or _portless(uri) in map(_portless, client.redirect_uris)):
        return
    raise InputError(
        f"{client.name} asks for an answer at an address that is not one of its own.",
        code="agent.redirect_refused",
        hint="Nothing was sent there. Begin again in the program itself.",
    )


def _portless(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK:
        return uri
    return f"http://{parts.hostname}{uri[len('http://') + len(parts.netloc) :]}"


def _check_client_id(client_id: str) -> None:
    wrong = InputError("The program's client_id is not the https address of a document.", code="agent.unknown")
    if not may_redirect_to(client_id):
        raise wrong
    path = urlsplit(client_id).path
    if path in ("", "/") or {".", ".."} & set(path.split("/")):
        raise wrong


def _cache_seconds(fetched: Fetched) -> int:
    words = [word.strip().lower() for word in fetched.headers.get("cache-control", "").split(",")]
    if "no-store" in words or "no-cache" in words:
        return 0
    ages = [age for word in words if word.startswith("max-age=") and (age := whole_number(word[8:][:9])) is not None]
    return min(ages[0], CACHE_SECONDS_MAX) if ages else CACHE_SECONDS
