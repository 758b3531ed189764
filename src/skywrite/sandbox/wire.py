"""What goes in and out of the sandbox, without sockets: requests, responses, and the ways a connection can end.

What lives here: the data types and errors of XRPC (https://atproto.com/specs/xrpc). What does not: HTTP's bytes
(`server`), what methods do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from skywrite.core.http import Response

JSON_TYPE = "application/json; charset=utf-8"
_NAMES = {
    400: ("InvalidRequest", "Invalid Request"),
    401: ("AuthenticationRequired", "Authentication Required"),
    403: ("Forbidden", "Forbidden"),
    404: ("XRPCNotSupported", "XRPC Not Supported"),
    413: ("PayloadTooLarge", "Payload Too Large"),
    415: ("UnsupportedMediaType", "Unsupported Media Type"),
    429: ("RateLimitExceeded", "Rate Limit Exceeded"),
    500: ("InternalServerError", "Internal Server Error"),
    501: ("MethodNotImplemented", "Method Not Implemented"),
    502: ("UpstreamFailure", "Upstream Failure"),
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `path` without the query, `query` in order, `headers` with lower-case names, `body` None if the
    request announced none."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    remote: str = "127.0.0.1"


class XrpcFailure(Exception):
    """An error response: status, name and message of the error (by default those of the status)."""

    def __init__(
        self,
        status: int,
        message: str | None = None,
        error: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        usual_error, usual_message = _NAMES[status]
        self.status = status
        self.error = usual_error if error is None else error
        self.message = usual_message if status == 500 or message is None else message
        self.headers = dict(headers or {})
        super().__init__(f"{status} {self.error}: {self.message}")

    def answer(self) -> Response:
        """The response with this error."""
        return json_answer({"error": self.error, "message": self.message}, self.status, self.headers)


class NoConnection(Exception):
    """The connection was refused: nothing arrived."""


class ConnectionDropped(Exception):
    """The connection ended before the whole response was sent; `partial` is what was sent."""

    def __init__(self, partial: bytes = b"") -> None:
        super().__init__("the connection was dropped")
        self.partial = partial


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A response with a JSON body."""
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(status, {"content-type": JSON_TYPE, **(headers or {})}, data)


def text_answer(body: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> Response:
    """A response with a text body."""
    return Response(status, {"content-type": content_type}, body.encode())


def empty_answer() -> Response:
    """A response with status 200 and an empty body."""
    return Response(200, {}, b"")
