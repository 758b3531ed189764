"""Calling XRPC methods as an account.

What lives here: the `Agent`, and what it needs to send requests with a session. It exports the names around sessions.
What does not: the session's values and text forms (`session_data`), stores (`session_store`), refreshing
(`bearer_auth`, `oauth_auth`), signing in (`sign_in`), encryption at rest (`queue.vault`).

Tokens never appear in a repr, a message or a log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from skywrite.core.clock import SYSTEM_CLOCK, Clock
from skywrite.core.errors import NoAnswer
from skywrite.core.http import Transport
from skywrite.protocol.atproto.bearer_auth import BearerAuth
from skywrite.protocol.atproto.session_data import Session
from skywrite.protocol.atproto.session_store import MemorySessionStore, SessionStore
from skywrite.protocol.atproto.xrpc import Body, Param, Xrpc
from skywrite.protocol.atproto.xrpc_errors import AccountUnavailable

if TYPE_CHECKING:
    from skywrite.protocol.atproto.oauth_session import OAuthSession

__all__ = [
    "AccountUnavailable",
    "Agent",
    "Authenticator",
    "BearerAuth",
    "MemorySessionStore",
    "Session",
    "SessionStore",
]

SERVICE_AUTH_SECONDS = 1800
_Result = TypeVar("_Result")


class Authenticator(Protocol):
    """Makes calls with an account's tokens, and keeps the tokens fresh."""

    @property
    def session(self) -> Session | OAuthSession:
        """The session as it is now."""
        ...

    def call(self, call: Callable[[Xrpc, Mapping[str, str]], _Result]) -> _Result:
        """Make a call with the account's server and the headers to send; once more if the tokens have expired."""
        ...

    def get_ready(self) -> None:
        """Refresh a session that is about to expire, as every call does."""
        ...

    def server_now(self) -> datetime:
        """The time by the account's server, as far as it is known."""
        ...

    def refresh(self) -> Session | OAuthSession:
        """Refresh now, unless another thread or process has just done it."""
        ...

    def end(self) -> None:
        """End the session at the server. One that is already over is not an error."""
        ...


class Agent:
    """Calls XRPC methods as one account, and keeps its session alive. Safe to share between threads.

    `auth` refreshes the session and signs requests. Without it, requests carry the tokens of `session`.
    """

    def __init__(
        self,
        transport: Transport,
        session: Session | None = None,
        *,
        store: SessionStore | None = None,
        clock: Clock = SYSTEM_CLOCK,
        auth: Authenticator | None = None,
    ) -> None:
        if auth is None:
            assert session is not None
            auth = BearerAuth(transport, session, store=store, clock=clock)
        self._transport = transport
        self._auth = auth
        self._clock = clock
        self._description: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"Agent({self.session!r})"

    @property
    def session(self) -> Session | OAuthSession:
        """The session as it is now."""
        return self._auth.session

    @property
    def did(self) -> str:
        """The account's DID."""
        return self.session.did

    @property
    def clock(self) -> Clock:
        """The clock that the agent reads."""
        return self._clock

    @property
    def public(self) -> Xrpc:
        """The account's server, for calls without the session."""
        return Xrpc(self._transport, self.session.pds_url, clock=self._clock)

    def query(
        self, nsid: str, params: Mapping[str, Param] | None = None, *, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Call a query (GET) as the account and return its JSON object."""
        return self._auth.call(lambda xrpc, own: xrpc.query(nsid, params, headers={**(headers or {}), **own}))

    def query_bytes(
        self, nsid: str, params: Mapping[str, Param] | None = None, *, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Call a query (GET) as the account and return the bytes that it answers with."""
        return self._auth.call(lambda xrpc, own: xrpc.query_bytes(nsid, params, headers={**(headers or {}), **own}))

    def procedure(
        self,
        nsid: str,
        body: Body = None,
        *,
        params: Mapping[str, Param] | None = None,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
    ) -> dict[str, Any]:
        """Call a procedure (POST) as the account and return its JSON object, or {} if it has no output."""
        return self._auth.call(
            lambda xrpc, own: xrpc.procedure(
                nsid,
                body,
                params=params,
                content_type=content_type,
                headers={**(headers or {}), **own},
                timeout_seconds=timeout_seconds,
            )
        )

    def service_auth(self, audience: str, method: str, *, lifetime_seconds: int = SERVICE_AUTH_SECONDS) -> str:
        """A token that lets another service (DID) call one method as this account, for at most an hour."""
        expires = self._auth.server_now() + timedelta(seconds=lifetime_seconds)
        params: dict[str, Param] = {"aud": audience, "lxm": method, "exp": int(expires.timestamp())}
        token = self.query("com.atproto.server.getServiceAuth", params).get("token")
        if not isinstance(token, str):
            raise NoAnswer(f"{self.public.host} sent no token for {audience}.")
        return token

    def describe_server(self) -> dict[str, Any]:
        """What the server says about itself (did, blobUploadLimit, ...). Requested once, then remembered."""
        if self._description is None:
            self._description = self.public.query("com.atproto.server.describeServer")
        return self._description

    def blob_upload_limit(self) -> int | None:
        """The server's largest blob in bytes; None if it does not say."""
        limit = self.describe_server().get("blobUploadLimit")
        return limit if isinstance(limit, int) else None

    def get_ready(self) -> None:
        """Refresh a session that is about to expire, as every call does. If this fails, no call was sent."""
        self._auth.get_ready()

    def refresh(self) -> Session | OAuthSession:
        """Refresh now, unless another thread or process has just done it."""
        return self._auth.refresh()

    def delete_session(self) -> None:
        """End the session at the server (logout). One that is already over is not an error."""
        self._auth.end()
