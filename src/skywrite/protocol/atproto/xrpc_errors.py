"""What an XRPC server's refusal means: from its status and error name to the branches of `skywrite.core.errors`.

What lives here: the error classes of XRPC, the one function that chooses among them, and `with_answer`. What does not:
sending and repeating (see `xrpc`), what others make of an error (see `repo`, `session`, `sign_in`).

    NotSignedIn (SignInError)         TokenRefused, AccountUnavailable, MissingRight
    ServerFailure (TemporaryError)    any 5xx: a write may have been carried out
    NoAnswer                          a web page or a redirect, not XRPC
    RateLimited                       429, with the end of the limit
    Refused (RejectedError)           RecordNotFound, BlobNotFound, MethodNotSupported; other codes

Source: https://atproto.com/specs/xrpc and the errors of the com.atproto.* lexicons.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from skywrite.core.errors import (
    Do,
    Hint,
    NoAnswer,
    RateLimited,
    RejectedError,
    ServerAnswer,
    SignInError,
    SkywriteError,
    TemporaryError,
)
from skywrite.core.http import Response, json_object

NOT_A_PDS = "server.not_a_pds"
TOO_LARGE = "request.too_large"
REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-amzn-requestid", "cf-ray")
MESSAGE_CHARACTERS_MAX = 500
SECRET_CHARACTERS_MIN = 4
RATE_LIMIT_DEFAULT_SECONDS = 60
# After an hour at most one request finds out whether the limit still holds, whatever a header says.
RATE_LIMIT_SECONDS_MAX = 3600
# Numbers beyond these are not seconds since 1970: there are proxies that send milliseconds, and seconds from now.
_EPOCH_SECONDS = (1_000_000_000, 100_000_000_000)
# `re` compiles a pattern on first use and caches it, so importing this module compiles none.
_JWT = r"\beyJ[\w-]*\.[\w-]+(?:\.[\w-]*)?"
_WRITES = frozenset(f"com.atproto.repo.{name}" for name in ("applyWrites", "createRecord", "putRecord"))
_ABOUT_A_RECORD = r"(?i)\brecord\b|\blexicon\b|\$type|writes|\bblobs?\b|mimetype"
_RECORD_ERRORS = frozenset({"InvalidRecord", "InvalidMimeType", "InvalidSize"})
SIGN_IN_HINT = Hint("Sign in again: ", Do("accounts.login"))


class NotSignedIn(SignInError, ServerAnswer):
    """The server does not accept who we say we are."""

    code = "session.required"


class TokenRefused(NotSignedIn):
    """The server does not accept a token of the session (any more)."""


class AccountUnavailable(NotSignedIn):
    """The account is deactivated, suspended or taken down."""

    code = "account.unavailable"


class MissingRight(NotSignedIn):
    """The session lacks a right that this needs; everything else still works."""

    code = "session.right_missing"


class ServerFailure(TemporaryError):
    """The server failed (5xx), or was busy with another write (ConcurrentWrites).

    A write may have been carried out. A create on a record key that is in use also ends here.
    """

    code = "server.failed"


class Refused(RejectedError):
    """The server refused the request permanently. `answer` is the JSON object that it sent."""

    code = "server.refused"

    answer: Mapping[str, Any]

    def __init__(self, message: str, *, code: str = "", hint: str = "") -> None:
        super().__init__(message, code=code, hint=hint)
        self.answer = {}


class RecordNotFound(Refused):
    """There is no record at that key."""

    code = "record.unknown"


class BlobNotFound(Refused):
    """A record names a blob that the server does not have, or no longer has."""

    code = "blob.unknown"


class MethodNotSupported(Refused):
    """The server does not know the method."""

    code = "server.method_unsupported"


_NAMED: dict[str, tuple[type[Refused], str, str]] = {
    "RecordNotFound": (RecordNotFound, "", ""),
    "BlobNotFound": (BlobNotFound, "", "The server deletes unused blobs within minutes. Upload it again."),
    "InvalidSwap": (Refused, "record.swapped", "Something else has changed it meanwhile. Read it again."),
    "MethodNotImplemented": (MethodNotSupported, "", "Is this the right server for the account?"),
    "XRPCNotSupported": (MethodNotSupported, "", "Is this the right server for the account?"),
    "PayloadTooLarge": (Refused, TOO_LARGE, "Make it smaller."),
}
_UNAVAILABLE = {
    "AccountTakedown": "has been taken down",
    "AccountSuspended": "is suspended",
    "AccountDeactivated": "is deactivated",
    "AccountNotFound": "does not exist any more",
}


def error_from(nsid: str, host: str, response: Response, *, now: datetime, hide: Iterable[str] = ()) -> SkywriteError:
    """The error for an unsuccessful response. `hide` lists secrets that a server might repeat in its message."""
    answer = json_object(response.body) or {}
    server_error = _text(answer.get("error"), hide, 100) or None
    message = _text(answer.get("message"), hide, MESSAGE_CHARACTERS_MAX)
    error = _choose(nsid, host, response, server_error or "", message, bool(answer), now)
    if isinstance(error, Refused):
        error.answer = answer
    if isinstance(error, ServerAnswer):
        error.status = response.status
        error.server_error = server_error
        error.request_id = request_id(response, hide)
    return error


def request_id(response: Response, hide: Iterable[str] = ()) -> str | None:
    """The request id of the server (or of a proxy in front of it); the reference PDS sends none."""
    for name in REQUEST_ID_HEADERS:
        if value := response.headers.get(name):
            return _text(value, hide, 100)
    return None


def scrub(text: str, hide: Iterable[str]) -> str:
    """The text without the given secrets and without anything that looks like a token (JWT)."""
    for secret in hide:
        if len(secret) >= SECRET_CHARACTERS_MIN:
            text = text.replace(secret, "[hidden]")
    return re.sub(_JWT, "[hidden]", text)


def rate_limit_end(headers: Mapping[str, str], now: datetime) -> datetime:
    """When the limit of a 429 ends, by our own clock: from Retry-After or RateLimit-Reset, within an hour.

    RateLimit-Reset counts in seconds since 1970; milliseconds and seconds from now are recognised. The server's times
    are taken relative to its own Date header, so that a wrong clock here does no harm.
    """
    server_now = http_date(headers.get("date", "")) or now
    seconds: float = RATE_LIMIT_DEFAULT_SECONDS
    retry_after, reset = headers.get("retry-after", "").strip(), headers.get("ratelimit-reset", "").strip()
    if retry_after.isascii() and retry_after.isdigit():
        seconds = int(retry_after[:12])
    elif (at := http_date(retry_after)) is not None:
        seconds = (at - server_now).total_seconds()
    elif reset.isascii() and reset.isdigit():
        seconds = _reset_seconds(int(reset[:18]), server_now)
    return now + timedelta(seconds=min(max(seconds, 1), RATE_LIMIT_SECONDS_MAX))


def _reset_seconds(reset: int, server_now: datetime) -> float:
    least, most = _EPOCH_SECONDS
    if reset < least:
        return reset
    return (reset / 1000 if reset >= most else reset) - server_now.timestamp()


def _choose(
    nsid: str, host: str, response: Response, name: str, message: str, is_json: bool, now: datetime
) -> SkywriteError:
    status = response.status
    detail = f"{message or 'no reason given'} ({name or status})"
    if status == 429:
        return RateLimited(f"{host} limits {nsid}: {detail}.", until=rate_limit_end(response.headers, now))
    if name in _UNAVAILABLE:
        hint = "Look at the account in the Bluesky app or ask the operator of its server."
        return AccountUnavailable(f"The account {_UNAVAILABLE[name]}, says {host}.", hint=hint)
    if status in (408, 425) or (status >= 500 and status != 501):
        return ServerFailure(f"{host} failed at {nsid}: {detail}.", hint="Try again in a minute.")
    if name == "ConcurrentWrites":
        # Older servers respond with this 400 if two commits of a repository collide.
        return ServerFailure(f"{host} was busy with another write ({nsid}): {detail}.", hint="Try again in a minute.")
    if status == 413:
        return Refused(f"{host} refused {nsid}: {detail}.", code=TOO_LARGE, hint="Make it smaller.")
    if not is_json or status < 400:
        return _not_a_pds(host, response)
    if name == "ExpiredToken":
        return TokenRefused(f"The session at {host} has expired: {detail}.", code="token.expired", hint=SIGN_IN_HINT)
    if name == "InvalidToken":
        return TokenRefused(
            f"{host} does not accept the session for {nsid}: {detail}.", code="token.invalid", hint=SIGN_IN_HINT
        )
    if status == 401:
        return NotSignedIn(f"{host} requires a sign-in for {nsid}: {detail}.", hint=SIGN_IN_HINT)
    return _refused(nsid, host, status, name, message)


def _refused(nsid: str, host: str, status: int, name: str, message: str) -> Refused:
    text = f"{host} refused {nsid}: {message or 'no reason given'} ({name or status})."
    if nsid in _WRITES and (
        name in _RECORD_ERRORS or (name == "InvalidRequest" and re.search(_ABOUT_A_RECORD, message))
    ):
        return Refused(text, code="record.refused", hint="The record does not match its lexicon. Change it.")
    if name in _NAMED:
        kind, code, hint = _NAMED[name]
        return kind(text, code=code, hint=hint)
    if status in (404, 501):
        return MethodNotSupported(text, hint="Is this the right server for the account?")
    return Refused(text)


def _not_a_pds(host: str, response: Response) -> NoAnswer:
    target = response.headers.get("location")
    if 300 <= response.status < 400 and target:
        hint = "Use that address, or sign in to the network that you are on."
        return NoAnswer(
            f"{host} responded with a redirect to {_text(target, (), 200)}, not with XRPC.", code=NOT_A_PDS, hint=hint
        )
    return not_xrpc(host, response)


def not_xrpc(host: str, response: Response) -> NoAnswer:
    """The error for a response that is not a JSON object, whatever its status."""
    kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
    error: NoAnswer
    if kind == "application/json":
        error = NoAnswer(
            f"{host} sent a response that is cut off or broken (status {response.status}).", hint="Try again."
        )
    else:
        what = "a web page" if "html" in kind else "something else"
        text = f"{host} responded with {what}, not with XRPC (status {response.status})."
        error = NoAnswer(text, code=NOT_A_PDS, hint="Is the address right?")
    error.status = response.status
    error.request_id = request_id(response)
    return error


def _text(value: object, hide: Iterable[str], characters_max: int) -> str:
    """A server's text, made safe for one line of ours."""
    if not isinstance(value, str):
        return ""
    printable = "".join(character if character.isprintable() else " " for character in scrub(value, hide))
    return " ".join(printable.split())[:characters_max].rstrip(" .")


def http_date(value: str) -> datetime | None:
    """Read an HTTP date (RFC 9110, section 5.6.7). `strptime` would expect names in the user's locale."""
    match = re.fullmatch(r"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT", value.strip())
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    if match is None or match[2] not in months:
        return None
    try:
        return datetime(
            int(match[3]),
            months.index(match[2]) + 1,
            int(match[1]),
            int(match[4]),
            int(match[5]),
            int(match[6]),
            tzinfo=UTC,
        )
    except ValueError:
        return None


_Error = TypeVar("_Error", bound=NotSignedIn)


def with_answer(error: _Error, source: ServerAnswer) -> _Error:
    """An error in our words, with the status, name and request id of the response that it explains."""
    error.status, error.server_error, error.request_id = source.status, source.server_error, source.request_id
    return error
