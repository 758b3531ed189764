"""The SDK's `Request`: how a client sends, and what its requests carry besides the tokens.

What lives here: `Request` with its headers and its limit. What does not: sending (`http`), XRPC (`atproto.xrpc`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

from skywrite.core.errors import InputError
from skywrite.core.http import Http, Transport


class Response(NamedTuple):
    """What a server answered; `content` is JSON where it says so, else bytes."""

    success: bool
    status_code: int
    content: Any
    headers: dict[str, str]


class Request:
    """Options for the requests of a client: `Client(request=Request(timeout=60))`.

    `client.request.get(url)` and `post` send to any address, with the additional headers and without tokens.
    """

    def __init__(self, *, timeout: float | None = None, transport: Transport | None = None) -> None:
        if timeout is not None and not (isinstance(timeout, int | float) and timeout > 0):
            raise InputError(f"timeout={timeout!r} is not a number of seconds.", hint="Pass one, such as 60.")
        self._timeout_seconds = timeout
        self.transport = transport or (Http() if timeout is None else Http(timeout_seconds=timeout))
        self.headers: dict[str, str] = {}
        self._sources: list[Callable[[], Mapping[str, str]]] = []

    def get_headers(self, additional_headers: Mapping[str, str] | None = None) -> dict[str, str]:
        """The additional headers of a request."""
        headers = dict(self.headers)
        for source in self._sources:
            headers.update(source())
        return {**headers, **(additional_headers or {})}

    def set_additional_headers(self, headers: Mapping[str, str]) -> None:
        """Send these headers with each request, and no others."""
        self.headers.clear()
        self.headers.update(headers)

    def add_additional_header(self, header_name: str, header_value: str) -> None:
        """Send this header, too, with each request."""
        self.headers[header_name] = header_value

    def add_additional_headers_source(self, callback: Callable[[], Mapping[str, str]]) -> None:
        """Ask a function for headers before each request."""
        self._sources.append(callback)

    def clone(self) -> Self:
        """The same options, with headers of their own."""
        request = type(self)(timeout=self._timeout_seconds, transport=self.transport)
        request.headers.update(self.headers)
        request._sources.extend(self._sources)
        return request

    def close(self) -> None:
        """Close the connections."""
        if isinstance(self.transport, Http):
            self.transport.close()

    def get(
        self, url: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Read an address."""
        query = "" if params is None else urlencode(params, doseq=True)
        return self._send("GET", f"{url}?{query}" if query else url, headers, None)

    def post(
        self, url: str, json: Any = None, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send an object as JSON, or bytes, to an address."""
        if json is None:
            return self._send("POST", url, headers, content)
        return self._send("POST", url, {"content-type": "application/json", **(headers or {})}, _encoded(json))

    def _send(self, method: str, url: str, headers: Mapping[str, str] | None, body: bytes | None) -> Response:
        sent = self.get_headers(headers)
        response = self.transport.request(method, url, headers=sent, body=body, timeout_seconds=self._timeout_seconds)
        if not 200 <= response.status < 300:
            from skywrite.core.clock import SYSTEM_CLOCK
            from skywrite.protocol.atproto.xrpc_errors import error_from

            raise error_from(url, url.partition("://")[2].partition("/")[0], response, now=SYSTEM_CLOCK.now())
        names = {name.lower(): value for name, value in response.headers.items()}
        is_json = "application/json" in names.get("content-type", "").lower()
        return Response(True, response.status, json.loads(response.body) if is_json else response.body, names)


def _encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
