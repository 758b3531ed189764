"""The refresh of an OAuth session, as a small state machine: one request for each refresh token, unless more are safe.

A refresh token works once. A server that sees it a second time ends the session, even for the process that holds the
newest tokens. So we commit our intention before we send anything. A process that finds it without a response is in
doubt. After 90 seconds, when the original request can no longer be under way, the old access token may show that
nothing was carried out, and trying again is safe. Otherwise a process that was only suspended gets five minutes to
store the response.

    ready ──commit──> refreshing ──response──> ready (new tokens, stored before they are looked at)
                          │ certainly not carried out ──> ready
                          │ no response, 5xx, or its process died: doubt, for 90 s or 5 min ──> refreshing again
                          └ invalid_grant, and nobody has stored newer tokens ──> over

What lives here: the order of the steps. What does not: the requests (`oauth_auth`), the store (`queue.accounts`).
The reasons are in docs/adr/0017-oauth-refresh.md.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

from skywrite.core.clock import Clock
from skywrite.core.errors import SIGN_IN, Do, Hint, NoAnswer, SignInError, SkywriteError, TemporaryError
from skywrite.protocol.atproto.oauth_session import OAuthSession
from skywrite.protocol.atproto.xrpc_errors import NotSignedIn, ServerFailure

LEASE_SECONDS = 60
LEASE_WAIT_SECONDS = 75
POLL_SECONDS = 0.2
SEND_WITHIN_SECONDS = 10
DOUBT_SECONDS = 90
HOPE_SECONDS = 300
FUTURE_SECONDS = 5


class InvalidGrant(NotSignedIn):
    """The server does not accept the refresh token."""

    code = "oauth.grant_invalid"


class OAuthStore(Protocol):
    """Where sessions are kept, shared by all threads, processes and hosts that use an account."""

    def load_oauth(self, did: str) -> OAuthSession | None:
        """The account's session; None if it has none, or one of another kind."""
        ...

    def replace(self, before: OAuthSession, session: OAuthSession) -> bool:
        """Store `session` if `session.may_replace(stored, before)`. It is durable when this returns True."""
        ...

    def try_lease(self, did: str, seconds: float) -> bool:
        """Take the right to refresh for `seconds`; False while another process has it."""
        ...

    def release(self, did: str) -> None:
        """Give that right back early."""
        ...


class TokenServer(Protocol):
    """The requests of a refresh."""

    def check(self, session: OAuthSession) -> None:
        """Raise an error if something prevents a refresh, before anything is committed."""
        ...

    def refresh(self, session: OAuthSession, latest: float) -> Mapping[str, Any]:
        """Request new tokens, once, and not after `latest` (monotonic).

        Raises NotSent (also if it is too late), NoAnswer or ServerFailure in doubt, and InvalidGrant. Any other error
        means that the server refused before it looked at the token.
        """
        ...

    def accepts(self, session: OAuthSession) -> bool | None:
        """Whether the server still accepts the access token, so no refresh was carried out; None if unknown."""
        ...


class Refresher:
    """Refreshes the session of one account. Safe to share between threads."""

    def __init__(self, store: OAuthStore, server: TokenServer, clock: Clock, host: str) -> None:
        self._store = store
        self._server = server
        self._clock = clock
        self._host = host
        self._turn = threading.Lock()
        # New tokens that the store could not save: the only ones that work.
        self._unstored: tuple[OAuthSession, OAuthSession] | None = None

    def renew(self, did: str, stale: str, *, wait: bool) -> OAuthSession:
        """A session whose access token is not `stale`: one that another process has stored, or a refreshed one.

        With `wait`, wait for a refresh that is under way. Raises NotSignedIn, SignInError, TemporaryError, and what
        sending raises.
        """
        if not self._turn.acquire(blocking=wait):
            raise _busy(did)
        try:
            if self._unstored is not None:
                return self._stored(*self._unstored)
            return self._renew_in_turn(did, stale, self._clock.monotonic() + (LEASE_WAIT_SECONDS if wait else 0))
        finally:
            self._turn.release()

    def _renew_in_turn(self, did: str, stale: str, deadline: float) -> OAuthSession:
        while not self._store.try_lease(did, LEASE_SECONDS):
            session = self._load(did)
            if session.access_token != stale:
                return session
            if self._clock.monotonic() >= deadline:
                raise _busy(session.handle)
            self._clock.wait(threading.Event(), POLL_SECONDS * (0.5 + self._clock.random()))
        try:
            session = self._load(did)
            return session if session.access_token != stale else self._refreshed(session)
        finally:
            self._store.release(did)

    def _load(self, did: str) -> OAuthSession:
        session = self._store.load_oauth(did)
        if session is None:
            raise SignInError(f"The account {did} was signed out.", code="session.signed_out", hint=SIGN_IN)
        if session.phase == "over":
            raise _over(session)
        return session

    def _refreshed(self, session: OAuthSession) -> OAuthSession:
        """One refresh, under the lease."""
        if session.phase == "refreshing":
            self._wait_out(session)
        self._server.check(session)
        started = session.refreshing(self._host, self._clock.now())
        latest = self._clock.monotonic() + SEND_WITHIN_SECONDS
        if not self._store.replace(session, started):
            return self._newer(session)
        try:
            answer = self._server.refresh(started, latest)
        except (NoAnswer, ServerFailure) as error:
            raise self._in_doubt(started, error) from error
        except InvalidGrant as error:
            return self._refused(started, error)
        except SkywriteError:
            if self._store.replace(started, started.ready()):
                raise
            return self._newer(started)
        return self._kept(started, answer)

    def _wait_out(self, session: OAuthSession) -> None:
        """Return when another refresh is as safe as it gets; raise TemporaryError before that."""
        now = self._clock.now()
        since = session.seen.get(self._host)
        if since is None or since - now > timedelta(seconds=FUTURE_SECONDS):
            self._store.replace(session, session.noticed(self._host, now))
            raise self._in_doubt(session)
        waited = now - since
        if waited < timedelta(seconds=DOUBT_SECONDS):
            raise self._in_doubt(session)
        untouched = session.is_usable(now) and self._server.accepts(session) is True
        if not untouched and waited < timedelta(seconds=HOPE_SECONDS):
            # This might be the second use. A process that was only suspended may still store the response.
            raise self._in_doubt(session)

    def _in_doubt(self, session: OAuthSession, error: SkywriteError | None = None) -> TemporaryError:
        reason = f": {error.message}" if error else "."
        return TemporaryError(
            f"The response to the refresh of the session of {session.handle} is missing{reason}",
            code="session.refresh_in_doubt",
            hint="Skywrite tries again as soon as that is safe, within five minutes.",
        )

    def _kept(self, started: OAuthSession, answer: Mapping[str, Any]) -> OAuthSession:
        renewed = self._stored(started, started.renewed(answer, self._clock.now()))
        if answer.get("sub", renewed.did) != renewed.did:
            over = renewed._replace(phase="over")
            self._store.replace(renewed, over)
            raise _over(over, "its server responded with another account")
        return renewed

    def _stored(self, started: OAuthSession, renewed: OAuthSession) -> OAuthSession:
        """Store new tokens. If the store fails, keep them here, and store them before anything else happens."""
        self._unstored = (started, renewed)
        taken = self._store.replace(started, renewed)
        self._unstored = None
        return renewed if taken else self._newer(started)

    def _refused(self, started: OAuthSession, error: InvalidGrant) -> OAuthSession:
        """The refresh token does not work: there is a newer stored one, or the session has ended."""
        stored = self._load(started.did)
        if stored.refresh_token != started.refresh_token:
            return stored
        self._store.replace(started, started._replace(phase="over", seen={}))
        raise _over(started, error.message) from error

    def _newer(self, session: OAuthSession) -> OAuthSession:
        """The stored session, if it is newer than this one."""
        stored = self._load(session.did)
        if stored.refresh_token == session.refresh_token:
            raise self._in_doubt(stored)
        return stored


def sign_in_hint(handle: str) -> Hint:
    """What to do about a session that has ended, or lacks a right."""
    return Hint("Sign in again: ", Do("oauth.login", handle))


def _busy(who: str) -> TemporaryError:
    return TemporaryError(
        f"Another process is refreshing the session of {who}.",
        code="session.refresh_in_doubt",
        hint="Try again in a minute.",
    )


def _over(session: OAuthSession, reason: str = "") -> NotSignedIn:
    detail = f": {reason.rstrip('.')}" if reason else ""
    return NotSignedIn(
        f"The session of {session.handle} has ended{detail}.", code="session.over", hint=sign_in_hint(session.handle)
    )
