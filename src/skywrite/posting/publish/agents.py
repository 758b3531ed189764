"""One agent per account for a whole process: its session is shared and refreshed once.

What does not live here: sessions at rest (`queue`), refreshing (`atproto.bearer_auth`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from skywrite.core.clock import SYSTEM_CLOCK, Clock
from skywrite.core.errors import SignInError, sign_in_as
from skywrite.core.http import Transport
from skywrite.protocol.atproto.session import Agent, Authenticator, Session, SessionStore

if TYPE_CHECKING:
    from skywrite.protocol.atproto.oauth_session import OAuthSession


AGENTS_MAX = 4096


class Sessions(SessionStore, Protocol):
    """A store of sessions of both kinds."""

    def load_any(self, did: str) -> Session | OAuthSession | None:
        """The session that was last saved."""
        ...

    def unsealed(self, did: str, sealed: bytes) -> Session | OAuthSession:
        """The session that a claim brought along."""
        ...


class Agents:
    """Agents by DID. Safe to share between threads. `oauth` creates what signs the requests of an OAuth session."""

    def __init__(
        self,
        transport: Transport,
        sessions: Sessions,
        clock: Clock = SYSTEM_CLOCK,
        *,
        oauth: Callable[[OAuthSession], Authenticator] | None = None,
    ) -> None:
        self._transport = transport
        self._oauth = oauth
        self._sessions = sessions
        self._clock = clock
        self._lock = threading.Lock()
        self._agents: OrderedDict[str, Agent] = OrderedDict()

    def get(self, did: str, handle: str = "", *, sealed: bytes | None = None) -> Agent:
        """The agent of an account; `sealed` is its session, if it is at hand. Raises SignInError if nobody has signed
        in.
        """
        with self._lock:
            agent = self._agents.get(did)
            if agent is not None:
                self._agents.move_to_end(did)
                return agent
        session = self._sessions.load_any(did) if sealed is None else self._sessions.unsealed(did, sealed)
        if session is None:
            raise SignInError(
                f"You are not signed in as {handle or did}.", code="account.signed_out", hint=sign_in_as(handle or did)
            )
        agent = self._made(session)
        with self._lock:
            agent = self._agents.setdefault(did, agent)
            if len(self._agents) > AGENTS_MAX:
                # What it knows is in the store, too.
                self._agents.popitem(last=False)
        return agent

    def _made(self, session: Session | OAuthSession) -> Agent:
        if isinstance(session, Session):
            return Agent(self._transport, session, store=self._sessions, clock=self._clock)
        if self._oauth is None:
            raise SignInError(
                f"{session.handle} signed in by OAuth, which cannot be used here.", code="account.signed_out"
            )
        return Agent(self._transport, auth=self._oauth(session), clock=self._clock)

    def has_newer(self, did: str) -> bool:
        """Whether a newer sign-in is stored than the one in use here, which is then dropped."""
        with self._lock:
            agent = self._agents.get(did)
        stored = self._sessions.load_any(did)
        over = getattr(stored, "phase", None) == "over"
        if agent is None or stored is None or over or stored == agent.session:
            return False
        self.forget(did)
        return True

    def forget(self, did: str) -> None:
        """Drop an agent whose session has ended, so that a new sign-in is noticed."""
        with self._lock:
            self._agents.pop(did, None)
