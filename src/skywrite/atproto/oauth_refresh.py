"""The refresh of an OAuth session, as a small machine: at most one request for one refresh token, unless it is safe.

A refresh token works once. A server that sees it a second time ends the session, for the one that holds the newest
tokens as well. So the intention is committed before anything is sent, and whoever finds it without an answer is in
doubt. After 90 seconds, when no late original can be under way, the old access token may show that nothing was carried
out: then asking again is safe. Otherwise a process that was only stopped is given five minutes to store the answer.

    ready ──commit──> refreshing ──answer──> ready (new tokens, stored before they are looked at)
                          │ certainly not carried out ──> ready
                          │ no answer, 5xx, or its process died: doubt, for 90 s or 5 min ──> refreshing again
                          └ invalid_grant, and nobody has stored newer tokens ──> over

What lives here: the order of the steps. What does not: the requests (`oauth_auth`), the store (`queue.accounts`).
The reasons are in docs/adr/0017-oauth-refresh.md.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

from skywrite.atproto.oauth_session import OAuthSession
from skywrite.atproto.session_data import SignedOut
from skywrite.atproto.xrpc_errors import NotSignedIn, ServerFailure
from skywrite.clock import Clock
from skywrite.errors import SIGN_IN, Do, Hint, NoAnswer, SkywriteError, TemporaryError

LEASE_SECONDS = 60
LEASE_WAIT_SECONDS = 75
POLL_SECONDS = 0.2
SEND_WITHIN_SECONDS = 10
DOUBT_SECONDS = 90
HOPE_SECONDS = 300
FUTURE_SECONDS = 5


class SessionOver(NotSignedIn):
    """The session has ended, or was lost; the account needs a new sign-in."""


class RefreshInDoubt(TemporaryError):
    """The answer to a refresh is missing, and it is too early to ask again."""


class InvalidGrant(NotSignedIn):
    """The server does not accept the refresh token."""


class OAuthStore(Protocol):
    """Where sessions are kept, shared by all threads, processes and hosts that use an account."""

    def load_oauth(self, did: str) -> OAuthSession | None:
        """The account's session; None where it has none, or one of another kind."""
        ...

    def replace(self, before: OAuthSession, session: OAuthSession) -> bool:
        """Store `session` where `session.may_replace(stored, before)`; durable when this returns True."""
        ...

    def try_lease(self, did: str, seconds: float) -> bool:
        """Take the right to refresh for so long; False while somebody else has it."""
        ...

    def release(self, did: str) -> None:
        """Give that right back early."""
        ...


class TokenServer(Protocol):
    """The requests of a refresh."""

    def check(self, session: OAuthSession) -> None:
        """Raise what prevents a refresh, before anything is committed."""
        ...

    def refresh(self, session: OAuthSession, latest: float) -> Mapping[str, Any]:
        """Ask for new tokens once, and not after `latest` (monotonic).

        Raises NotSent (also when it is too late), NoAnswer or ServerFailure in doubt, InvalidGrant; any other error
        says that the server refused before it looked at the token.
        """
        ...

    def accepts(self, session: OAuthSession) -> bool | None:
        """Whether the server still takes the access token, so that no refresh was carried out; None if unknown."""
        ...


class Refresher:
    """Refreshes the session of one account. Safe to share between threads."""

    def __init__(self, store: OAuthStore, server: TokenServer, clock: Clock, host: str) -> None:
        self._store = store
        self._server = server
        self._clock = clock
        self._host = host
        self._turn = threading.Lock()
        # What an answer brought and the store could not take: the only tokens that work.
        self._unstored: tuple[OAuthSession, OAuthSession] | None = None

    def renew(self, did: str, stale: str, *, wait: bool) -> OAuthSession:
        """A session whose access token is not `stale`: what somebody else has stored, or a refreshed one.

        `wait`: stay for the one who is at it. Raises SessionOver, SignedOut, RefreshInDoubt and what sending raises.
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
            raise SignedOut(f"The account {did} was signed out.", hint=SIGN_IN)
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
        """Return when asking again is as safe as it gets; raise RefreshInDoubt before that."""
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
            # Asking might be the second use. A process that was only stopped may still store the answer.
            raise self._in_doubt(session)

    def _in_doubt(self, session: OAuthSession, error: SkywriteError | None = None) -> RefreshInDoubt:
        reason = f": {error.message}" if error else "."
        return RefreshInDoubt(
            f"The answer to the refresh of the session of {session.handle} is missing{reason}",
            hint="Skywrite refreshes it again as soon as that is safe, within five minutes.",
        )

    def _kept(self, started: OAuthSession, answer: Mapping[str, Any]) -> OAuthSession:
        renewed = self._stored(started, started.renewed(answer, self._clock.now()))
        if answer.get("sub", renewed.did) != renewed.did:
            over = renewed._replace(phase="over")
            self._store.replace(renewed, over)
            raise _over(over, "its server answered for another account")
        return renewed

    def _stored(self, started: OAuthSession, renewed: OAuthSession) -> OAuthSession:
        """Store new tokens; where the store fails they are kept here, and stored before anything else is done."""
        self._unstored = (started, renewed)
        taken = self._store.replace(started, renewed)
        self._unstored = None
        return renewed if taken else self._newer(started)

    def _refused(self, started: OAuthSession, error: InvalidGrant) -> OAuthSession:
        """The refresh token is of no use: somebody has stored newer ones, or the session is over."""
        stored = self._load(started.did)
        if stored.refresh_token != started.refresh_token:
            return stored
        self._store.replace(started, started._replace(phase="over", seen={}))
        raise _over(started, error.message) from error

    def _newer(self, session: OAuthSession) -> OAuthSession:
        """What is stored in place of a session that was overtaken."""
        stored = self._load(session.did)
        if stored.refresh_token == session.refresh_token:
            raise self._in_doubt(stored)
        return stored


def sign_in_hint(handle: str) -> Hint:
    """What to do about a session that is over, or lacks something."""
    return Hint("Sign in again: ", Do("oauth.login", handle))


def _busy(who: str) -> RefreshInDoubt:
    return RefreshInDoubt(f"Another process is refreshing the session of {who}.", hint="Try again in a minute.")


def _over(session: OAuthSession, reason: str = "") -> SessionOver:
    said = f": {reason.rstrip('.')}" if reason else ""
    return SessionOver(f"The session of {session.handle} is over{said}.", hint=sign_in_hint(session.handle))
