"""XRPC: calls queries and procedures by their NSID, over any transport.

What lives here: addresses, parameters, bodies, responses, and the few retries that are always safe. What does not:
who is calling (see `session`), what a refusal means (see `xrpc_errors`), retries of writes (see `repo`).

Source: https://atproto.com/specs/xrpc
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlsplit

from skywrite.core.clock import SYSTEM_CLOCK, Clock
from skywrite.core.errors import CutOff, InputError, NoAnswer, NotSent, RejectedError, Stopping, TimedOut
from skywrite.core.http import MAX_ANSWER_BYTES, Response, Transport, json_object
from skywrite.protocol.atproto.syntax import RESERVED_ENDINGS
from skywrite.protocol.atproto.xrpc_errors import NOT_A_PDS, ServerFailure, error_from, not_xrpc

# How long the requests of an attempt to publish may take, without uploads, whose time depends on their size. A record
# is small, so a server that has not responded by then hangs. Doubt costs little: reading back settles it. The longest
# attempt without an upload is a refresh, a write, another refresh, the write again and two reads. It must end well
# within a lease (`publish.worker.LEASE_SECONDS`); tests/unit/test_patience.py adds it up.
WRITE_SECONDS = 10.0
LOOK_SECONDS = 5.0
REFRESH_SECONDS = 10.0
QUERY_TRIES = 3
PROCEDURE_TRIES = 2
RETRY_STATUSES = frozenset({502, 503, 504})
RETRY_FIRST_SECONDS = 0.3

Param = str | int | bool | Sequence[str | int | bool] | None
Pieces = Callable[[], Iterator[bytes]]
Body = Mapping[str, Any] | bytes | Pieces | None
_Answer = TypeVar("_Answer")


class Caller(Protocol):
    """What can call XRPC methods: `Xrpc` without a session, `session.Agent` with one."""

    def query(
        self, nsid: str, params: Mapping[str, Param] | None = None, *, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Call a query (GET) and return its JSON object."""
        ...

    def procedure(
        self,
        nsid: str,
        body: Body = None,
        *,
        params: Mapping[str, Param] | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> dict[str, Any]:
        """Call a procedure (POST) and return its JSON object, or {} if it has no output."""
        ...


class Xrpc:
    """One server's XRPC methods. Safe to share between threads.

    Queries are retried twice if the response is missing or is 502, 503 or 504, but not after a time-out. Procedures are
    retried once, and only if the request was never sent. Raises the errors of `skywrite.core.errors` and `xrpc_errors`.
    """

    def __init__(self, transport: Transport, base_url: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._transport = transport
        self._clock = clock
        self.base_url = _checked_base(base_url)
        self.host = urlsplit(self.base_url).netloc

    def __repr__(self) -> str:
        return f"Xrpc({self.base_url!r})"

    def query(
        self,
        nsid: str,
        params: Mapping[str, Param] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> dict[str, Any]:
        """Call a query (GET) and return its JSON object."""
        all_headers = {"accept": "application/json", **(headers or {})}
        return self._query(nsid, params, all_headers, self._object, timeout_seconds=timeout_seconds)

    def query_bytes(
        self,
        nsid: str,
        params: Mapping[str, Param] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> bytes:
        """Call a query that returns raw bytes (getBlob, getRepo). Raises RejectedError for more than `max_bytes`."""
        response = self._query(nsid, params, {"accept": "*/*", **(headers or {})}, _itself, max_bytes)
        if response.truncated:
            raise RejectedError(f"The response of {self.host} to {nsid} has more than {max_bytes} bytes.")
        return response.body

    def procedure(
        self,
        nsid: str,
        body: Body = None,
        *,
        params: Mapping[str, Param] | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
        hide: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Call a procedure (POST) and return its JSON object, or {} if it has no output.

        `body` is an object (sent as JSON), bytes, or a function that returns a new stream of bytes for each try.
        `hide` lists secrets in the body that must not appear in an error.
        """
        sent, content_type = _encoded(nsid, body, content_type)
        url = self._url(nsid, params)
        all_headers = {"accept": "application/json", **(headers or {})}
        if content_type:
            all_headers["content-type"] = content_type
        for tries_left in range(PROCEDURE_TRIES - 1, -1, -1):
            try:
                response = self._transport.request(
                    "POST",
                    url,
                    headers=all_headers,
                    body=sent() if callable(sent) else sent,
                    timeout_seconds=timeout_seconds,
                )
                break
            except NotSent as error:
                if not tries_left or isinstance(error, Stopping):
                    raise
                self._pause(0)
        self._raise_for(nsid, response, all_headers, hide)
        return self._object(response)

    def _query(
        self,
        nsid: str,
        params: Mapping[str, Param] | None,
        headers: Mapping[str, str],
        read: Callable[[Response], _Answer],
        max_bytes: int = MAX_ANSWER_BYTES,
        timeout_seconds: float | None = None,
    ) -> _Answer:
        url = self._url(nsid, params)
        for tried in range(QUERY_TRIES):
            try:
                response = self._transport.request(
                    "GET", url, headers=headers, max_bytes=max_bytes, timeout_seconds=timeout_seconds
                )
                self._raise_for(nsid, response, headers)
                return read(response)
            except (NotSent, NoAnswer, ServerFailure) as error:
                if tried == QUERY_TRIES - 1 or not _may_pass(error):
                    raise
            self._pause(tried)
        raise AssertionError("unreachable")

    def _pause(self, tried: int) -> None:
        seconds = RETRY_FIRST_SECONDS * 3**tried * (0.5 + self._clock.random())
        self._clock.wait(threading.Event(), seconds)

    def _url(self, nsid: str, params: Mapping[str, Param] | None) -> str:
        address = f"{self.base_url}/xrpc/{nsid}"
        try:
            query = "&".join(_pairs(params or {}))
        except UnicodeEncodeError:
            raise _unsendable(nsid) from None
        return f"{address}?{query}" if query else address

    def _raise_for(self, nsid: str, response: Response, headers: Mapping[str, str], hide: Sequence[str] = ()) -> None:
        if 200 <= response.status < 300:
            return
        token = headers.get("authorization", "").rpartition(" ")[2]
        raise error_from(nsid, self.host, response, now=self._clock.now(), hide=(*hide, token))

    def _object(self, response: Response) -> dict[str, Any]:
        if not response.body and not response.truncated:
            return {}
        answer = json_object(response.body)
        if answer is None:
            raise not_xrpc(self.host, response)
        return answer


def _may_pass(error: NotSent | NoAnswer | ServerFailure) -> bool:
    if isinstance(error, ServerFailure):
        return error.status in RETRY_STATUSES
    return error.code != NOT_A_PDS and not isinstance(error, TimedOut | Stopping | CutOff)


def _itself(response: Response) -> Response:
    return response


def _unsendable(nsid: str) -> InputError:
    hint = "Look for lone surrogates, infinite numbers and objects that are not JSON."
    return InputError(f"The data for {nsid} cannot be written as JSON in UTF-8.", hint=hint)


def _encoded(nsid: str, body: Body, content_type: str | None) -> tuple[bytes | Pieces | None, str | None]:
    if isinstance(body, Mapping):
        try:
            encoded = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        except (ValueError, TypeError, RecursionError):
            # The original message may quote a part of the body, which may be a secret.
            raise _unsendable(nsid) from None
        return encoded, "application/json" if content_type is None else content_type
    if body is None:
        return None, content_type
    return body, "application/octet-stream" if content_type is None else content_type


def _pairs(params: Mapping[str, Param]) -> Iterator[str]:
    for name, value in params.items():
        if value is None:
            continue
        for item in value if isinstance(value, Sequence) and not isinstance(value, str) else (value,):
            text = str(item).lower() if isinstance(item, bool) else str(item)
            yield f"{quote(name, safe='')}={quote(text, safe='')}"


def _checked_base(base_url: str) -> str:
    base = base_url.strip().rstrip("/")
    if "@" in base:
        raise InputError(
            "The address of a server cannot contain a name or password.", hint="Leave out everything before '@'."
        )
    if not base.startswith(("https://", "http://")) or not urlsplit(base).hostname:
        hint = "Write the whole address, for example https://bsky.social."
        raise InputError(f"{base_url!r} is not the address of a server.", hint=hint)
    if base.startswith("http://") and _is_remote(urlsplit(base).hostname or ""):
        raise InputError(
            f"{base} is not encrypted: passwords and posts would go over the network in the clear.",
            hint=f"Write https://{base.removeprefix('http://')}. Only local servers work without encryption.",
        )
    return base


def _is_remote(host: str) -> bool:
    """Whether a host is reached over the internet: a public address, or a name with a dot that is not reserved."""
    from ipaddress import ip_address

    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host.rstrip(".") and not host.endswith(RESERVED_ENDINGS)
