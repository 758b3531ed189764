"""Callbacks that hear of new and refreshed sessions, and the SDK's `Session`.

What lives here: the events, the session that callbacks get, and the store that calls them. What does not: sessions
themselves (`atproto.session`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import NamedTuple, Self

from skywrite.protocol.atproto.session import Session as StoredSession
from skywrite.protocol.atproto.session import SessionStore
from skywrite.protocol.atproto.xrpc_errors import SIGN_IN_HINT, NotSignedIn

SIGN_IN = "Call client.login(handle, app_password) first."


class SessionEvent(Enum):
    """Why a session changed."""

    IMPORT = "import"
    CREATE = "create"
    REFRESH = "refresh"


class Session(NamedTuple):
    """A session for callbacks. `export()` is the text for `login(session_string=...)`; keep it secret."""

    handle: str
    did: str
    text: str

    def __repr__(self) -> str:
        return f"Session({self.handle}, {self.did})"

    def export(self) -> str:
        """The session as text."""
        return self.text

    def encode(self) -> str:
        """The SDK's other name for `export`."""
        return self.text

    @classmethod
    def decode(cls, text: str) -> Self:
        """The session that a text of `export` or of the SDK holds. Raises InputError."""
        session = StoredSession.from_string(text)
        return cls(session.handle, session.did, session.export_string())


def session_text(session: Session | str) -> str:
    """The text of a session, or the text that was given."""
    return session.text if isinstance(session, Session) else session


SessionCallback = Callable[[SessionEvent, Session], object]


class ReportingStore:
    """A session store that calls the callbacks after it has saved a session."""

    def __init__(self, store: SessionStore, callbacks: Iterable[SessionCallback]) -> None:
        self._store = store
        self._callbacks = callbacks

    def report(self, event: SessionEvent, session: StoredSession) -> None:
        """Call every callback."""
        for callback in self._callbacks:
            callback(event, Session(session.handle, session.did, session.export_string()))

    def load(self, did: str) -> StoredSession | None:
        return self._store.load(did)

    def save(self, session: StoredSession) -> None:
        self._store.save(session)
        self.report(SessionEvent.REFRESH, session)

    def try_lease(self, did: str, seconds: float) -> bool:
        return self._store.try_lease(did, seconds)

    def release(self, did: str) -> None:
        self._store.release(did)


@contextmanager
def signing_in_by_client() -> Iterator[None]:
    """Let an error that asks for a sign-in name the method of `Client`: there is no queue."""
    try:
        yield
    except NotSignedIn as error:
        if error.hint == SIGN_IN_HINT:
            error.hint = SIGN_IN
        raise
