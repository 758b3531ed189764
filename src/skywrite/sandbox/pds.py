"""The state of a sandbox, and what each method receives in a call.

What lives here: the server's settings, its accounts and sessions, and who may call what. What does not: the methods
(`server_methods`, `repo_methods`, `appview`, `notifications`), faults and transports (`core`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from skywrite.core.clock import Clock, to_iso
from skywrite.core.http import Response
from skywrite.protocol.atproto.tid import TidClock
from skywrite.sandbox import sessions, tokens
from skywrite.sandbox.accounts import Account, Accounts
from skywrite.sandbox.limits import RateLimits
from skywrite.sandbox.sessions import Sessions
from skywrite.sandbox.wire import Request, XrpcFailure

Auth: TypeAlias = Literal["none", "optional", "access", "live", "full", "upload", "refresh", "end"]
DEFAULT_BLOB_LIMIT = 5 * 1024 * 1024


class Pds:
    """One server: its settings (which may change at any time), its accounts, its sessions."""

    def __init__(self, clock: Clock, secret: str, *, blob_limit: int, rate_limits: bool) -> None:
        self.clock = clock
        self.secret = secret
        self.did = "did:web:localhost"
        self.url = "http://localhost:2583"
        self.blob_limit = blob_limit
        self.blob_lifetime: timedelta | None = None
        self.domains = [".test"]
        self._tids = TidClock(_Following(self))
        self.accounts = Accounts(secret, self.now_iso, self.next_tid)
        self.sessions = Sessions(secret, self.did, self.now)
        self.limits = RateLimits(self.now, enabled=rate_limits)

    def now(self) -> datetime:
        return self.clock.now()

    def now_iso(self) -> str:
        return to_iso(self.clock.now())

    def next_tid(self) -> str:
        return self._tids.next()

    def account_of(self, name: str) -> Account:
        """The account of a repository, if it is open for writing."""
        account = self.accounts.find(name)
        if account is None:
            raise XrpcFailure(403, "Account not found", "AccountNotFound")
        _refuse_closed(account)
        return account


class _Following:
    """The sandbox's current clock, even after it was replaced."""

    def __init__(self, pds: Pds) -> None:
        self._pds = pds

    def now(self) -> datetime:
        return self._pds.clock.now()

    def monotonic(self) -> float:
        return self._pds.clock.monotonic()

    def wait(self, event: Any, timeout_seconds: float) -> bool:
        return self._pds.clock.wait(event, timeout_seconds)

    def wait_aside(self, event: Any, timeout_seconds: float) -> bool:
        return self._pds.clock.wait_aside(event, timeout_seconds)

    def random(self) -> float:
        return self._pds.clock.random()


@dataclass(slots=True)
class Call:
    """One call of a method: checked parameters and body, and the caller (`did`, the token's claims)."""

    request: Request
    params: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    encoding: str = ""
    did: str = ""
    claims: dict[str, Any] = field(default_factory=dict)


Charges: TypeAlias = Callable[[Call], list[tuple[str, str, int]]]


@dataclass(frozen=True, slots=True)
class Method:
    """A method: its function, who may call it, what it costs, how large its JSON may be."""

    run: Callable[[Pds, Call], Response]
    auth: Auth = "none"
    charges: Charges | None = None
    json_limit: int = 150 * 1024


def authenticate(pds: Pds, method: Method, call: Call, nsid: str) -> None:
    """Fill in the caller. Raises the reference server's error for a caller who is not allowed.

    "access": any session; "live": one whose account is active; "full": signed in with the main password; "upload": like
    "live", or service auth; "refresh", "end": a refresh token ("end" accepts expired ones); "optional": none needed.
    """
    if method.auth == "none" or (method.auth == "optional" and "authorization" not in call.request.headers):
        return
    token = _bearer(call.request)
    if method.auth == "upload" and _is_service_token(token):
        call.did = _service_caller(pds, token, nsid)
        return
    if method.auth in ("refresh", "end"):
        expired = method.auth == "end"
        claims = pds.sessions.check(token, "refresh+jwt", (sessions.SCOPE_REFRESH,), allow_expired=expired)
        if not claims.get("jti"):
            raise XrpcFailure(401, "Unexpected missing refresh token id", "MissingTokenId")
    else:
        scopes = (sessions.SCOPE_ACCESS,) if method.auth == "full" else sessions.STANDARD_SCOPES
        claims = pds.sessions.check(token, "at+jwt", scopes)
    call.did, call.claims = claims["sub"], claims
    if method.auth in ("live", "full", "upload"):
        account = pds.accounts.find(call.did)
        if account is None:
            raise XrpcFailure(403, "Account not found", "AccountNotFound")
        if account.taken_down:
            _refuse_closed(account)


def _refuse_closed(account: Account) -> None:
    if account.taken_down:
        raise XrpcFailure(401, "Account has been taken down", "AccountTakedown")
    if account.status == "deactivated":
        raise XrpcFailure(401, "Account is deactivated", "AccountDeactivated")


def _bearer(request: Request) -> str:
    header = request.headers.get("authorization", "")
    if not header:
        raise XrpcFailure(401, error="AuthMissing")
    parts = header.split(" ")
    if len(parts) != 2:
        raise XrpcFailure(400, "Malformed authorization header", "InvalidToken")
    kind = parts[0].upper()
    if kind not in ("BEARER", "BASIC", "DPOP"):
        raise XrpcFailure(400, f"Unsupported authorization type: {parts[0]}", "InvalidToken")
    if kind != "BEARER":
        raise XrpcFailure(400, "Unexpected authorization type", "InvalidToken")
    return parts[1]


def _is_service_token(token: str) -> bool:
    try:
        return tokens.split(token)[1].get("lxm") is not None
    except tokens.BadToken:
        return False


def _service_caller(pds: Pds, token: str, nsid: str) -> str:
    try:
        claims = tokens.read_service(token, pds.secret)
    except tokens.BadToken:
        raise XrpcFailure(401, "jwt signature does not match jwt issuer", "BadJwtSignature") from None
    if float(claims.get("exp", 0)) < pds.now().timestamp():
        raise XrpcFailure(401, "jwt expired", "JwtExpired")
    if claims.get("aud") != pds.did:
        raise XrpcFailure(401, "jwt audience does not match service did", "BadJwtAudience")
    if claims.get("lxm") != nsid:
        raise XrpcFailure(401, f'bad jwt lexicon method ("lxm"). must match: {nsid}', "BadJwtLexiconMethod")
    return str(claims["iss"])
