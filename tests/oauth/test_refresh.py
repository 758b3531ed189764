"""The refresh against the reference PDS: what must never end a session, what does, and that it is said."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.errors import NoAnswer, NotSent, StorageError, TemporaryError, TimedOut
from skywrite.protocol.atproto import oauth_refresh
from skywrite.protocol.atproto.oauth_refresh import DOUBT_SECONDS, HOPE_SECONDS
from skywrite.protocol.atproto.oauth_session import OAuthSession
from skywrite.protocol.atproto.session import Agent
from skywrite.protocol.atproto.xrpc_errors import AccountUnavailable
from skywrite.queue.accounts import Sessions
from tests.oauth.conftest import Process, SignIn
from tests.oauth.support import MovedClock, Wire, sessions_at
from tests.support.errors import fails
from tests.support.pds import Pds, PdsAccount
from tests.support.processes import Child, python_child

WHO = "com.atproto.server.getSession"


class Signed:
    """One process with a signed-in account, a clock to move and a wire to break."""

    def __init__(self, process: Process, sign_in: SignIn, skew_seconds: float = 0.0) -> None:
        self.clock = MovedClock(skew_seconds)
        self.wire = Wire()
        self.sky: Skywrite = process(self.wire, self.clock)
        self.done = sign_in(self.sky)
        self.did = self.done.account.did
        self.wire.sent.clear()

    @property
    def agent(self) -> Agent:
        """The account's agent in this process."""
        return self.sky.context.agent(self.done.account)

    @property
    def stored(self) -> OAuthSession:
        """The session as it is in the database."""
        session = self.sky.context.store.sessions.load_oauth(self.did)
        assert session is not None
        return session

    def works(self) -> bool:
        """Whether the account can be used."""
        return self.agent.query(WHO)["did"] == self.did


@pytest.fixture
def signed(process: Process, sign_in: SignIn) -> Signed:
    """The account of this test, signed in."""
    return Signed(process, sign_in)


def test_refresh_in_time(signed: Signed) -> None:
    """Ten minutes before the access token ends the session is refreshed, once, and the old tokens are gone."""
    signed.clock.forward(3600 - 590)
    assert signed.works() and signed.works()
    assert 1 == _carried_out(signed)
    assert signed.done.session.refresh_token != signed.stored.refresh_token


def test_answer_lost_before_it_was_carried_out(signed: Signed) -> None:
    """A refresh that never left is tried again at once."""
    signed.wire.faults.append("never sent")
    with pytest.raises(NotSent):
        signed.agent.refresh()
    assert "ready" == signed.stored.phase
    signed.agent.refresh()
    assert signed.works()


def test_answer_lost_after_it_was_carried_out(signed: Signed, pds: Pds) -> None:
    """An answer that got lost is not asked for again: the session stays at the server, posts wait, and then it is said.

    Nothing can bring it back: the new tokens were in the answer. While the old one is refused there is no second use.
    """
    signed.wire.faults.append("lost answer")
    with fails("session.refresh_in_doubt"):
        signed.agent.refresh()
    for seconds in (0, DOUBT_SECONDS + 1):
        signed.clock.forward(seconds)
        with pytest.raises(TemporaryError):
            signed.agent.query(WHO)
    assert (1, "refreshing") == (sessions_at(pds, signed.did), signed.stored.phase)
    signed.clock.forward(HOPE_SECONDS)
    with fails("session.over", match=r"has ended"):
        signed.agent.query(WHO)
    assert "over" == signed.stored.phase


def test_server_error(signed: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 5xx is doubt; where the old token is still taken the refresh was not carried out, and is tried again."""
    inner = signed.wire.inner

    class Failing:
        def request(self, method: str, url: str, **more: Any) -> Any:
            if "/oauth/token" in url:
                raise NoAnswer("The gateway timed out.")
            return inner.request(method, url, **more)

    signed.wire.inner = Failing()
    with fails("session.refresh_in_doubt"):
        signed.agent.refresh()
    signed.wire.inner = inner
    assert signed.works()
    signed.clock.forward(DOUBT_SECONDS + 1)
    signed.agent.refresh()
    assert signed.works() and "ready" == signed.stored.phase


def test_the_token_endpoint_hangs(signed: Signed, pds: Pds) -> None:
    """Other accounts of the server go on; the account's post waits, and goes out once when the endpoint answers."""
    other = pds.create_account()
    signed.sky.accounts.login(other.handle, other.app_password, pds=pds.url)
    inner = signed.wire.inner

    class Hanging:
        def request(self, method: str, url: str, **more: Any) -> Any:
            if "/oauth/token" in url:
                raise TimedOut("It did not respond in time.")
            return inner.request(method, url, **more)

    def sent() -> list[int]:
        signed.sky.run_once()
        return [len(pds.records(did)) for did in (signed.did, other.did)]

    signed.clock.forward(3700)
    for did in (signed.did, other.did):
        signed.sky.schedule("Hello", at="now", account=did, late="publish")
    signed.wire.inner = Hanging()
    hanging = [sent()]
    signed.clock.forward(DOUBT_SECONDS + 1)
    hanging.append(sent())
    signed.wire.inner = inner
    after = []
    for _ in range(5):
        signed.clock.forward(60)
        after.append(sent())
    assert ([[0, 1], [0, 1]], [1, 1]) == (hanging, after[-1])


def test_the_control(signed: Signed, pds: Pds) -> None:
    """Asking again as for an app password ends the session: the rules above are needed."""
    signed.wire.faults += ["lost answer"]
    server = signed.sky.oauth.authenticator(signed.stored)._server
    with pytest.raises(NoAnswer):
        server.refresh(signed.stored, float("inf"))
    with pytest.raises(oauth_refresh.InvalidGrant, match="replayed"):
        server.refresh(signed.stored, float("inf"))
    assert 0 == sessions_at(pds, signed.did)


def test_another_process_refreshed(signed: Signed, process: Process) -> None:
    """A token that another process has replaced is taken from the store, without another refresh."""
    assert signed.works()
    process().context.agent(signed.done.account).refresh()
    signed.wire.sent.clear()
    assert signed.works() and 0 == signed.wire.refreshes()


def test_many_threads(signed: Signed) -> None:
    """Sixteen threads that find the token at its end make one refresh."""
    signed.clock.forward(3600 - 20)
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(signed.works())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [True] * 16 == answers
    assert 1 == _carried_out(signed)


def _carried_out(signed: Signed) -> int:
    """Refreshes that were not turned away for their nonce: the first on a connection is."""
    return signed.wire.refreshes() - 1


@pytest.mark.parametrize("skew_seconds", [600, -600, 1, 15])
def test_wrong_clock(process: Process, sign_in: SignIn, skew_seconds: float) -> None:
    """A clock that is wrong by ten minutes, or by a second, signs in, posts and refreshes."""
    signed = Signed(process, sign_in, skew_seconds)
    assert signed.works()
    signed.agent.refresh()
    assert signed.works()
    # A process that begins knows nothing of the server's clock.
    fresh = process(clock=MovedClock(skew_seconds)).context.agent(signed.done.account)
    assert signed.did == fresh.query(WHO)["did"]


def test_deactivated(signed: Signed, pds: Pds, account: PdsAccount) -> None:
    """A deactivated account keeps its session, and goes on when it is active again."""
    pds.call("com.atproto.server.deactivateAccount", {}, jwt=account.access_jwt)
    signed.agent.refresh()
    with pytest.raises(AccountUnavailable):
        signed.agent.procedure(
            "com.atproto.repo.createRecord", {"repo": signed.did, "collection": "app.bsky.feed.post", "record": {}}
        )
    pds.call("com.atproto.server.activateAccount", b"", jwt=account.access_jwt)
    signed.agent.refresh()
    assert signed.works()


def test_revoked(signed: Signed, pds: Pds) -> None:
    """A session that was revoked elsewhere is over at once, and nobody asks for it again."""
    signed.sky.oauth.authenticator(signed.stored).end()
    with fails("session.over", match="has ended"):
        signed.agent.query(WHO)
    signed.wire.sent.clear()
    with fails("session.over"):
        signed.agent.query(WHO)
    assert 0 == signed.wire.refreshes()


def test_logout(signed: Signed, pds: Pds) -> None:
    """Signing out revokes the session at the server."""
    signed.sky.accounts.logout(signed.done.account.handle)
    assert 0 == sessions_at(pds, signed.did)


def test_a_new_sign_in_ends_the_former(signed: Signed, sign_in: SignIn, process: Process, pds: Pds) -> None:
    """Signing in again replaces the session, here and at the server; a process that used the former goes on."""
    assert signed.works()
    sign_in(process())
    assert 1 == sessions_at(pds, signed.did)
    assert signed.works()


def test_the_database_is_away(signed: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens that could not be stored are not thrown away: they are stored as soon as the database is back."""
    replace = Sessions.replace

    def failing(sessions: Sessions, before: OAuthSession, session: OAuthSession) -> bool:
        if session.refresh_token != before.refresh_token:
            raise StorageError("Another process keeps the database locked.", code="database.busy")
        return replace(sessions, before, session)

    agent = signed.agent
    monkeypatch.setattr(Sessions, "replace", failing)
    for _ in range(2):
        with fails("database.busy"):
            agent.refresh()
    assert "refreshing" == signed.stored.phase
    monkeypatch.setattr(Sessions, "replace", replace)
    assert signed.did == agent.query(WHO)["did"]
    assert ("ready", 1) == (signed.stored.phase, _carried_out(signed))


def test_clocks_of_hosts_differ(signed: Signed, process: Process) -> None:
    """A host whose clock is ten minutes ahead does not take a refresh of just now for an old one."""
    started = signed.stored.refreshing("here", signed.clock.now())
    assert signed.sky.context.store.sessions.replace(signed.stored, started)
    clock, wire = MovedClock(600), Wire()
    elsewhere = process(wire, clock).oauth._replace(host="elsewhere").authenticator(started)
    with fails("session.refresh_in_doubt"):
        elsewhere.refresh()
    assert (0, {"here", "elsewhere"}) == (wire.refreshes(), set(signed.stored.seen))
    clock.forward(DOUBT_SECONDS + 1)
    assert "ready" == elsewhere.refresh().phase


# Processes that die


CHILD = """
import signal, sys, threading
from skywrite.app import Skywrite
from skywrite.protocol.atproto.dpop import DpopTransport
from skywrite.core.http import Http
from skywrite.queue.accounts import Sessions
from tests.oauth.support import MovedClock

point, slept = sys.argv[1], float(sys.argv[2])
clock, go_on = MovedClock(), threading.Event()
signal.signal(signal.SIGUSR1, lambda number, frame: go_on.set())

def stop(here):
    if here == point and not go_on.is_set():
        print("at", here, flush=True)
        # A signal may reach another thread, which does not interrupt this one's waiting.
        while not go_on.wait(0.05):
            pass
        clock.forward(slept)

class Wire(Http):
    def request(self, method, url, **more):
        if "/oauth/token" in url:
            stop("before sending")
        response = super().request(method, url, **more)
        if "/oauth/token" in url and b"access_token" in response.body:
            stop("after the answer")
        return response

proof, replace = DpopTransport.proof, Sessions.replace

def proving(self, method, url, token=""):
    if "/oauth/token" in url:
        stop("before the proof")
    return proof(self, method, url, token)

def replacing(self, before, session):
    done = replace(self, before, session)
    if session.refresh_token != before.refresh_token:
        stop("after storing")
    return done

DpopTransport.proof, Sessions.replace = proving, replacing
sky = Skywrite(transport=Wire(), clock=clock)
try:
    print("ended:", sky.context.agent(sky.accounts.list()[0]).refresh().phase, flush=True)
except Exception as error:
    print("ended:", error.code, flush=True)
"""


@pytest.fixture
def child(signed: Signed) -> Iterator[Callable[..., Child]]:
    """child(point, slept_seconds): a process that refreshes the session, and stands still at a point until woken."""
    config = signed.sky.context.config
    environ = {
        "SKYWRITE_HOME": str(config.home),
        "SKYWRITE_PLC_URL": config.plc_url,
        "BLUESKY_PDS": config.service,
    }
    started: list[Child] = []

    def start(point: str, slept: float = 0) -> Child:
        started.append(python_child("-c", CHILD, point, str(slept), environ=environ))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def wake(process: Child) -> None:
    """Let a frozen process go on from where it stands."""
    process.send(signal.SIGCONT)
    process.send(signal.SIGUSR1)


def test_killed_before_sending(signed: Signed, child: Callable[..., Child]) -> None:
    """A process killed between its intention and the request costs ninety seconds and nothing else."""
    process = child("before sending")
    process.wait_for_line("at before sending")
    process.kill()
    signed.clock.forward(61)
    with fails("session.refresh_in_doubt"):
        signed.agent.refresh()
    assert signed.works()
    signed.clock.forward(DOUBT_SECONDS)
    signed.agent.refresh()
    assert signed.works() and "ready" == signed.stored.phase


def test_killed_after_the_answer(signed: Signed, child: Callable[..., Child], pds: Pds) -> None:
    """A process killed with the answer in its hands loses the session: no way is left, and it is said in the end."""
    process = child("after the answer")
    process.wait_for_line("at after the answer")
    process.kill()
    signed.clock.forward(61)
    with pytest.raises(TemporaryError):
        signed.agent.query(WHO)
    signed.clock.forward(HOPE_SECONDS + 1)
    with fails("session.over", match="has ended"):
        signed.agent.query(WHO)


def test_killed_after_storing(signed: Signed, child: Callable[..., Child]) -> None:
    """A process killed right after it has stored the answer has lost nothing."""
    process = child("after storing")
    process.wait_for_line("at after storing")
    process.kill()
    signed.clock.forward(61)
    assert signed.works()
    assert "ready" == signed.stored.phase


def test_frozen_with_the_answer(signed: Signed, child: Callable[..., Child]) -> None:
    """A process frozen past its lease, with the answer in its hands, stores it when it goes on, and nothing is lost."""
    process = child("after the answer")
    process.wait_for_line("at after the answer")
    process.freeze()
    for seconds in (61, DOUBT_SECONDS):
        signed.clock.forward(seconds)
        with pytest.raises(TemporaryError):
            signed.agent.query(WHO)
    wake(process)
    process.wait_for_line("ended: ready")
    assert signed.works() and "ready" == signed.stored.phase


def test_frozen_before_sending(signed: Signed, child: Callable[..., Child]) -> None:
    """A process frozen before it sends, past its lease and the doubt, does not send any more when it goes on."""
    process = child("before the proof", 200)
    process.wait_for_line("at before the proof")
    process.freeze()
    signed.clock.forward(61)
    with fails("session.refresh_in_doubt"):
        signed.agent.refresh()
    signed.clock.forward(DOUBT_SECONDS)
    signed.agent.refresh()
    wake(process)
    process.wait_for_line("ended: ready")
    assert signed.works() and "ready" == signed.stored.phase
