"""Which session the requests of an account are signed with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from skywrite.posting.publish.agents import Agents
from skywrite.protocol.atproto.session import Session
from tests.support.errors import fails

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


class Sessions:
    """The session that is stored, of the one account that there is."""

    def __init__(self) -> None:
        self.stored: Session | None = session("first")

    def load_any(self, did: str) -> Session | None:
        return self.stored if did == DID else None


def session(mark: str) -> Session:
    """A session whose tokens hold a mark."""
    return Session(DID, "alice.test", "https://pds.test", f"access.{mark}.x", f"refresh.{mark}.x")


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


@pytest.fixture
def agents(server: Any, sessions: Sessions) -> Agents:
    return Agents(server, sessions)  # type: ignore[arg-type]  # it only loads


def test_a_new_sign_in_is_noticed_once(agents: Agents, sessions: Sessions) -> None:
    """The session in use is dropped for the one that was stored since, and that one is used from then on."""
    before = agents.get(DID)
    assert (False, before) == (agents.has_newer(DID), agents.get(DID))
    sessions.stored = session("second")
    assert (True, False) == (agents.has_newer(DID), agents.has_newer(DID))
    assert session("second") == agents.get(DID).session


def test_who_signed_out_has_no_newer_session(agents: Agents, sessions: Sessions) -> None:
    """Nothing is stored any more: that is no new sign-in."""
    agents.get(DID)
    sessions.stored = None
    assert not agents.has_newer(DID)


def test_nobody_is_signed_in(agents: Agents) -> None:
    """An account without a session is an error that names it, and how to sign in."""
    with fails("account.signed_out", match=r"bob\.test"):
        agents.get("did:plc:bob", "bob.test")


def test_what_is_not_in_use_has_no_newer_session(agents: Agents) -> None:
    """Whoever has used no session yet takes the one that is stored."""
    assert not agents.has_newer(DID)


def test_what_was_used_longest_ago_is_dropped_first(
    agents: Agents, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many agents as fit are kept; who is used again stays longer."""
    monkeypatch.setattr("skywrite.posting.publish.agents.AGENTS_MAX", 2)
    monkeypatch.setattr(sessions, "load_any", lambda did: session(did))
    alice, bob = agents.get("did:plc:alice"), agents.get("did:plc:bob")
    assert (alice, bob) == (agents.get("did:plc:alice"), agents.get("did:plc:bob"))
    assert alice is agents.get("did:plc:alice")
    agents.get("did:plc:carol")
    assert alice is agents.get("did:plc:alice")
    assert bob is not agents.get("did:plc:bob")


def test_a_session_of_oauth_needs_what_signs_it(server: Any, sessions: Sessions) -> None:
    """Without, the error names the account; with, each request is signed by it."""
    oauth: Any = SimpleNamespace(handle="alice.test")
    sessions.stored = oauth
    with fails("account.signed_out", match=r"alice\.test signed in by OAuth"):
        Agents(server, sessions).get(DID)  # type: ignore[arg-type]  # it only loads
    signed: list[Any] = []

    def signing(oauth_session: Any) -> Any:
        signed.append(oauth_session)
        return SimpleNamespace(session=oauth_session)

    agent = Agents(server, sessions, oauth=signing).get(DID)  # type: ignore[arg-type]  # it only loads
    assert (oauth, [oauth]) == (agent.session, signed)
