"""Errors for HTTP clients: problem details (RFC 9457) with our error names and hints.

What lives here: the status and the JSON of an error. What does not: raising anything.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from skywrite.errors import InputError, RejectedError, SignInError, SkywriteError, StorageError, TemporaryError
from skywrite.server.hints import for_http

log = logging.getLogger("skywrite.server")

MEDIA_TYPE = "application/problem+json"
TYPE_START = "urn:skywrite:error:"

# By the name of an error class or of one of its bases; the first match counts.
_STATUSES: Mapping[str, int] = {
    "MalformedBody": 400,
    "KeyInAddress": 400,
    "UnknownHost": 400,
    "InvalidCursor": 400,
    "NotSignedIn": 401,
    "InvalidKey": 401,
    "InvalidPasskey": 401,
    "ForeignRequest": 403,
    "RedirectNotAllowed": 400,
    "NotAllowed": 403,
    "OwnPost": 403,
    "ApprovalStale": 409,
    "NoSuchPage": 404,
    "MethodNotAllowed": 405,
    "RequestTimeout": 408,
    "WrongOffset": 409,
    "NotEditable": 409,
    "NotCancellable": 409,
    "WrongState": 409,
    "SlotTaken": 409,
    "AccountInUse": 409,
    "FeedExists": 409,
    "FeedBusy": 409,
    "LastOwner": 409,
    "UploadGone": 410,
    "ChangedMeanwhile": 412,
    "WrongVersion": 412,
    "BodyTooLarge": 413,
    "WrongMediaType": 415,
    "KeyReused": 422,
    "FetchFailed": 422,
    "FetchRejected": 422,
    "TooManyRequests": 429,
    "DiskFull": 507,
}
_BRANCHES: tuple[tuple[type[SkywriteError], int], ...] = (
    (InputError, 422),
    (SignInError, 409),
    (RejectedError, 422),
    (TemporaryError, 503),
    (StorageError, 503),
)


class HttpProblem(SkywriteError):
    """An error of the HTTP request itself."""

    def __init__(self, message: str, *, hint: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message, hint=hint)
        self.headers = dict(headers or {})


class MalformedBody(HttpProblem):
    """The body cannot be read."""


class NoSuchPage(HttpProblem):
    """There is nothing at this address."""


class MethodNotAllowed(HttpProblem):
    """The address does not support this method."""


class BodyTooLarge(HttpProblem):
    """The body is too large."""


class RequestTimeout(HttpProblem):
    """The client took too long to send its request."""


class WrongMediaType(HttpProblem):
    """The body has an unsupported type."""


class TooManyRequests(HttpProblem):
    """The caller sends too many requests."""


def status_of(error: SkywriteError) -> int:
    """The HTTP status of an error."""
    names = [kind.__name__ for kind in type(error).__mro__]
    for name in names:
        if name in _STATUSES:
            return _STATUSES[name]
    if names[0].startswith("Unknown"):
        return 404
    return next((status for branch, status in _BRANCHES if isinstance(error, branch)), 500)


def problem(error: SkywriteError, status: int | None = None) -> Response:
    """The response for an error."""
    code = status_of(error) if status is None else status
    body = {
        "type": TYPE_START + error.name,
        "title": _words(error.name),
        "status": code,
        "detail": error.message,
        "error": error.name,
        "hint": for_http(error.hint),
    }
    headers = dict(getattr(error, "headers", {}))
    if code == 401:
        headers.setdefault("www-authenticate", 'Bearer realm="skywrite"')
    return JSONResponse(body, code, headers, MEDIA_TYPE)


def on_error(request: Request, error: Exception) -> Response:
    """The response for an error that a handler raised."""
    assert isinstance(error, SkywriteError)
    if status_of(error) >= 500:
        log.warning("%s %s: %s: %s", request.method, request.url.path, error.name, error.message)
    return problem(error)


def on_surprise(request: Request, error: Exception) -> Response:
    """The response for an unexpected error, without internal details."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    body: dict[str, Any] = {
        "type": TYPE_START + "Unexpected",
        "title": "Unexpected",
        "status": 500,
        "detail": f"Something went wrong inside Skywrite ({type(error).__name__}).",
        "error": "Unexpected",
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
