"""Fetching from untrusted addresses: every hop checked, everything limited.

What lives here: following redirects, one deadline over all hops, the limit on decompressed bytes, and what a
response's status means. What does not: which addresses may be opened (`guard`), what is inside a response.

No cookies, no referer, no credentials, no proxy (it would resolve names again). The client limits the response's head
(100 fields, about 400 KB), chunk extensions and trailers. A redirect from https to http is refused: what we request
over TLS must never come from a connection that somebody on the way could change.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import BinaryIO

from skywrite.core.clock import SYSTEM_CLOCK, Clock
from skywrite.core.ending import Ending
from skywrite.core.errors import CutOff, NoAnswer, NotSent, RejectedError, Stopping, TemporaryError
from skywrite.core.http import Http, RequestOptions, Response, Transport
from skywrite.protocol.fetch.guard import REDIRECT_REFUSED, AddressRefused, Guard, Target

MAX_BYTES = 10_000_000
TIMEOUT_SECONDS = 20.0
REDIRECTS_MAX = 10
POST_ANSWER_BYTES_MAX = 64_000
CLIENTS_MAX = 32

_REDIRECTS = (301, 302, 303, 307, 308)
_PERMANENT_REDIRECTS = (301, 308)
_TEMPORARY_STATUSES = (408, 425, 429)
_HEADERS_FOR_EVERYONE = ("accept", "accept-language", "if-none-match", "if-modified-since")

Connect = Callable[[Target, str], Transport]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A response. `url` is the last hop's; `headers` have lower-case names; `truncated`: the body was cut at the limit.

    `moved_to` is the address to use from now on: where the permanent redirects (301, 308) at the start lead. None
    without any.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool = False
    moved_to: str | None = None


class FetchFailed(TemporaryError):
    """The address gave no usable response for now. `answer` is the server's response, if there was one."""

    code = "fetch.failed"

    # The fault is that of the address which the caller named, not of this server.
    http_status = 422
    answer: Fetched | None = None


class FetchRejected(RejectedError):
    """The server refused permanently (404, 410, endless redirects). `answer` is its response."""

    code = "fetch.rejected"

    answer: Fetched | None = None


class Fetcher:
    """Opens untrusted addresses. Safe to share between threads.

    `allow` is the same as for Guard, from the configuration's `fetch_allow`. `connect` makes the client that connects
    to one checked address; tests bring their own. Requests end when `ending` comes.
    """

    def __init__(
        self,
        allow: Iterable[str] = (),
        *,
        guard: Guard | None = None,
        clock: Clock = SYSTEM_CLOCK,
        connect: Connect | None = None,
        ending: Ending | None = None,
    ) -> None:
        self.clock = clock
        self._ending = ending
        self._guard = guard or Guard(allow)
        self.connect = connect or self._pinned
        self._clients: OrderedDict[tuple[str, str, int], Http] = OrderedDict()
        self._lock = threading.Lock()

    def fetch(
        self,
        url: str,
        *,
        max_bytes: int = MAX_BYTES,
        timeout_seconds: float = TIMEOUT_SECONDS,
        accept: str = "*/*",
        headers: Mapping[str, str] | None = None,
        into: BinaryIO | None = None,
    ) -> Fetched:
        """GET an address: at most `max_bytes` of its body after decompression, all hops within `timeout_seconds`.

        `into`: a file that gets the body, for one that is too large for memory.

        Returns success (2xx), and 304 if `headers` has a condition (If-None-Match, If-Modified-Since). Raises
        AddressRefused for an address or a redirect that the guard refuses, FetchFailed for what may work later (no
        response, 408, 425, 429, 5xx), and FetchRejected for the rest. Both have the server's `answer`, if there is one.
        """
        sent = {"accept": accept} | {name.lower(): value for name, value in (headers or {}).items()}
        fetched = self._follow(url, sent, max_bytes, timeout_seconds, into)
        conditional = "if-none-match" in sent or "if-modified-since" in sent
        if 200 <= fetched.status < 300 or (fetched.status == 304 and conditional):
            return fetched
        raise _refusal(fetched)

    def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        max_bytes: int = POST_ANSWER_BYTES_MAX,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Response:
        """POST to an address, once, without following redirects. Returns the response, whatever its status.

        Raises AddressRefused, and FetchFailed if there is no response.
        """
        deadline = self.clock.monotonic() + timeout_seconds
        target = self._check(url, None, deadline)
        return self._ask(target, headers, max_bytes, deadline, body=body)

    def check(self, url: str) -> Target:
        """Check an address that somebody else will connect to. Raises AddressRefused, or NotSent if none is found."""
        return self._guard.check(url)

    def close(self) -> None:
        """Drop the clients, and with them their connections."""
        with self._lock:
            self._clients.clear()

    def _follow(
        self, url: str, headers: dict[str, str], max_bytes: int, timeout_seconds: float, into: BinaryIO | None
    ) -> Fetched:
        deadline = self.clock.monotonic() + timeout_seconds
        target = self._check(url, None, deadline)
        moved_to: str | None = None
        permanent = True
        for _ in range(REDIRECTS_MAX + 1):
            answer = self._ask(target, headers, max_bytes, deadline, into=into)
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or location is None:
                return Fetched(target.url, answer.status, answer.headers, answer.body, answer.truncated, moved_to)
            next_target = self._check(location, target, deadline)
            permanent = permanent and answer.status in _PERMANENT_REDIRECTS
            if permanent:
                moved_to = next_target.url
            if _origin(next_target) != _origin(target):
                headers = {name: value for name, value in headers.items() if name in _HEADERS_FOR_EVERYONE}
            target = next_target
        raise FetchRejected(f"{url} redirects more than {REDIRECTS_MAX} times.")

    def _check(self, url: str, previous: Target | None, deadline: float) -> Target:
        try:
            base = previous.url if previous else None
            target = self._guard.check(url, base=base, timeout_seconds=self._left(deadline, previous))
        except NotSent as error:
            raise FetchFailed(error.message, hint=error.hint) from None
        except AddressRefused as error:
            if previous is None:
                raise
            raise AddressRefused(
                f"{previous.host} redirects to an address that is refused: {error.message}", code=REDIRECT_REFUSED
            ) from None
        if previous and previous.scheme == "https" and target.scheme != "https":
            raise AddressRefused(
                f"{previous.host} redirects from https to http, which is refused.", code=REDIRECT_REFUSED
            )
        return target

    def _ask(
        self,
        target: Target,
        headers: Mapping[str, str],
        max_bytes: int,
        deadline: float,
        *,
        body: bytes | None = None,
        into: BinaryIO | None = None,
    ) -> Response:
        last: NotSent | None = None
        for address in target.addresses:
            options: RequestOptions = {
                # A server may close an idle connection just as we use it again, which looks like a fault.
                "headers": {**headers, "connection": "close"},
                "body": body,
                "timeout_seconds": self._left(deadline, target),
                "max_bytes": max_bytes,
            }
            try:
                client, method = self.connect(target, address), "GET" if body is None else "POST"
                if into is None:
                    return client.request(method, target.url, **options)
                return _into(into, client, target.url, options)
            except (Stopping, CutOff):
                raise
            except NotSent as error:
                last = error
            except NoAnswer as error:
                raise FetchFailed(error.message, hint=error.hint) from None
        message, hint = (last.message, last.hint) if last else (f"{target.host} has no address.", "")
        raise FetchFailed(message, hint=hint)

    def _left(self, deadline: float, target: Target | None) -> float:
        seconds = deadline - self.clock.monotonic()
        if seconds <= 0:
            host = target.host if target else "The address"
            raise FetchFailed(f"{host} took too long to respond.", hint="The server may be overloaded; try again.")
        return seconds

    def _pinned(self, target: Target, address: str) -> Http:
        """A client that connects to exactly this address for this host. Cached: a new one reads all certificates."""
        key = (target.host, address, target.port)
        with self._lock:
            client = self._clients.pop(key, None) or Http(resolve=key, ending=self._ending)
            self._clients[key] = client
            if len(self._clients) > CLIENTS_MAX:
                self._clients.popitem(last=False)
        return client


def _into(file: BinaryIO, client: Transport, url: str, options: RequestOptions) -> Response:
    """The response, its body in the file in place of what an earlier hop or address sent."""
    file.seek(0)
    file.truncate()
    if isinstance(client, Http):
        return client.request("GET", url, **options, into=file)
    answer = client.request("GET", url, **options)
    file.write(answer.body)
    return answer._replace(body=b"")


def _origin(target: Target) -> tuple[str, str, int]:
    return target.scheme, target.host, target.port


def _refusal(fetched: Fetched) -> FetchFailed | FetchRejected:
    status = fetched.status
    try:
        status_text = f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        status_text = str(status)
    error: FetchFailed | FetchRejected
    if status >= 500 or status in _TEMPORARY_STATUSES:
        error = FetchFailed(f"{fetched.url} responded with {status_text}.", hint="Try again later.")
    elif status in _REDIRECTS:
        error = FetchRejected(f"{fetched.url} redirects to an address that cannot be read.")
    else:
        error = FetchRejected(f"{fetched.url} responded with {status_text}.", hint="Check the address in a browser.")
    error.status = status
    error.answer = fetched
    return error
