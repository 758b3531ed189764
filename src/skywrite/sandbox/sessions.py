"""Sessions: access and refresh tokens with the reference server's lifetimes.

Access tokens live for 120 minutes. Refresh tokens live for 90 days. A used one works for 2 more hours and always gives
the same next one, so that two clients can refresh at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from skywrite.sandbox import tokens
from skywrite.sandbox.accounts import Account, AppPassword
from skywrite.sandbox.wire import XrpcFailure

ACCESS_LIFETIME = timedelta(minutes=120)
REFRESH_LIFETIME = timedelta(days=90)
REFRESH_GRACE = timedelta(hours=2)

SCOPE_ACCESS = "com.atproto.access"
SCOPE_APP = "com.atproto.appPass"
SCOPE_APP_PRIVILEGED = "com.atproto.appPassPrivileged"
SCOPE_REFRESH = "com.atproto.refresh"
SCOPE_TAKENDOWN = "com.atproto.takendown"
STANDARD_SCOPES = (SCOPE_ACCESS, SCOPE_APP_PRIVILEGED, SCOPE_APP)


@dataclass(slots=True)
class _Refresh:
    did: str
    expires_at: datetime
    app_password: AppPassword | None
    next_id: str | None = None


class Sessions:
    """Creates, checks, rotates and revokes the tokens of one server."""

    def __init__(self, secret: str, audience: str, now: Callable[[], datetime]) -> None:
        self._secret = secret
        self._audience = audience
        self._now = now
        self._refresh: dict[str, _Refresh] = {}
        self._made = 0

    def create(self, account: Account, app_password: AppPassword | None) -> tuple[str, str]:
        """(access, refresh) for a new sign-in."""
        return self._issue(account.did, app_password, self._new_id(account.did), taken_down=account.taken_down)

    def rotate(self, token_id: str) -> tuple[str, str] | None:
        """(access, refresh) in exchange for a refresh token; None if it was revoked or has expired."""
        known = self._refresh.get(token_id)
        if known is None:
            return None
        now = self._now()
        expires_at = min(known.expires_at, now + REFRESH_GRACE)
        if expires_at <= now:
            return None
        known.next_id = known.next_id or self._new_id(known.did)
        known.expires_at = expires_at
        return self._issue(known.did, known.app_password, known.next_id)

    def revoke(self, token_id: str) -> None:
        self._refresh.pop(token_id, None)

    def revoke_all(self, did: str, app_password: str | None = None) -> None:
        """Revoke every refresh token of an account, or those of one app password."""
        for token_id, known in list(self._refresh.items()):
            name = known.app_password.name if known.app_password else None
            if known.did == did and app_password in (None, name):
                del self._refresh[token_id]

    def check(
        self, token: str, token_type: str, scopes: tuple[str, ...], *, allow_expired: bool = False
    ) -> dict[str, Any]:
        """The claims of a bearer token. Raises TokenRefused or TokenRefused as an XRPC failure."""
        try:
            claims = tokens.read(token, token_type, self._secret)
            fits = claims.get("aud") == self._audience and float(claims.get("exp", 0)) > 0
        except (tokens.BadToken, TypeError, ValueError):
            fits = False
        if not fits:
            raise XrpcFailure(400, "Token could not be verified", "InvalidToken")
        if not allow_expired and claims["exp"] <= int(self._now().timestamp()):
            raise XrpcFailure(400, "Token has expired", "ExpiredToken")
        if "lxm" in claims or "cnf" in claims or not str(claims.get("sub", "")).startswith("did:"):
            raise XrpcFailure(400, "Malformed token", "InvalidToken")
        if claims.get("scope") not in scopes:
            raise XrpcFailure(400, "Bad token scope", "InvalidToken")
        return claims

    def _issue(
        self, did: str, app_password: AppPassword | None, token_id: str, *, taken_down: bool = False
    ) -> tuple[str, str]:
        now = self._now()
        common = {"aud": self._audience, "sub": did}
        issued = int(now.timestamp())
        access = {
            "scope": SCOPE_TAKENDOWN if taken_down else _scope(app_password),
            **common,
            "iat": issued,
            "exp": issued + int(ACCESS_LIFETIME.total_seconds()),
        }
        refresh = {
            "scope": SCOPE_REFRESH,
            **common,
            "jti": token_id,
            "iat": issued,
            "exp": issued + int(REFRESH_LIFETIME.total_seconds()),
        }
        if not taken_down:
            self._refresh.setdefault(token_id, _Refresh(did, now + REFRESH_LIFETIME, app_password))
        return tokens.sign("at+jwt", access, self._secret), tokens.sign("refresh+jwt", refresh, self._secret)

    def _new_id(self, did: str) -> str:
        self._made += 1
        return sha256(f"{did} {self._made} {self._secret}".encode()).hexdigest()


def _scope(app_password: AppPassword | None) -> str:
    if app_password is None:
        return SCOPE_ACCESS
    return SCOPE_APP_PRIVILEGED if app_password.privileged else SCOPE_APP
