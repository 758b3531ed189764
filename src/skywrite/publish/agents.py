"""One agent per account for a whole process: its session is shared and refreshed once.

What does not live here: sessions at rest (`queue`), refreshing (`atproto.session`).
"""

from __future__ import annotations

import threading

from skywrite.atproto.session import Agent, SessionStore
from skywrite.clock import SYSTEM_CLOCK, Clock
from skywrite.errors import SignInError
from skywrite.http import Transport


class NotLoggedIn(SignInError):
    """There is no session for the account."""


class Agents:
    """Agents by DID. Safe to share between threads."""

    def __init__(self, transport: Transport, sessions: SessionStore, clock: Clock = SYSTEM_CLOCK) -> None:
        self._transport = transport
        self._sessions = sessions
        self._clock = clock
        self._lock = threading.Lock()
        self._agents: dict[str, Agent] = {}

    def get(self, did: str, handle: str = "") -> Agent:
        """The agent of an account; NotLoggedIn where nobody has signed in."""
        with self._lock:
            agent = self._agents.get(did)
            if agent is not None:
                return agent
        session = self._sessions.load(did)
        if session is None:
            raise NotLoggedIn(f"Nobody is signed in as {handle or did}.", hint="Sign in with: skywrite login")
        agent = Agent(self._transport, session, store=self._sessions, clock=self._clock)
        with self._lock:
            return self._agents.setdefault(did, agent)

    def forget(self, did: str) -> None:
        """Drop an agent whose session is over, so that a new login is seen."""
        with self._lock:
            self._agents.pop(did, None)
