"""Errors for HTTP clients: problem details (RFC 9457) with our error names and hints.

What lives here: the JSON of an error. What does not: its status, which belongs to its class, and raising anything.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from skywrite.errors import SkywriteError
from skywrite.server.hints import for_http

log = logging.getLogger("skywrite.server")

MEDIA_TYPE = "application/problem+json"
TYPE_START = "urn:skywrite:error:"


class HttpProblem(SkywriteError):
    """An error of the HTTP request itself."""

    def __init__(self, message: str, *, hint: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message, hint=hint)
        self.headers = dict(headers or {})


class MalformedBody(HttpProblem):
    """The body cannot be read."""

    http_status = 400


class NoSuchPage(HttpProblem):
    """There is nothing at this address."""

    http_status = 404


class MethodNotAllowed(HttpProblem):
    """The address does not support this method."""

    http_status = 405


class BodyTooLarge(HttpProblem):
    """The body is too large."""

    http_status = 413


class RequestTimeout(HttpProblem):
    """The client took too long to send its request."""

    http_status = 408


class WrongMediaType(HttpProblem):
    """The body has an unsupported type."""

    http_status = 415


class TooBusy(HttpProblem):
    """The caller has so many requests under way that another one would hold up others."""

    http_status = 503


class TooManyRequests(HttpProblem):
    """The caller sends too many requests."""

    http_status = 429


def problem(error: SkywriteError) -> Response:
    """The response for an error."""
    code = error.http_status
    body = {
        "type": TYPE_START + error.name,
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
        log.warning("%s %s: %s: %s", request.method, request.url.path, error.name, error.message)
    return problem(error)


def on_surprise(request: Request, error: Exception) -> Response:
    """The response for an unexpected error, without internal details."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    what = f"Something went wrong inside Skywrite ({type(error).__name__})."
    body: dict[str, Any] = {
        "type": TYPE_START + "Unexpected",
        "title": "Unexpected",
        "status": 500,
        "detail": what,
        "error": "Unexpected",
        "message": what,
        "hint": "Please report it; the log of the server says more.",
    }
    return JSONResponse(body, 500, media_type=MEDIA_TYPE)


def on_missing(request: Request, error: Exception) -> Response:
    """The response if there is no such page."""
    return problem(NoSuchPage("There is nothing at this address.", hint="See /api/openapi.json for what there is."))


def on_wrong_method(request: Request, error: Exception) -> Response:
    """The response if a page does not support the method."""
    headers = dict(getattr(error, "headers", None) or {})
    return problem(MethodNotAllowed(f"{request.method} is not allowed here.", headers=headers))


def _words(name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return words[:1] + words[1:].lower()
