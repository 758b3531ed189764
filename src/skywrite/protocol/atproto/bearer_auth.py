"""Requests with the session of a password: a bearer token on each, and one refresh for many threads and processes.

What lives here: the authenticator that `session.Agent` uses by default. What does not: signing in (`sign_in`), the
store that processes share (`session_store`), OAuth (`oauth_auth`).

Source: com.atproto.server.refreshSession
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from skywrite.core.clock import SYSTEM_CLOCK, Clock
from skywrite.core.errors import CutOff, NoAnswer, NotSent, SignInError, SkywriteError, TemporaryError, TimedOut
from skywrite.core.http import Transport
from skywrite.protocol.atproto.session_data import Session
from skywrite.protocol.atproto.session_store import MemorySessionStore, SessionStore
from skywrite.protocol.atproto.xrpc import REFRESH_SECONDS, Xrpc
from skywrite.protocol.atproto.xrpc_errors import (
    SIGN_IN_HINT,
    AccountUnavailable,
    MethodNotSupported,
    NotSignedIn,
    Refused,
    ServerFailure,
    TokenRefused,
    with_answer,
)

REFRESH_LEASE_SECONDS = 60
REFRESH_WAIT_SECONDS_MAX = 75
REFRESH_POLL_SECONDS = 0.2
REFRESH_TRIES = 3
REFRESH_PAUSE_SECONDS = 30
RECOVERY_TRIES = 2
_Result = TypeVar("_Result")


class BearerAuth:
    """Sends the access token of a password session with each request. Safe to share between threads.

    The session is refreshed shortly before its access token expires, and once more if the server says it has expired.
    One thread of one process refreshes it (`SessionStore.try_lease`); the others use what it saved.
    """

    def __init__(
        self,
        transport: Transport,
        session: Session,
        *,
        store: SessionStore | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._transport = transport
        self._session = session
        self._store: SessionStore = MemorySessionStore(clock) if store is None else store
        self._clock = clock
        self._refreshing = threading.Lock()
        self._no_refresh_before = clock.monotonic()
        self._renewed: Session | None = None

    @property
    def session(self) -> Session:
        """The session as it is now."""
        return self._session

    def server_now(self) -> datetime:
        """The time by the account's server, from when it says that it issued the token."""
        return self._session.server_now(self._clock.now())

    def get_ready(self) -> None:
        """Refresh a session that is about to expire, as every call does."""
        self._current()

    def refresh(self) -> Session:
        """Refresh now, unless another thread or process has just done it."""
        with self._refreshing:
            return self._refresh_shared(self._session.access_jwt, must=True)

    def end(self) -> None:
        """End the session at the server. One that is already over is not an error."""
        xrpc = Xrpc(self._transport, self._session.pds_url, clock=self._clock)
        try:
            xrpc.procedure("com.atproto.server.deleteSession", headers=_bearer(self._session.refresh_jwt))
        except NotSignedIn:
            return

    def call(self, call: Callable[[Xrpc, Mapping[str, str]], _Result]) -> _Result:
        """Make a call as the account; once more with new tokens if these have expired."""
        session = self._current()
        try:
            return self._call(session, call)
        except AccountUnavailable:
            raise
        except NotSignedIn as error:
            if _is_about_rights(error):
                raise _not_allowed(session, error) from None
        try:
            return self._called_again(session, call)
        except NotSent as error:
            # The call itself was sent, before the session was refreshed.
            raise NoAnswer(error.message, hint=error.hint) from None

    def _called_again(self, session: Session, call: Callable[[Xrpc, Mapping[str, str]], _Result]) -> _Result:
        """Call with a refreshed session, also if the 401 gave no reason, as one from a gateway does not."""
        for _ in range(RECOVERY_TRIES):
            with self._refreshing:
                session = self._refresh_shared(session.access_jwt, must=True)
            try:
                return self._call(session, call)
            except AccountUnavailable:
                raise
            except NotSignedIn:
                # A session that another process saved may have expired since. Our own is as good as it gets.
                if session is self._renewed:
                    raise
        raise TokenRefused(f"The session of {session.handle} has expired.", code="token.expired", hint=SIGN_IN_HINT)

    def _call(self, session: Session, call: Callable[[Xrpc, Mapping[str, str]], _Result]) -> _Result:
        xrpc = Xrpc(self._transport, session.pds_url, clock=self._clock)
        return call(xrpc, _bearer(session.access_jwt))

    def _current(self) -> Session:
        """The session to use, refreshed if it is about to expire and nothing prevents that."""
        session = self._session
        now = self._clock.now()
        if not session.is_due(now):
            return session
        must = session.is_over(now)
        if not must and self._clock.monotonic() < self._no_refresh_before:
            return session
        if not self._refreshing.acquire(blocking=must):
            return session
        try:
            return self._refresh_shared(session.access_jwt, must=must)
        except TemporaryError:
            if must:
                raise
            self._no_refresh_before = self._clock.monotonic() + REFRESH_PAUSE_SECONDS
            return session
        finally:
            self._refreshing.release()

    def _refresh_shared(self, stale: str, *, must: bool) -> Session:
        """Refresh under the store's lease, or use what its holder saves. `stale` is the token to replace."""
        if self._session.access_jwt != stale:
            return self._session
        deadline = self._clock.monotonic() + (REFRESH_WAIT_SECONDS_MAX if must else 0)
        while not self._store.try_lease(self._session.did, REFRESH_LEASE_SECONDS):
            if self._take_saved(stale):
                return self._session
            if self._clock.monotonic() >= deadline:
                raise TemporaryError(
                    f"Another process is still refreshing the session of {self._session.handle}.",
                    code="session.refresh_busy",
                    hint="Try again in a minute.",
                )
            self._clock.wait(threading.Event(), REFRESH_POLL_SECONDS * (0.5 + self._clock.random()))
        try:
            if not self._take_saved(stale):
                self._refresh_leased()
            return self._session
        finally:
            self._store.release(self._session.did)

    def _take_saved(self, stale: str) -> bool:
        """Use the saved session if it is newer than ours; True if it can also be used for a call."""
        saved = self._store.load(self._session.did)
        if saved is None or saved.access_jwt == stale or saved.is_older_than(self._session):
            return False
        self._session = saved
        return not saved.is_due(self._clock.now())

    def _refresh_leased(self) -> None:
        session = self._session
        try:
            answer = self._ask_refresh(session)
        except (NotSignedIn, Refused) as error:
            # Somebody may have signed in again during our request.
            if self._take_saved(session.access_jwt):
                return
            raise _refresh_error(error, session) from None
        renewed = session.renewed(answer, now=self._clock.now())
        try:
            self._store.save(renewed)
        except SignInError:
            # If somebody signed in again during our request, use that sign-in.
            saved = self._store.load(self._session.did)
            if saved is None:
                raise
            self._session = saved
        else:
            self._session = self._renewed = renewed

    def _ask_refresh(self, session: Session) -> dict[str, Any]:
        """Refresh, again if a response gets lost: for 2 hours, a refresh token gives the same next one."""
        xrpc = Xrpc(self._transport, session.pds_url, clock=self._clock)
        for tries_left in range(REFRESH_TRIES - 1, -1, -1):
            try:
                return xrpc.procedure(
                    "com.atproto.server.refreshSession",
                    headers=_bearer(session.refresh_jwt),
                    timeout_seconds=REFRESH_SECONDS,
                )
            except (TimedOut, CutOff):
                raise
            except (NoAnswer, ServerFailure):
                if not tries_left:
                    raise
            except NotSignedIn as error:
                # A server that ends a session names the error; a bare 401 may come from a gateway.
                if not tries_left or isinstance(error, TokenRefused | AccountUnavailable):
                    raise
            self._clock.wait(threading.Event(), 0.5 + self._clock.random())
        raise AssertionError("unreachable")


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _is_about_rights(error: NotSignedIn) -> bool:
    return isinstance(error, TokenRefused) and "bad token scope" in error.message.lower()


def _not_allowed(session: Session, error: NotSignedIn) -> NotSignedIn:
    hint = "App passwords cannot do this. Sign in with the main password, or do it in the Bluesky app."
    return with_answer(
        NotSignedIn(
            f"{session.handle} is not allowed to do this: {error.message}", code="session.not_allowed", hint=hint
        ),
        error,
    )


def _refresh_error(error: NotSignedIn | Refused, session: Session) -> SkywriteError:
    if isinstance(error, MethodNotSupported):
        return error
    if isinstance(error, AccountUnavailable):
        return with_answer(AccountUnavailable(f"{session.handle}: {error.message}", hint=error.hint), error)
    message = f"The session of {session.handle} has ended: it expired, or its app password was revoked."
    return with_answer(NotSignedIn(message, code="session.expired", hint=SIGN_IN_HINT), error)
