"""Where sessions are stored, so that threads and processes share one refresh.

What lives here: the interface, and a store in memory. What does not: a durable store (`queue.accounts`), encryption
(`queue.vault`).
"""

from __future__ import annotations

import threading
from typing import Protocol

from skywrite.core.clock import SYSTEM_CLOCK, Clock
from skywrite.protocol.atproto.session_data import Session


class SessionStore(Protocol):
    """Where sessions are kept, shared by all threads and processes that use an account."""

    def load(self, did: str) -> Session | None:
        """The most recently saved session."""
        ...

    def save(self, session: Session) -> None:
        """Save a session in place of the account's previous one. It is durable when this returns.

        May raise SignInError if the previous one has ended.
        """
        ...

    def try_lease(self, did: str, seconds: float) -> bool:
        """Take the right to refresh the account's session for `seconds`; False while another process has it."""
        ...

    def release(self, did: str) -> None:
        """Give that right back early."""
        ...


class MemorySessionStore:
    """Sessions of one process, lost when it ends."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._leases: dict[str, float] = {}

    def load(self, did: str) -> Session | None:
        with self._lock:
            return self._sessions.get(did)

    def save(self, session: Session) -> None:
        with self._lock:
            self._sessions[session.did] = session

    def try_lease(self, did: str, seconds: float) -> bool:
        with self._lock:
            now = self._clock.monotonic()
            if self._leases.get(did, now) > now:
                return False
            self._leases[did] = now + seconds
            return True

    def release(self, did: str) -> None:
        with self._lock:
            self._leases.pop(did, None)
