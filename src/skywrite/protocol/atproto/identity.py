"""Who is behind a handle or a DID, and where their repository is (https://atproto.com/specs/handle, /did).

What lives here: handle to DID (DNS, https, a service), DID to document (did:plc, did:web), the check in both
directions, and a small cache. What does not: sessions. Hosts of handles and of did:web are untrusted: requests to them
use https and a host name, and go through `web`, for which a caller may pass a guarded transport.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from skywrite.core.clock import SYSTEM_CLOCK, Clock
from skywrite.core.config import DEFAULT_PLC_URL
from skywrite.core.errors import Do, Hint, InputError, SkywriteError, TemporaryError
from skywrite.core.http import Transport
from skywrite.protocol.atproto.lookups import (
    LOCAL_HOSTS,
    Cache,
    IdentityUnavailable,
    dns_txt,
    get_answer,
    local_name,
    object_of,
    public_name,
    raise_if_temporary,
    redirected,
)
from skywrite.protocol.atproto.syntax import RESERVED_ENDINGS, Did, Handle, InvalidSyntax

INVALID_HANDLE = "handle.invalid"
WEB_SECONDS = 3.0
SERVICE_SECONDS = 5.0
KNOWN_SECONDS = 600.0
UNKNOWN_SECONDS = 60.0
MAX_REDIRECTS = 3
MAX_HANDLE_BYTES = 4096
MAX_DOCUMENT_BYTES = 200_000
_REDIRECTS = (301, 302, 303, 307, 308)

DnsLookup = Callable[[str], Sequence[str]]
"""Looks up the TXT values of a name, which may be none. Raises TemporaryError if no name server responds."""


class UnknownHandle(InputError):
    """No account has this handle."""

    code = "handle.unknown"


class HandleDisputed(InputError):
    """DNS and the handle's web server name different accounts, so a password could go to the wrong server."""

    code = "handle.disputed"


class Identity(NamedTuple):
    """An account. `handle` is `handle.invalid` if the DID's own does not lead back; `pds_url` has no final slash."""

    did: Did
    handle: Handle
    pds_url: str


class _Document(NamedTuple):
    handles: tuple[Handle, ...]
    pds_url: str


class Resolver:
    """Resolves handles and DIDs, and caches results for ten minutes (unknown handles for one).

    `http` sends requests to the PLC directory and to `service`, and `web` those to untrusted hosts. With `service`, its
    `com.atproto.identity.resolveHandle` is the last resort (with `service_first` the first, which is quicker for an
    account that trusts its own server), and the only one for `.test` and other reserved names. `allow_local` allows
    localhost and 127.0.0.1 in did:web, and these and reserved names as a PDS. `check` rejects the PDS address in a
    document by raising an InputError, as the fetch guard does. Safe to share between threads.
    """

    def __init__(
        self,
        http: Transport,
        plc_url: str = DEFAULT_PLC_URL,
        *,
        service: str | None = None,
        dns: DnsLookup | None = None,
        web: Transport | None = None,
        clock: Clock = SYSTEM_CLOCK,
        allow_local: bool = False,
        service_first: bool = False,
        check: Callable[[str], object] | None = None,
    ) -> None:
        self._http = http
        self._plc_url = plc_url.rstrip("/")
        self._service = None if service is None else service.rstrip("/")
        self._dns = dns or dns_txt
        self._web = web or http
        self._allow_local = allow_local
        self._service_first = service_first
        self._check = check
        self._clock = clock
        self._cache = Cache(clock)

    def resolve(self, handle_or_did: str) -> Identity:
        """The account behind a handle (without @) or a DID, checked in both directions.

        Raises InputError if the DID behind a handle does not name that handle. The handle of a DID is
        `handle.invalid` if its own does not lead back, or cannot be checked now. Raises InvalidSyntax, UnknownHandle,
        InputError, IdentityUnavailable.
        """
        if handle_or_did.startswith("did:"):
            return self._by_did(Did(handle_or_did))
        handle = Handle(handle_or_did)
        did = self.resolve_handle(handle)
        document = self._document(did)
        if handle not in document.handles:
            # The cached document may be older than a change of handle.
            self._cache.drop(did)
            document = self._document(did)
        if handle not in document.handles:
            raise _mismatch(handle, did, document)
        return Identity(did, handle, document.pds_url)

    def resolve_for_sign_in(self, handle_or_did: str) -> Identity:
        """The same, before sending a password: DNS, which is not authenticated, must not contradict https, which is.

        Raises HandleDisputed if it does. If one of them does not respond, that is no contradiction.
        """
        if not handle_or_did.startswith("did:"):
            handle = Handle(handle_or_did)
            named = {} if handle.endswith(RESERVED_ENDINGS) else self._named_by(handle)
            if len(set(named.values())) > 1:
                raise HandleDisputed(
                    f"The web server of {handle} names {named['https']}, and its DNS names {named['DNS']}.",
                    hint=Hint(
                        "Do not sign in until they agree. Fix the wrong one, or name the server: ",
                        Do("argument", "pds"),
                    ),
                )
        return self.resolve(handle_or_did)

    def _named_by(self, handle: Handle) -> dict[str, Did]:
        named: dict[str, Did] = {}
        for who, step in (("https", self._by_web), ("DNS", self._by_dns)):
            with suppress(TemporaryError, UnknownHandle):
                if did := step(handle):
                    named[who] = did
        return named

    def resolve_handle(self, handle: str) -> Did:
        """The DID that a handle names, without reading its document. Raises UnknownHandle or IdentityUnavailable."""
        name = Handle(handle)
        outcome = self._cache.get(name)
        if outcome is None:
            try:
                outcome = self._ask_for_handle(name)
            except (UnknownHandle, IdentityUnavailable) as error:
                outcome = error
            self._cache.put(name, outcome, UNKNOWN_SECONDS if isinstance(outcome, SkywriteError) else KNOWN_SECONDS)
        if isinstance(outcome, UnknownHandle | IdentityUnavailable):
            raise type(outcome)(outcome.message, hint=outcome.hint)
        return Did(outcome)

    def pds_url(self, did: str) -> str:
        """The server in a DID's document. Raises InputError, IdentityUnavailable."""
        return self._document(Did(did)).pds_url

    def document(self, did: str) -> dict[str, Any]:
        """The current DID document of an account, not from the cache. Raises InputError."""
        return self._fetch_document(Did(did))

    def forget(self, handle_or_did: str) -> None:
        """Drop a result from the cache, because the account has moved or its handle has changed."""
        self._cache.drop(handle_or_did.lower())
        self._cache.drop(handle_or_did)

    def _by_did(self, did: Did) -> Identity:
        document = self._document(did)
        handle = Handle(INVALID_HANDLE)
        for candidate in document.handles[:1]:
            try:
                if self.resolve_handle(candidate) == did:
                    handle = candidate
            except (UnknownHandle, IdentityUnavailable):
                pass
        return Identity(did, handle, document.pds_url)

    # Handle to DID

    def _ask_for_handle(self, handle: Handle) -> Did:
        if handle == INVALID_HANDLE:
            raise UnknownHandle(
                f"{handle} is a placeholder for a handle that does not work.", hint="Use the account's DID."
            )
        steps: list[Callable[[Handle], Did | None]] = [self._by_dns, self._by_web, self._by_service]
        if self._service_first and self._service:
            steps = [self._by_service, self._by_dns, self._by_web]
        if handle.endswith(RESERVED_ENDINGS) and self._service:
            steps = [self._by_service]
        silent: list[str] = []
        for step in steps:
            try:
                if did := step(handle):
                    return did
            except TemporaryError as error:
                silent.append(error.message)
        if silent:
            raise IdentityUnavailable(
                f"Could not find out who {handle} is: {' '.join(silent)}", hint="Try again later."
            )
        raise _unknown(handle)

    def _by_dns(self, handle: Handle) -> Did | None:
        prefix = "did="
        texts = self._dns(f"_atproto.{handle}")
        named = {text.removeprefix(prefix).strip() for text in texts if text.startswith(prefix)}
        if len(named) > 1:
            raise UnknownHandle(
                f"The DNS of {handle} names {len(named)} different DIDs, so none of them counts.",
                hint=f"Keep one TXT record at _atproto.{handle}.",
            )
        return _did_or_none(named.pop()) if named else None

    def _by_web(self, handle: Handle) -> Did | None:
        url = f"https://{handle}/.well-known/atproto-did" if public_name(handle) else None
        deadline = self._clock.monotonic() + WEB_SECONDS
        for _ in range(MAX_REDIRECTS + 1):
            if url is None:
                return None
            left_seconds = deadline - self._clock.monotonic()
            if left_seconds <= 0:
                raise IdentityUnavailable(f"{handle} redirected for too long.")
            answer = get_answer(self._web, url, left_seconds, MAX_HANDLE_BYTES, accept="text/plain")
            if answer.status not in _REDIRECTS:
                break
            url = redirected(url, answer)
        raise_if_temporary(answer, handle)
        if answer.status != 200 or answer.truncated:
            return None
        return _did_or_none(answer.body.decode("utf-8", "replace").strip().split("\n")[0].strip())

    def _by_service(self, handle: Handle) -> Did | None:
        if not self._service:
            return None
        url = f"{self._service}/xrpc/com.atproto.identity.resolveHandle?handle={handle}"
        answer = get_answer(self._http, url, SERVICE_SECONDS, MAX_HANDLE_BYTES, accept="application/json")
        raise_if_temporary(answer, self._service)
        if answer.status == 200:
            return _did_or_none(object_of(answer, self._service).get("did"))
        if answer.status == 400:
            # The service checks DNS and https too, so its "no" is better than our own missing responses.
            raise _unknown(handle)
        return None

    # DID to document

    def _document(self, did: Did) -> _Document:
        cached = self._cache.get(did)
        if isinstance(cached, _Document):
            return cached
        document = self._read_document(did, self._fetch_document(did))
        self._cache.put(did, document, KNOWN_SECONDS)
        return document

    def _fetch_document(self, did: Did) -> dict[str, Any]:
        transport, url = self._document_place(did)
        answer = get_answer(transport, url, SERVICE_SECONDS, MAX_DOCUMENT_BYTES, accept="application/json")
        raise_if_temporary(answer, url)
        if answer.status == 410:
            raise InputError(f"The account {did} was deleted.", code="did.unknown")
        if answer.status != 200:
            raise InputError(
                f"No account has the DID {did} ({url}: status {answer.status}).",
                code="did.unknown",
                hint="Check the DID.",
            )
        return object_of(answer, url)

    def _document_place(self, did: Did) -> tuple[Transport, str]:
        name = did.split(":", 2)[2]
        if did.method == "plc":
            if len(name) != 24 or not set(name) <= set("abcdefghijklmnopqrstuvwxyz234567"):
                raise InputError(
                    f"{did} is not a did:plc: it needs 24 characters of a-z and 2-7.",
                    code="did.unknown",
                    hint="Check the DID.",
                )
            return self._http, f"{self._plc_url}/{did}"
        if did.method != "web":
            raise InputError(f"{did} is a did:{did.method}; AT Protocol uses did:plc and did:web.", code="did.unknown")
        host, _, port = name.partition("%3A")
        if self._allow_local and host in LOCAL_HOSTS and (port.isdecimal() or "%3A" not in name):
            return self._http, f"http://{host}{':' if port else ''}{port}/.well-known/did.json"
        if not public_name(name):
            raise InputError(
                f"{did} does not name a public host.",
                code="did.unknown",
                hint="A did:web is a domain name, without a port.",
            )
        return self._web, f"https://{name}/.well-known/did.json"

    def _read_document(self, did: Did, raw: dict[str, Any]) -> _Document:
        if raw.get("id") != did:
            raise InputError(f"The document of {did} belongs to {raw.get('id')!r}.", code="did_document.invalid")
        handles = []
        for name in _list(raw, "alsoKnownAs"):
            if isinstance(name, str) and name.startswith("at://"):
                try:
                    handles.append(Handle(name.removeprefix("at://")))
                except InvalidSyntax:
                    continue
        for service in _list(raw, "service"):
            if isinstance(service, dict) and str(service.get("id")) in ("#atproto_pds", f"{did}#atproto_pds"):
                return _Document(tuple(handles), self._pds_url(did, service.get("serviceEndpoint")))
        raise InputError(
            f"The document of {did} names no personal data server.",
            code="did_document.invalid",
            hint="The account may be deactivated.",
        )

    def _pds_url(self, did: Did, endpoint: object) -> str:
        try:
            parts = urlsplit(endpoint if isinstance(endpoint, str) else "")
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if host and not parts.username and not parts.query and not parts.fragment and parts.path in ("", "/"):
            address = f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")
            if parts.scheme == "https" and public_name(host):
                return self._checked(did, address)
            if parts.scheme in ("http", "https") and self._allow_local and local_name(host):
                return address
        raise InputError(
            f"The document of {did} names a data server that cannot be used: {endpoint!r}.",
            code="did_document.invalid",
            hint="It must be https on a public name" + (", or local." if self._allow_local else "."),
        )

    def _checked(self, did: Did, address: str) -> str:
        """An untrusted server must not be inside our own network. If it is down right now, it may still be fine."""
        if self._check is not None:
            try:
                with suppress(TemporaryError):
                    self._check(address)
            except InputError as error:
                raise InputError(
                    f"The document of {did} names a data server that is refused: {error.message}",
                    code="did_document.invalid",
                    hint=error.hint,
                ) from None
        return address


def _list(raw: dict[str, Any], name: str) -> list[Any]:
    value = raw.get(name)
    return value if isinstance(value, list) else []


def _did_or_none(text: object) -> Did | None:
    try:
        return Did(text) if isinstance(text, str) else None
    except InvalidSyntax:
        return None


def _unknown(handle: Handle) -> UnknownHandle:
    return UnknownHandle(
        f"No account has the handle {handle}.",
        hint="Check the spelling and write the full handle, such as alice.bsky.social.",
    )


def _mismatch(handle: Handle, did: Did, document: _Document) -> InputError:
    named = document.handles[0] if document.handles else "no handle"
    return InputError(
        f"{handle} points to {did}, whose own document names {named}.",
        code="identity.mismatch",
        hint=f"Use {named if document.handles else did}, or set the handle of the account again.",
    )
