"""What looking up an account needs from others: DNS, answers of web servers, and remembering them for a while.

What does not live here: what the answers say about an account (`identity`).
"""

import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

from skywrite.core.clock import Clock
from skywrite.core.errors import TemporaryError
from skywrite.core.http import Response, Transport, json_object
from skywrite.protocol.atproto.syntax import RESERVED_ENDINGS, Handle, InvalidSyntax

DNS_SECONDS = 2.0
LOCAL_HOSTS = ("localhost", "127.0.0.1")
MAX_CACHED = 1000


class IdentityUnavailable(TemporaryError):
    """Nothing that could resolve the handle or DID responded in time."""

    code = "identity.unavailable"


class Cache:
    """Results with their expiry; the oldest goes when there are too many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[float, object]] = {}

    def get(self, name: str) -> Any:
        with self._lock:
            end, value = self._entries.get(name, (0.0, None))
            return value if self._clock.monotonic() < end else None

    def put(self, name: str, value: object, seconds: float) -> None:
        with self._lock:
            self._entries.pop(name, None)
            if len(self._entries) >= MAX_CACHED:
                del self._entries[next(iter(self._entries))]
            self._entries[name] = (self._clock.monotonic() + seconds, value)

    def drop(self, name: str) -> None:
        with self._lock:
            self._entries.pop(name, None)


def dns_txt(name: str) -> Sequence[str]:
    """The TXT values of a name from the system's name servers. Raises IdentityUnavailable if none responds."""
    from dns import exception, resolver

    try:
        answer = resolver.resolve(name, "TXT", lifetime=DNS_SECONDS, search=False)
    except (resolver.NXDOMAIN, resolver.NoAnswer):
        return []
    except (exception.DNSException, OSError) as error:
        raise IdentityUnavailable(f"No name server responded for {name} ({type(error).__name__}).") from None
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


def get_answer(transport: Transport, url: str, timeout_seconds: float, max_bytes: int, *, accept: str) -> Response:
    """Send one GET. A lost response leaves nothing in doubt here, so no NoAnswer leaves this module."""
    try:
        return transport.request(
            "GET", url, headers={"accept": accept}, timeout_seconds=timeout_seconds, max_bytes=max_bytes
        )
    except TemporaryError as error:
        raise IdentityUnavailable(error.message, hint=error.hint) from None


def raise_if_temporary(answer: Response, who: str) -> None:
    if answer.status == 429 or answer.status >= 500:
        raise IdentityUnavailable(f"{who} responded with {answer.status}.", hint="Try again later.")


def object_of(answer: Response, who: str) -> dict[str, Any]:
    value = None if answer.truncated else json_object(answer.body)
    if value is None:
        raise IdentityUnavailable(f"{who} responded with something that is not a JSON object.", hint="Try again later.")
    return value


def public_name(host: str | None) -> bool:
    """Whether a host is a public domain name. IP addresses never are: the last label must begin with a letter."""
    try:
        return bool(host) and not Handle(host or "").endswith(RESERVED_ENDINGS)
    except InvalidSyntax:
        return False


def local_name(host: str) -> bool:
    return host in LOCAL_HOSTS or host.endswith(RESERVED_ENDINGS)


def redirected(url: str, answer: Response) -> str | None:
    """The target of a redirect, if it is https on a public name."""
    try:
        target = urljoin(url, answer.headers.get("location", ""))
        parts = urlsplit(target)
        fit = parts.scheme == "https" and parts.port in (None, 443) and not parts.username
        return target if fit and public_name(parts.hostname) else None
    except ValueError:
        return None
