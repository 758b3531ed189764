"""HTTP: the only module that knows the HTTP library.

What lives here: one client with kept-alive connections, a total deadline, no redirects, bounded bodies, the reading
of addresses as that client reads them, and the difference that everything above depends on: did the request leave
(`NoAnswer`, doubt) or not (`NotSent`)?
What does not: retries, XRPC, untrusted addresses (see `fetch`).
"""

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, BinaryIO, NamedTuple, Protocol, TypedDict

# The library's allocator takes huge pages where the system offers them: ten MiB for the two that a post needs.
os.environ.setdefault("MIMALLOC_ALLOW_THP", "0")

from pyreqwest.client import SyncClient, SyncClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.http import Url

from skywrite.core.ending import Ending
from skywrite.core.errors import CutOff, InputError, NoAnswer, NotSent, Stopping, TimedOut

USER_AGENT = "skywrite/0.1 (+https://pypi.org/project/skywrite)"
MAX_ANSWER_BYTES = 8_000_000
# How often a thread that waits looks up for signals.
LOOK_SECONDS = 0.25
_PIECE_BYTES = 4096
_BAD_CERTIFICATE = "invalid peer certificate"
_CERTIFICATE = {"UnknownIssuer": "its certificate is not from a trusted authority"}


class Response(NamedTuple):
    """An answer: `headers` have lower-case names; `truncated` says that the body was cut at the limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool = False

    def json(self) -> Any:
        """The body as JSON; ValueError where it is none, or is nested too deeply."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deeply") from None


class WebUrl(NamedTuple):
    """An address as the client reads it (WHATWG URL), so that what is checked is what is dialled.

    `text` is the whole address, normalised, ASCII. `host` is lower-case: a name, an IPv4 address in four decimal
    numbers, or an IPv6 address without brackets; empty where the scheme has none. `port` is the scheme's own port
    when none is written.
    """

    text: str
    scheme: str
    host: str
    port: int | None
    has_userinfo: bool


def parse_url(text: str, base: str | None = None) -> WebUrl:
    """Read an absolute address, or one relative to `base`; InputError where it is none."""
    try:
        url = Url(base).join(text) if base is not None else Url(text)
    except ValueError as error:
        raise InputError(
            f"{ascii(text)[:200]} is not a web address: {_why_none(text, error)}.",
            hint="Write it whole, such as https://example.com/blog.",
        ) from None
    host = (url.host_str or "").removeprefix("[").removesuffix("]")
    return WebUrl(str(url), url.scheme, host, url.port_or_known_default, bool(url.username or url.password))


def _why_none(text: str, error: ValueError) -> str:
    """Why a text is no address, in the words of those who type one."""
    if not text.strip():
        return "it is empty"
    if len(text.split()) > 1:
        return "it has a space in it"
    return str(error) if "://" in text else "it does not begin with https://"


def goes_by_proxy(url: str) -> bool:
    """Whether a proxy of the environment or the system connects for us, and so resolves the name itself."""
    from urllib.request import getproxies, proxy_bypass

    target, proxies = parse_url(url), getproxies()
    return (target.scheme in proxies or "all" in proxies) and not proxy_bypass(f"{target.host}:{target.port}")


class RequestOptions(TypedDict, total=False):
    """The options of `Transport.request`, for transports that pass them on."""

    headers: Mapping[str, str] | None
    body: bytes | Iterator[bytes] | None
    timeout_seconds: float | None
    max_bytes: int


def json_object(text: str | bytes) -> dict[str, Any] | None:
    """The JSON object that others have sent; None for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


class Transport(Protocol):
    """What sends a request; tests and the simulation bring their own."""

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        timeout_seconds: float | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> Response:
        """Send one request and read the answer; raises NotSent or NoAnswer."""
        ...


class Http:
    """A client for servers we chose. Safe to share between threads; connections are kept alive.

    `resolve` pins a host name to an address (the fetch guard has checked it); with it no proxy is used. When `ending`
    comes, requests that wait are ended (CutOff), and no more are sent (Stopping).
    """

    def __init__(
        self,
        *,
        timeout_seconds: float = 30.0,
        connect_timeout_seconds: float = 5.0,
        resolve: tuple[str, str, int] | None = None,
        ending: Ending | None = None,
    ) -> None:
        self._ending = ending or Ending()
        self._timeout_seconds = timeout_seconds
        self._connect_timeout_seconds = connect_timeout_seconds
        self._resolve = resolve
        self._client: SyncClient | None = None
        self._opening = threading.Lock()

    def warm_up(self) -> None:
        """Begin to open the client in the background: it takes 10 ms (the roots of TLS), mostly without the GIL."""
        # No daemon: the end of the process waits these milliseconds rather than end a thread inside the library.
        threading.Thread(target=self._open, name="http").start()

    def _open(self) -> SyncClient:
        with self._opening:
            if self._client is None:
                builder = (
                    SyncClientBuilder()
                    .follow_redirects(False)
                    .referer(False)
                    .user_agent(USER_AGENT)
                    .timeout(timedelta(seconds=self._timeout_seconds))
                    .connect_timeout(timedelta(seconds=self._connect_timeout_seconds))
                )
                if self._resolve:
                    builder = builder.no_proxy().resolve(*self._resolve)
                self._client = builder.build()
            return self._client

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        timeout_seconds: float | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
        progress: Callable[[int], None] | None = None,
        into: BinaryIO | None = None,
    ) -> Response:
        """Send one request and read at most `max_bytes` of the answer's body, decompressed; `into` a file that replaces
        the body, for one that is too large for memory.

        Raises InputError for an address that is none, NotSent when no connection was made, NoAnswer when the
        request left and no whole answer came back. `progress` receives the size of each piece of a streamed body.
        """
        if not url.startswith(("http://", "https://")):
            raise InputError(
                f"{url} is not a usable address: it does not begin with https:// or http://.",
                hint="Write it like https://pds.example.com",
            )
        try:
            builder = self._open_unless_stopping(url).request(method, url)
            for name, value in (headers or {}).items():
                builder = builder.header(name, value)
            if timeout_seconds is not None:
                builder = builder.timeout(timedelta(seconds=timeout_seconds))
        except (ValueError, PyreqwestError) as error:
            raise InputError(f"{url} is not a usable address: {error}", hint="Check it.") from None
        if isinstance(body, bytes):
            builder = builder.body_bytes(body)
        elif body is not None:
            builder = builder.body_stream(_reported(body, progress))
        try:
            with self._ending.telling(self.close):
                return self._interruptible(partial(_send, builder, max_bytes, into))
        except PyreqwestError as error:
            translated = _translate(error, url)
            if self._ending.has_come and isinstance(translated, NoAnswer):
                host = url.split("/")[2]
                raise CutOff(f"The program was asked to stop before {host} responded.") from None
            raise translated from None

    def _open_unless_stopping(self, url: str) -> SyncClient:
        if self._ending.has_come:
            raise Stopping(f"Nothing was sent to {url.split('/')[2]}, because the program was asked to stop.")
        return self._open()

    def _interruptible(self, send: Callable[[], Response]) -> Response:
        """Send, and let Ctrl-C end it at once.

        The library does not notice a signal before the server responds or the time is over, so a thread waits there
        instead of the main one, and closing the client ends that wait. Only the main thread receives signals, and it
        looks up now and then: a signal that comes just before a wait without an end is seen only after it.
        """
        if threading.current_thread() is not threading.main_thread():
            return send()
        outcomes: list[Response | BaseException] = []
        thread = threading.Thread(target=lambda: outcomes.append(_outcome(send)), name="http")
        try:
            thread.start()
            while thread.is_alive():
                thread.join(LOOK_SECONDS)
        except BaseException:
            self.close()
            while thread.is_alive():
                thread.join(LOOK_SECONDS)
            raise
        if isinstance(outcomes[0], BaseException):
            raise outcomes[0]
        return outcomes[0]

    def close(self) -> None:
        """Close the kept-alive connections."""
        with self._opening:
            if self._client is not None:
                self._client.close()
                self._client = None


def _outcome(send: Callable[[], Response]) -> Response | BaseException:
    try:
        return send()
    except BaseException as error:
        return error


def _send(builder: Any, max_bytes: int, into: BinaryIO | None) -> Response:
    with builder.streamed_read_buffer_limit(_PIECE_BYTES).build_streamed() as response:
        if into is not None:
            return Response(
                response.status, _readable(response.headers), b"", _save(response.body_reader, max_bytes, into)
            )
        data, truncated = _read(response.body_reader, max_bytes)
        return Response(response.status, _readable(response.headers), data, truncated)


def _readable(headers: Any) -> dict[str, str]:
    """Header fields by lower-case name, the last of a name; the library cannot give out values that are not ASCII."""
    readable: dict[str, str] = {}
    for name in headers:
        with suppress(ValueError):
            readable[name.lower()] = headers.getall(name)[-1]
    return readable


def _reported(pieces: Iterator[bytes], progress: Callable[[int], None] | None) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        if progress:
            progress(len(piece))


def _read(reader: Any, max_bytes: int) -> tuple[bytes, bool]:
    """At most `max_bytes`. One buffer: a server that sends single bytes would make a list of millions of objects."""
    data = bytearray()
    while (piece := reader.read_chunk()) is not None:
        data += piece
        if len(data) > max_bytes:
            del data[max_bytes:]
            return bytes(data), True
    return bytes(data), False


def _save(reader: Any, max_bytes: int, into: BinaryIO) -> bool:
    """Write at most `max_bytes` to a file; whether there was more."""
    size = 0
    while (piece := reader.read_chunk()) is not None:
        into.write(piece[: max_bytes - size])
        size += len(piece)
        if size > max_bytes:
            return True
    return False


def _translate(error: PyreqwestError, url: str) -> NotSent | NoAnswer:
    """The library's class does not say whether the request left; its list of causes does."""
    details = getattr(error, "details", None) or {}
    causes = [cause["message"] for cause in details.get("causes") or []]
    reason = causes[-1] if causes else str(error)
    host = url.split("/")[2] if url.count("/") >= 2 else url
    if any("(Connect)" in cause for cause in causes):
        if _BAD_CERTIFICATE in reason:
            problem = reason.rpartition(_BAD_CERTIFICATE)[2].lstrip(": ")
            return NotSent(
                f"{host} could not prove who it is, so nothing was sent: {_CERTIFICATE.get(problem, problem)}.",
                code="server.untrusted",
                hint="Check the address and this computer's clock, and have the certificate fixed. To trust another "
                "authority, set SSL_CERT_FILE to a file with its certificate.",
            )
        return NotSent(f"Could not connect to {host}: {reason}.", hint="Check the connection and the address.")
    if isinstance(error, TimeoutError):
        return TimedOut(f"{host} did not respond in time.", hint="The server may be overloaded; try again later.")
    return NoAnswer(f"No usable response from {host}: {reason}.", hint="The server may be overloaded; try again.")
