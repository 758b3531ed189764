"""Errors for HTTP clients: problem details (RFC 9457) with our error names and hints.

What lives here: the JSON of an error. What does not: its status, which belongs to its class, and raising anything.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from skywrite.core.errors import NotFound, SkywriteError, Unexpected
from skywrite.faces.server.hints import for_http

log = logging.getLogger("skywrite.server")

MEDIA_TYPE = "application/problem+json"
TYPE_START = "urn:skywrite:error:"
_Error = TypeVar("_Error", bound=SkywriteError)


class HttpProblem(SkywriteError):
    """An error of the HTTP request itself."""

    def __init__(
        self, message: str, *, code: str = "", hint: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.headers = dict(headers or {})


class MethodNotAllowed(HttpProblem):
    """The address does not support this method."""

    code = "request.method_not_allowed"

    http_status = 405


class BodyTooLarge(HttpProblem):
    """The body is too large."""

    code = "body.too_large"

    http_status = 413


class RequestTimeout(HttpProblem):
    """The client took too long to send its request."""

    code = "request.timed_out"

    http_status = 408


class WrongMediaType(HttpProblem):
    """The body has an unsupported type."""

    code = "body.wrong_type"

    http_status = 415


class TooManyRequests(HttpProblem):
    """The caller sends too many requests."""

    code = "request.too_many"

    http_status = 429


def with_headers(error: _Error, headers: Mapping[str, str]) -> _Error:
    """The error, whose response has these headers."""
    vars(error)["headers"] = dict(headers)
    return error


def problem(error: SkywriteError) -> Response:
    """The response for an error."""
    code = error.http_status
    body = {
        "type": TYPE_START + error.code,
        "title": _words(error.name),
        "status": code,
        "detail": error.message,
        **error.as_dict(),
        "hint": for_http(error.hint),
    }
    headers = dict(getattr(error, "headers", {}))
    if (seconds := getattr(error, "retry_seconds", None)) is not None:
        headers["retry-after"] = str(seconds)
    if code == 401:
        headers.setdefault("www-authenticate", 'Bearer realm="skywrite"')
    return JSONResponse(body, code, headers, MEDIA_TYPE)


def on_error(request: Request, error: Exception) -> Response:
    """The response for an error that a handler raised."""
    assert isinstance(error, SkywriteError)
    # What is wrong with a request is its caller's affair, however often it comes.
    if error.http_status >= 500 and not isinstance(error, HttpProblem):
        log.warning("%s %s: %s: %s", request.method, request.url.path, error.code, error.message)
    return problem(error)


def on_surprise(request: Request, error: Exception) -> Response:
    """The response for an unexpected error, without internal details."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    what = f"Something went wrong inside Skywrite ({type(error).__name__})."
    body: dict[str, Any] = {
        "type": TYPE_START + Unexpected.code,
        "title": "Unexpected",
        "status": 500,
        "detail": what,
        "error": "Unexpected",
        "code": Unexpected.code,
        "message": what,
        "hint": "Please report it; the log of the server says more.",
    }
    return JSONResponse(body, 500, media_type=MEDIA_TYPE)


def on_missing(request: Request, error: Exception) -> Response:
    """The response if there is no such page."""
    return problem(
        NotFound(
            "There is nothing at this address.", code="page.unknown", hint="See /api/openapi.json for what there is."
        )
    )


def on_wrong_method(request: Request, error: Exception) -> Response:
    """The response if a page does not support the method."""
    headers = dict(getattr(error, "headers", None) or {})
    return problem(MethodNotAllowed(f"{request.method} is not allowed here.", headers=headers))


def _words(name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return words[:1] + words[1:].lower()
