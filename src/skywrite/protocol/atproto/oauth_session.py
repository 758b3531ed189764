"""An OAuth session as data: account, server, client, rights, and the phase of a refresh.

What lives here: pure values, their text form, and when a session ends. What does not: any request (see `oauth`), the
steps of a refresh (see `oauth_refresh`), keys (see `dpop`; here they are text).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from skywrite.core.errors import InputError

KIND = "oauth"
RENEW_SECONDS = 600
UNUSABLE_SECONDS = 30
LIFETIME_SECONDS_MAX = 30 * 86_400
PUBLIC_DAYS = 14
CONFIDENTIAL_DAYS = 730
CONFIDENTIAL_IDLE_DAYS = 91

Phase = Literal["ready", "refreshing", "over"]


class OAuthSession(NamedTuple):
    """One sign-in of one account by OAuth.

    `key_id` names the client's own key, None for a public client; `dpop_key` is the session's key. `expires_at` is when
    the access token expires, by our own clock. `phase` is "refreshing" from before the request is sent until its
    response is stored; `seen` then says since when, by the clock of each host that noticed. "over" is final.
    """

    did: str
    handle: str
    pds_url: str
    issuer: str
    token_endpoint: str
    revocation_endpoint: str
    client_id: str
    key_id: str | None
    dpop_key: str
    access_token: str
    refresh_token: str
    expires_at: datetime
    lifetime_seconds: int
    asked: str
    scope: str
    created_at: datetime
    refreshed_at: datetime
    phase: Phase = "ready"
    seen: Mapping[str, datetime] = {}

    def __repr__(self) -> str:
        return f"OAuthSession(did={self.did!r}, handle={self.handle!r}, pds_url={self.pds_url!r}, phase={self.phase!r})"

    @property
    def uses_main_password(self) -> bool:
        """Never: the user typed the password into the server's own page."""
        return False

    @property
    def is_confidential(self) -> bool:
        """Whether the client proves itself with a key of its own."""
        return self.key_id is not None

    @property
    def ends_at(self) -> datetime:
        """When the session ends in any case. Servers do not say, so these are the terms of the reference server."""
        return self.created_at + timedelta(days=CONFIDENTIAL_DAYS if self.is_confidential else PUBLIC_DAYS)

    @property
    def idle_ends_at(self) -> datetime:
        """When it ends if it is not refreshed before. A public client's session ends first in any case."""
        if not self.is_confidential:
            return self.ends_at
        return min(self.ends_at, self.refreshed_at + timedelta(days=CONFIDENTIAL_IDLE_DAYS))

    def is_due(self, now: datetime) -> bool:
        """Whether the access token expires within ten minutes (or within the last quarter of a short lifetime)."""
        margin = min(RENEW_SECONDS, self.lifetime_seconds / 4)
        return self.expires_at - now <= timedelta(seconds=margin)

    def is_usable(self, now: datetime) -> bool:
        """Whether the access token may still be used. Not in its last seconds: a server may end the session then."""
        margin = min(UNUSABLE_SECONDS, self.lifetime_seconds / 10)
        return self.phase != "over" and self.expires_at - now > timedelta(seconds=margin)

    def refreshing(self, host: str, now: datetime) -> OAuthSession:
        """The session just before its refresh is sent."""
        return self._replace(phase="refreshing", seen={host: now})

    def noticed(self, host: str, now: datetime) -> OAuthSession:
        """A refresh without a response, as noticed by a host. Its clock may differ from the one that started it."""
        return self._replace(seen={**self.seen, host: now})

    def ready(self) -> OAuthSession:
        """The session after a refresh that was certainly not carried out."""
        return self._replace(phase="ready", seen={})

    def renewed(self, answer: Mapping[str, Any], now: datetime) -> OAuthSession:
        """The session after a refresh. What the response leaves out stays as it was: nothing here may fail."""
        seconds = lifetime_in(answer, self.lifetime_seconds)
        refresh, scope = answer.get("refresh_token"), answer.get("scope")
        return self._replace(
            access_token=str(answer.get("access_token") or self.access_token),
            refresh_token=refresh if isinstance(refresh, str) and refresh else self.refresh_token,
            expires_at=now + timedelta(seconds=seconds),
            lifetime_seconds=seconds,
            scope=scope if isinstance(scope, str) and scope else self.scope,
            refreshed_at=now,
            phase="ready",
            seen={},
        )

    def may_replace(self, stored: OAuthSession, before: OAuthSession) -> bool:
        """Whether this session, which was made from `before`, may replace `stored`.

        New tokens replace the ones that they were made from, whatever their phase is by now: only the new ones work.
        Everything else replaces exactly what it was made from.
        """
        if stored.refresh_token != before.refresh_token:
            return False
        if self.refresh_token != before.refresh_token:
            return True
        return (stored.phase, dict(stored.seen)) == (before.phase, dict(before.seen))

    def export_string(self) -> str:
        """Not available: refreshing a copy would end the session for both."""
        raise InputError(
            f"The session of {self.handle} uses OAuth and cannot be copied: only one copy could refresh it.",
            code="session.invalid",
            hint="Sign in there as well, or use an app password.",
        )

    def to_json(self) -> str:
        """Everything, tokens and key included: for a store that encrypts it."""
        fields: dict[str, Any] = {"kind": KIND, **self._asdict()}
        for name in ("expires_at", "created_at", "refreshed_at"):
            fields[name] = fields[name].isoformat()
        fields["seen"] = {host: time.isoformat() for host, time in self.seen.items()}
        return json.dumps(fields)

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> OAuthSession:
        """Read what `to_json` wrote. Raises InputError for anything else."""
        try:
            values = {name: fields[name] for name in cls._fields}
            for name in ("expires_at", "created_at", "refreshed_at"):
                values[name] = datetime.fromisoformat(values[name])
            values["seen"] = {host: datetime.fromisoformat(time) for host, time in values["seen"].items()}
            return cls(**values)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(
                "The stored session cannot be read.", code="session.invalid", hint="Sign in again."
            ) from None


def lifetime_in(answer: Mapping[str, Any], default: int) -> int:
    """The lifetime in seconds of the access token in a response."""
    seconds = answer.get("expires_in")
    return min(seconds, LIFETIME_SECONDS_MAX) if isinstance(seconds, int) and seconds > 0 else default
