"""Requests with an OAuth session: each signed with DPoP, and the session refreshed in time.

What lives here: the authenticator that `session.Agent` takes in place of a bearer token, and the requests behind
`oauth_refresh`. What does not: the sign-in (`oauth`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar, Unpack

from skywrite.core.clock import Clock
from skywrite.core.errors import (
    Do,
    Hint,
    InputError,
    NoAnswer,
    NotSent,
    RejectedError,
    SignInError,
    SkywriteError,
    TemporaryError,
)
from skywrite.core.http import RequestOptions, Response, Transport
from skywrite.protocol.atproto.dpop import DpopTransport, Origins, SigningKey
from skywrite.protocol.atproto.identity import Resolver
from skywrite.protocol.atproto.oauth import find_server, post_form
from skywrite.protocol.atproto.oauth_client import OAuthClient
from skywrite.protocol.atproto.oauth_refresh import InvalidGrant, OAuthStore, Refresher, sign_in_hint
from skywrite.protocol.atproto.oauth_scopes import right_for, scope_in
from skywrite.protocol.atproto.oauth_session import OAuthSession
from skywrite.protocol.atproto.xrpc import Xrpc
from skywrite.protocol.atproto.xrpc_errors import AccountUnavailable, MissingRight, NotSignedIn, Refused

PAUSE_SECONDS = 30
WHO = "com.atproto.server.getSession"
_TOKEN_ENDED = ("invalid_token", "InvalidToken", "ExpiredToken")
# A bare 401 comes from a gateway; the other two from a clock that is too wrong for one response to correct.
_PROOF_REFUSED = (None, "invalid_dpop_proof", "use_dpop_nonce")
_Result = TypeVar("_Result")


class DpopAuth:
    """The session of one account, for `Agent`. Safe to share between threads."""

    def __init__(
        self,
        session: OAuthSession,
        *,
        transport: Transport,
        store: OAuthStore,
        client: Callable[[OAuthSession], OAuthClient],
        resolver: Resolver,
        clock: Clock,
        host: str,
    ) -> None:
        self._session = session
        self._transport = transport
        self._clock = clock
        self._origins = Origins(clock)
        self._server = _Server(transport, resolver, client, self._origins, clock)
        self._refresher = Refresher(store, self._server, clock, host)
        self._no_refresh_before = clock.monotonic()

    @property
    def session(self) -> OAuthSession:
        """The session as it is now."""
        return self._session

    def call(self, call: Callable[[Xrpc, Mapping[str, str]], _Result]) -> _Result:
        """Make a call as the account; once more with new tokens if these have expired."""
        session = self._current()
        try:
            return self._call(session, call)
        except AccountUnavailable:
            raise
        except NotSignedIn as error:
            if error.server_error in _PROOF_REFUSED:
                raise _proof_refused(error) from None
            if error.server_error not in _TOKEN_ENDED:
                raise
        except Refused as error:
            raise _missing_right(error, session) or error from None
        try:
            self._session = session = self._refresher.renew(session.did, session.access_token, wait=True)
            return self._call(session, call)
        except NotSent as error:
            # The call itself was sent, before the session was refreshed.
            raise NoAnswer(error.message, hint=error.hint) from None

    def get_ready(self) -> None:
        """Refresh a session that is about to expire, as every call does."""
        self._current()

    def refresh(self) -> OAuthSession:
        """Refresh now, unless another thread or process has just done it."""
        stale = self._session.access_token
        self._session = self._refresher.renew(self._session.did, stale, wait=True)
        return self._session

    def end(self) -> None:
        """End the session at its server. One that has already ended is not an error."""
        session = self._session
        if session.phase == "over":
            return
        with suppress(NotSignedIn):
            self._server.post(session, session.revocation_endpoint, {"token": session.refresh_token})

    def server_now(self) -> datetime:
        """The time by the account's server, as far as it is known."""
        return self._origins.now(self._session.pds_url)

    def _current(self) -> OAuthSession:
        session, now = self._session, self._clock.now()
        if not session.is_due(now):
            return session
        usable = session.is_usable(now)
        if usable and self._clock.monotonic() < self._no_refresh_before:
            return session
        try:
            self._session = self._refresher.renew(session.did, session.access_token, wait=not usable)
        except (TemporaryError, RejectedError, InputError):
            if not usable:
                raise
            self._no_refresh_before = self._clock.monotonic() + PAUSE_SECONDS
        return self._session

    def _call(self, session: OAuthSession, call: Callable[[Xrpc, Mapping[str, str]], _Result]) -> _Result:
        key = SigningKey.from_text(session.dpop_key)
        transport = _ForStreams(DpopTransport(self._transport, key, self._origins), self._origins)
        xrpc = Xrpc(transport, session.pds_url, clock=self._clock)
        return call(xrpc, _headers(session))


class _ForStreams:
    """Gets a fresh nonce before a body that can be streamed only once."""

    def __init__(self, signed: DpopTransport, origins: Origins) -> None:
        self._signed = signed
        self._origins = origins

    def request(self, method: str, url: str, **options: Unpack[RequestOptions]) -> Response:
        """Send one request, signed."""
        body = options.get("body")
        if body is not None and not isinstance(body, bytes) and not self._origins.is_fresh(url):
            place = url.partition("/xrpc/")[0]
            token = {"authorization": (options.get("headers") or {}).get("authorization", "")}
            with suppress(TemporaryError):
                self._signed.request("GET", f"{place}/xrpc/{WHO}", headers=token)
        return self._signed.request(method, url, **options)


class _Server:
    """The requests of a refresh, to the server that the account signed in at."""

    def __init__(
        self,
        transport: Transport,
        resolver: Resolver,
        client: Callable[[OAuthSession], OAuthClient],
        origins: Origins,
        clock: Clock,
    ) -> None:
        self._transport = transport
        self._resolver = resolver
        self._client = client
        self._origins = origins
        self._clock = clock

    def check(self, session: OAuthSession) -> None:
        """Check that the account has not moved, that its issuer is the same, and that we have the client's key."""
        self._client(session).credentials(session.key_id, session.issuer, self._clock.now())
        self._resolver.forget(session.did)
        pds_url = self._resolver.pds_url(session.did)
        if pds_url != session.pds_url:
            raise _moved(session, pds_url)
        server = find_server(self._transport, session.pds_url, self._origins)
        if (server.issuer, server.token_endpoint) != (session.issuer, session.token_endpoint):
            raise _moved(session, server.issuer)

    def refresh(self, session: OAuthSession, latest: float) -> Mapping[str, Any]:
        """Request new tokens, once."""
        fields = {"grant_type": "refresh_token", "refresh_token": session.refresh_token}
        try:
            return self.post(session, session.token_endpoint, fields, latest)
        except NotSignedIn as error:
            if error.server_error == "invalid_grant":
                raise InvalidGrant(error.message) from None
            raise TemporaryError(
                error.message, code="oauth.refresh_refused", hint=Hint("Look at what is wrong: ", Do("doctor"))
            ) from None

    def accepts(self, session: OAuthSession) -> bool | None:
        """Whether the PDS still accepts the access token."""
        signed = DpopTransport(self._transport, SigningKey.from_text(session.dpop_key), self._origins)
        try:
            Xrpc(signed, session.pds_url, clock=self._clock).query(WHO, headers=_headers(session))
        except NotSignedIn as error:
            return False if error.server_error in _TOKEN_ENDED else None
        except SkywriteError:
            return None
        return True

    def post(
        self, session: OAuthSession, url: str, fields: Mapping[str, str], latest: float | None = None
    ) -> dict[str, Any]:
        """One request as the session's client."""
        inner = self._transport if latest is None else _InTime(self._transport, self._clock, latest)
        key, repeats = SigningKey.from_text(session.dpop_key), session.key_id is None
        signed = DpopTransport(inner, key, self._origins, repeats=repeats)
        client = self._client(session)
        return post_form(signed, session.issuer, url, fields, client, session.key_id, self._origins, self._clock)


class _InTime:
    """A transport that sends nothing after a deadline, so that a suspended process does not simply continue."""

    def __init__(self, inner: Transport, clock: Clock, latest: float) -> None:
        self._inner = inner
        self._clock = clock
        self._latest = latest

    def request(self, method: str, url: str, **options: Unpack[RequestOptions]) -> Response:
        """Send one request, if it is not too late."""
        if self._clock.monotonic() > self._latest:
            raise NotSent(
                "The session refresh was delayed before it was sent.", code="oauth.too_late", hint="Try again."
            )
        return self._inner.request(method, url, **options)


def _headers(session: OAuthSession) -> dict[str, str]:
    return {"authorization": f"DPoP {session.access_token}"}


def _moved(session: OAuthSession, place: str) -> SignInError:
    return SignInError(
        f"{session.handle} signed in at {session.issuer} for {session.pds_url}, and is at {place} now.",
        code="account.moved",
        hint=sign_in_hint(session.handle),
    )


def _proof_refused(error: NotSignedIn) -> TemporaryError:
    refused = TemporaryError(
        error.message, code="oauth.proof_refused", hint=Hint("Is the clock of this computer right? See: ", Do("doctor"))
    )
    refused.status, refused.server_error, refused.request_id = error.status, error.server_error, error.request_id
    return refused


def _missing_right(error: Refused, session: OAuthSession) -> MissingRight | None:
    if error.server_error != "ScopeMissingError":
        return None
    scope = scope_in(error.message)
    right = right_for(scope)
    what = f"the right {right.name!r} ({right.allows})" if right else f"the right {scope or 'for this'}"
    rights = Hint(" with ", Do("argument", f"right {right.name}")) if right else Hint()
    return MissingRight(
        f"The session of {session.handle} lacks {what}.",
        hint=Hint(*sign_in_hint(session.handle).parts, *rights.parts),
    )
