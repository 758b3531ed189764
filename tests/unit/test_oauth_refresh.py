"""Promises of a refresh, step by step: what is stored before what is sent, and when nothing is sent at all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.errors import NoAnswer, NotSent, RateLimited, SkywriteError
from skywrite.protocol.atproto.oauth_refresh import InvalidGrant, Refresher
from skywrite.protocol.atproto.oauth_session import OAuthSession
from skywrite.protocol.atproto.xrpc_errors import ServerFailure
from tests.support.errors import fails
from tests.support.oauth_session import DID, NOON, KeptSession, oauth_session
from tests.support.processes import PATIENCE_SECONDS

STALE = "access-1"
NEXT = {"access_token": "access-2", "refresh_token": "refresh-2", "expires_in": 3600, "sub": DID}


class Tokens:
    """A server whose response is an answer, an error, or what a function makes of the session."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers) or [NEXT]
        self.asked: list[tuple[str, str, float]] = []
        self.accepted: bool | None = None
        self.checked = 0

    def check(self, session: OAuthSession) -> None:
        self.checked += 1

    def refresh(self, session: OAuthSession, latest: float) -> Mapping[str, Any]:
        self.asked.append((session.phase, session.refresh_token, latest))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer(session) if callable(answer) else answer)

    def accepts(self, session: OAuthSession) -> bool | None:
        return self.accepted


Make = Callable[..., Refresher]


@pytest.fixture
def refresher(clock: FakeClock) -> Make:
    """refresher(store, server): one of the process on the host `here`."""
    return lambda store, server: Refresher(store, server, clock, "here")


def interrupted(clock: FakeClock, seconds: float, host: str = "here") -> OAuthSession:
    """A session whose refresh began so many seconds ago on a host, and has no response."""
    return oauth_session(phase="refreshing", seen={host: clock.now() - timedelta(seconds=seconds)})


def test_the_intention_is_stored_before_anything_is_sent(refresher: Make, clock: FakeClock) -> None:
    """A refresh is committed with host and time, sent within ten seconds under a lease, and its tokens are stored."""
    store, server = KeptSession(oauth_session()), Tokens()
    clock.advance(100)
    renewed = refresher(store, server).renew(DID, STALE, wait=True)
    assert ["ready", "refreshing", "ready"] == store.phases
    assert store.states[1] is not None and {"here": clock.now()} == store.states[1].seen
    assert [("refreshing", "refresh-1", 110.0)] == server.asked
    assert ("access-2", "refresh-2", renewed) == (renewed.access_token, renewed.refresh_token, store.now)
    assert ([60, "released"], 1) == (store.leases, server.checked)


def test_what_another_process_stored_is_taken(refresher: Make) -> None:
    """A session whose access token is another one by now is used as it is."""
    store, server = KeptSession(oauth_session(access_token="access-2")), Tokens()
    assert "access-2" == refresher(store, server).renew(DID, STALE, wait=False).access_token
    assert ([], [60, "released"]) == (server.asked, store.leases)


@pytest.mark.parametrize(
    ("stored", "kind"),
    [(None, "session.signed_out"), (oauth_session(phase="over", access_token="access-2"), "session.over")],
)
def test_a_session_that_is_gone(refresher: Make, stored: OAuthSession | None, kind: type[SkywriteError]) -> None:
    """An account that was signed out, and a session that has ended, ask no server; the error says how to sign in."""
    store, server = KeptSession(stored), Tokens()
    with fails(kind) as caught:
        refresher(store, server).renew(DID, STALE, wait=True)
    assert ([], 0, "released") == (server.asked, server.checked, store.leases[-1])
    assert "login" in caught.value.hint


def test_waiting_for_another_process(refresher: Make, clock: FakeClock) -> None:
    """While another process has the lease, ours looks every few tenths of a second, for 75 seconds."""
    store = KeptSession(oauth_session())
    store.held_elsewhere = float("inf")
    with fails("session.refresh_in_doubt", match=r"refreshing the session of alice\.test"):
        refresher(store, Tokens()).renew(DID, STALE, wait=True)
    assert 75 <= clock.monotonic() < 75.3
    assert 75 / 0.3 <= len(store.leases) <= 75 / 0.1
    waited = 75 / (len(store.leases) - 1)
    assert 0.18 < waited < 0.22


def test_the_wait_ends_in_its_last_instant(refresher: Make, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """After exactly 75 seconds no further look is taken."""
    monkeypatch.setattr(clock, "wait", lambda event, seconds: clock.advance(25))
    store = KeptSession(oauth_session())
    store.held_elsewhere = float("inf")
    with fails("session.refresh_in_doubt"):
        refresher(store, Tokens()).renew(DID, STALE, wait=True)
    assert [60.0] * 4 == store.leases


def test_not_waiting_for_another_process(refresher: Make, clock: FakeClock) -> None:
    """A caller that need not have new tokens yet does not wait for another process."""
    store = KeptSession(oauth_session())
    store.held_elsewhere = float("inf")
    with fails("session.refresh_in_doubt"):
        refresher(store, Tokens()).renew(DID, STALE, wait=False)
    assert (0.0, 1) == (clock.monotonic(), len(store.leases))


def test_what_appears_while_waiting_is_taken(refresher: Make, clock: FakeClock) -> None:
    """Tokens that the holder of the lease stores are used at once; a free lease is taken."""
    store, server = KeptSession(oauth_session(access_token="access-2")), Tokens()
    store.held_elsewhere = float("inf")
    assert "access-2" == refresher(store, server).renew(DID, STALE, wait=True).access_token
    assert (0.0, [60]) == (clock.monotonic(), store.leases)
    freed = KeptSession(oauth_session())
    freed.held_elsewhere = 3
    assert "access-2" == refresher(freed, server).renew(DID, STALE, wait=True).access_token
    assert 1 == len(server.asked)


def test_one_thread_at_a_time(refresher: Make) -> None:
    """While a thread refreshes, another that can do without new tokens is turned away, and one that cannot waits."""
    store = KeptSession(oauth_session())
    refused: list[str] = []
    waiting = threading.Thread(target=lambda: refused.append(used.renew(DID, STALE, wait=True).access_token))

    def meanwhile(session: OAuthSession) -> Mapping[str, Any]:
        with fails("session.refresh_in_doubt") as caught:
            used.renew(DID, STALE, wait=False)
        refused.append(caught.value.hint)
        waiting.start()
        return NEXT

    server = Tokens(meanwhile)
    used = refresher(store, server)
    used.renew(DID, STALE, wait=True)
    waiting.join(PATIENCE_SECONDS)
    assert (["Try again in a minute.", "access-2"], 1) == (refused, len(server.asked))


@pytest.mark.parametrize("error", [NoAnswer("The line broke."), ServerFailure("It failed.")])
def test_no_response_is_doubt(refresher: Make, error: SkywriteError) -> None:
    """A response that is lost, or a failure of the server, leaves the refresh under way, and says why."""
    store = KeptSession(oauth_session())
    with fails("session.refresh_in_doubt") as caught:
        refresher(store, Tokens(error)).renew(DID, STALE, wait=True)
    assert f"alice.test is missing: {error.message}" in caught.value.message
    assert (["ready", "refreshing"], "released") == (store.phases, store.leases[-1])
    assert "five minutes" in caught.value.hint


@pytest.mark.parametrize("error", [NotSent("No network."), RateLimited("Slower.", until=NOON)])
def test_what_was_not_carried_out_may_be_sent_again(refresher: Make, error: SkywriteError) -> None:
    """A refresh that never left, or that was refused unread, leaves the session as it was."""
    store, server = KeptSession(oauth_session()), Tokens(error, NEXT)
    with pytest.raises(type(error)) as caught:
        refresher(store, server).renew(DID, STALE, wait=True)
    assert (error, "ready", {}) == (caught.value, store.phases[-1], store.now and store.now.seen)
    assert "access-2" == refresher(store, server).renew(DID, STALE, wait=True).access_token


def test_a_new_sign_in_while_a_refresh_fails(refresher: Make) -> None:
    """Whoever signs in while our refresh fails, or is refused, leaves us the new session."""
    new = oauth_session(access_token="access-9", refresh_token="refresh-9")
    for error in (NotSent("No network."), InvalidGrant("Gone.")):
        store = KeptSession(oauth_session())

        def signed_in(
            session: OAuthSession, store: KeptSession = store, error: SkywriteError = error
        ) -> Mapping[str, Any]:
            store.states.append(new)
            raise error

        assert new == refresher(store, Tokens(signed_in)).renew(DID, STALE, wait=True)
        assert new == store.now


def test_a_new_sign_in_before_the_intention(refresher: Make) -> None:
    """Whoever signs in just before our refresh is committed keeps us from sending anything."""
    store = KeptSession(oauth_session())
    new = oauth_session(access_token="access-9", refresh_token="refresh-9")

    class Slow(Tokens):
        def check(self, session: OAuthSession) -> None:
            store.states.append(new)

    server = Slow()
    assert (new, []) == (refresher(store, server).renew(DID, STALE, wait=True), server.asked)


def test_another_host_started_just_before_us(refresher: Make, clock: FakeClock) -> None:
    """Whoever commits the same refresh first sends it; we send nothing and say that it is under way."""
    store = KeptSession(oauth_session())

    class Slow(Tokens):
        def check(self, session: OAuthSession) -> None:
            store.states.append(session.refreshing("elsewhere", clock.now()))

    server = Slow()
    with fails("session.refresh_in_doubt", match=r"alice\.test is missing\.$"):
        refresher(store, server).renew(DID, STALE, wait=True)
    assert [] == server.asked


def test_a_refused_refresh_token_ends_the_session(refresher: Make) -> None:
    """The end is stored, with the server's reason in the error, and nobody asks again."""
    store, server = KeptSession(oauth_session()), Tokens(InvalidGrant("Token was replayed."))
    used = refresher(store, server)
    for message in (r"alice\.test has ended: Token was replayed\.$", r"alice\.test has ended\.$"):
        with fails("session.over", match=message):
            used.renew(DID, STALE, wait=True)
    assert ("over", {}, 1) == (store.phases[-1], store.now and store.now.seen, len(server.asked))


def test_tokens_of_another_account(refresher: Make) -> None:
    """Tokens for another account end the session: they are stored as over, and used for nothing."""
    store = KeptSession(oauth_session())
    with fails("session.over", match="another account"):
        refresher(store, Tokens({**NEXT, "sub": "did:plc:other"})).renew(DID, STALE, wait=True)
    assert ["ready", "refreshing", "ready", "over"] == store.phases
    assert store.now is not None and "refresh-2" == store.now.refresh_token


def test_a_response_that_names_no_account(refresher: Make) -> None:
    """A response without `sub` is for the account that asked."""
    answer = {name: value for name, value in NEXT.items() if name != "sub"}
    assert (
        "access-2" == refresher(KeptSession(oauth_session()), Tokens(answer)).renew(DID, STALE, wait=True).access_token
    )


def test_tokens_that_could_not_be_stored(refresher: Make) -> None:
    """New tokens that the store cannot take are stored before anything else happens, without another request."""
    store, server = KeptSession(oauth_session()), Tokens(NEXT, {**NEXT, "access_token": "access-3"})
    used = refresher(store, server)
    store.broken = True
    for _ in range(2):
        with pytest.raises(OSError, match="full"):
            used.renew(DID, STALE, wait=True)
    store.broken = False
    assert "access-2" == used.renew(DID, STALE, wait=True).access_token
    assert (1, "access-2") == (len(server.asked), store.now and store.now.access_token)
    assert "access-3" == used.renew(DID, "access-2", wait=True).access_token


def test_tokens_that_come_after_a_new_sign_in(refresher: Make) -> None:
    """New tokens do not replace a sign-in that was made while they were on their way."""
    store = KeptSession(oauth_session())
    new = oauth_session(access_token="access-9", refresh_token="refresh-9")

    def signed_in(session: OAuthSession) -> Mapping[str, Any]:
        store.states.append(new)
        return NEXT

    assert new == refresher(store, Tokens(signed_in)).renew(DID, STALE, wait=True)


# What is left of a process that died


@pytest.mark.parametrize(
    ("seconds", "accepted", "sends"),
    [
        (0, True, False),
        (89.9, True, False),
        (90, True, True),
        (90, False, False),
        (90, None, False),
        (299.9, False, False),
        (300, False, True),
        (300, None, True),
        (-5, True, False),
    ],
)
def test_a_refresh_without_a_response(
    refresher: Make, clock: FakeClock, seconds: float, accepted: bool | None, sends: bool
) -> None:
    """It is tried again after 90 seconds if the old token still works, and after five minutes in any case."""
    session = interrupted(clock, seconds)
    store, server = KeptSession(session), Tokens()
    server.accepted = accepted
    if sends:
        assert "access-2" == refresher(store, server).renew(DID, STALE, wait=True).access_token
    else:
        with fails("session.refresh_in_doubt"):
            refresher(store, server).renew(DID, STALE, wait=True)
        assert [session] == store.states
    assert (int(sends), int(sends)) == (len(server.asked), server.checked)


def test_an_old_token_that_has_expired_proves_nothing(refresher: Make, clock: FakeClock) -> None:
    """A token at its end cannot show that the refresh was not carried out."""
    session = interrupted(clock, 90)._replace(expires_at=clock.now())
    server = Tokens()
    server.accepted = True
    with fails("session.refresh_in_doubt"):
        refresher(KeptSession(session), server).renew(DID, STALE, wait=True)


@pytest.mark.parametrize("noticed", [{"elsewhere": -1000.0}, {"here": 5.1}])
def test_another_clock_proves_nothing(refresher: Make, clock: FakeClock, noticed: dict[str, float]) -> None:
    """A host waits by its own clock, from when it noticed; a time in its future is noticed anew."""
    seen = {host: clock.now() + timedelta(seconds=seconds) for host, seconds in noticed.items()}
    store, server = KeptSession(oauth_session(phase="refreshing", seen=seen)), Tokens()
    server.accepted = True
    with fails("session.refresh_in_doubt"):
        refresher(store, server).renew(DID, STALE, wait=True)
    assert ([], {**seen, "here": clock.now()}) == (server.asked, store.now and store.now.seen)
    clock.advance(90)
    assert "access-2" == refresher(store, server).renew(DID, STALE, wait=True).access_token
