"""Every way in which a network fails, between the worker and the reference PDS.

Each time: published once, never before its time, the truth in the queue, and the other account is not kept waiting.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from skywrite.core.errors import SkywriteError
from tests.crash.support import PATIENCE_SECONDS, Pair, ask_together, environment, opened, pair
from tests.crash.workers import fork_server
from tests.support.errors import fails
from tests.support.fault_proxy import (
    EXECUTE_AND_TIME_OUT,
    GARBAGE,
    NEVER_ARRIVES,
    RESET_AFTER,
    RESET_BEFORE,
    TRUNCATED,
    Fault,
    FaultProxy,
    failing,
    held,
    rate_limited,
    slow,
)
from tests.support.pds import Pds, PdsAccount, running_pds

WRITE = "com.atproto.repo.applyWrites"
READ = "com.atproto.repo.getRecord"
REFRESH = "com.atproto.server.refreshSession"
PROCESSES = 8
DONE = ("published", None)

# The fault of the first write, and how the first attempt ends.
CASES: dict[str, tuple[Fault, tuple[str, str | None]]] = {
    "executed, then silence": (EXECUTE_AND_TIME_OUT, DONE),
    "never arrives": (NEVER_ARRIVES, ("retry", "server.timed_out")),
    "slow bytes": (slow(0.1), DONE),
    "reset before the commit": (RESET_BEFORE, ("retry", "server.no_answer")),
    "reset after the commit": (RESET_AFTER, DONE),
    "500": (failing(500), ("retry", "server.failed")),
    "500 after the commit": (failing(500, forward=True), DONE),
    "502 with a page": (failing(502, html=True), ("retry", "server.failed")),
    "502 after the commit": (failing(502, forward=True, html=True), DONE),
    "200 with a page": (failing(200, html=True), ("retry", "server.not_a_pds")),
    "truncated": (TRUNCATED, DONE),
    "garbage": (GARBAGE, DONE),
    "401 after the commit": (failing(401, forward=True, error="AuthenticationRequired"), DONE),
    "ExpiredToken after the commit": (failing(400, forward=True, error="ExpiredToken"), DONE),
    "403 after the commit": (failing(403, forward=True, error="Forbidden"), DONE),
}


@pytest.fixture(scope="module")
def shared(pds: Pds, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Alice behind the proxy, and bob: for all tests, because making accounts takes longer than most tests."""
    with pair(pds, tmp_path_factory.mktemp("network")) as both:
        yield both


@pytest.fixture
def two(shared: Pair) -> Pair:
    """The same, with nothing in the repositories as far as the test sees."""
    shared.begin()
    return shared


def finish(two: Pair, post_id: int) -> None:
    """Let the time of the next attempt come, having asked nothing before it."""
    post = two.sky.context.store.posts.get(post_id)
    assert post.attempt_at is not None and post.problem is not None
    before = len(two.proxy.exchanges)
    two.clock.set(post.attempt_at - timedelta(milliseconds=1))
    two.run_once()
    assert before == len(two.proxy.exchanges)
    two.clock.set(post.attempt_at)
    two.run_once()


def assert_published_once(two: Pair, post_id: int, texts: list[str]) -> None:
    """In the repository once, whole, and the queue names that very record."""
    post = two.sky.context.store.posts.get(post_id)
    records = two.records(two.alice)
    assert texts == [record["value"]["text"] for record in records]
    assert ("published", None, records[0]["uri"], records[0]["cid"]) == (post.state, post.problem, post.uri, post.cid)


@pytest.mark.parametrize("name", CASES)
def test_a_broken_write(two: Pair, name: str) -> None:
    """One fault on the write of a thread: settled by reading back, or tried again at its time and not before."""
    fault, first = CASES[name]
    two.transport.hurried = fault.manner in ("silence", "slow")
    thread, other = two.add(two.alice, "one", thread=["two"]), two.add(two.bob, "bob's")
    two.proxy.break_next(fault, WRITE)
    two.run_once()
    assert ("published", [DONE]) == two.told(other)
    assert ("published" if first == DONE else "scheduled", [first]) == two.told(thread)
    if first != DONE:
        finish(two, thread)
        assert ("published", [first, DONE]) == two.told(thread)
    assert_published_once(two, thread, ["one", "two"])


def test_connections_are_refused(two: Pair) -> None:
    """A server that is down is tried again; nothing was sent, and the queue says why."""
    post, other = two.add(two.alice, "one"), two.add(two.bob, "bob's")
    with two.proxy.refusing():
        two.run_once()
    assert ("published", [DONE]) == two.told(other)
    assert ("scheduled", [("retry", "server.unreachable")]) == two.told(post)
    finish(two, post)
    assert_published_once(two, post, ["one"])


def test_a_rate_limit_is_obeyed_to_the_second(two: Pair) -> None:
    """The account rests for as long as Retry-After says, with all its posts; another account does not."""
    limited, behind, other = two.add(two.alice, "one"), two.add(two.alice, "two"), two.add(two.bob, "bob's")
    two.proxy.break_next(rate_limited(77), WRITE)
    two.run_once()
    until = two.clock.now() + timedelta(seconds=77)
    account = two.sky.accounts.get(two.alice.handle)
    assert ("paused", until, until) == (
        account.state,
        account.paused_until,
        two.sky.context.store.posts.get(limited).attempt_at,
    )
    assert (("scheduled", [("retry", "server.rate_limited")]), ("scheduled", [])) == (
        two.told(limited),
        two.told(behind),
    )
    assert ("published", [DONE]) == two.told(other)
    finish(two, limited)
    assert (["one", "two"], "ok") == (sorted(two.texts(two.alice)), two.sky.accounts.get(two.alice.handle).state)


@pytest.mark.parametrize("read", [RESET_BEFORE, failing(502, html=True), GARBAGE, rate_limited(30)])
def test_doubt_outlives_an_attempt(two: Pair, read: Fault) -> None:
    """Written, but the answer is lost, and the look as well: it stays in doubt, may not be cancelled or changed, and
    the next attempt finds it."""
    post = two.add(two.alice, "one", thread=["two"])
    two.proxy.break_next(RESET_AFTER, WRITE)
    two.proxy.decide = lambda method, name: read if name == READ else None
    two.run_once()
    two.proxy.decide = lambda method, name: None
    assert ("scheduled", [("retry", "server.no_answer")]) == two.told(post)
    with fails("post.not_cancellable"):
        two.sky.posts.cancel(post)
    with fails("post.not_editable"):
        two.sky.posts.edit(post, text="another")
    finish(two, post)
    assert_published_once(two, post, ["one", "two"])


@pytest.mark.parametrize(
    "write", [failing(401, forward=True, error="Unauthorized"), failing(400, error="ExpiredToken")]
)
@pytest.mark.parametrize("parts", [1, 3])
def test_a_write_answered_with_a_refused_session(two: Pair, write: Fault, parts: int) -> None:
    """Whether or not it was carried out, and although the session is over: the post appears once, whole, also after a
    new sign-in, and a cancel that was confirmed holds."""
    expected = ["one", "two", "three"][:parts]
    post = two.add(two.alice, "one", thread=expected[1:])
    two.proxy.break_next(write, WRITE)
    two.proxy.decide = lambda method, name: failing(400, error="ExpiredToken") if name == REFRESH else None
    two.run_once()
    two.proxy.decide = lambda method, name: None
    assert ("published" if write.forward else "held") == two.sky.context.store.posts.get(post).state
    assert (expected if write.forward else []) == two.texts(two.alice)
    two.sky.accounts.login(two.alice.handle, two.alice.app_password, pds=two.proxy.url)
    two.clock.advance(600)
    two.run_once()
    assert_published_once(two, post, expected)


def test_one_stray_401_is_no_end_of_a_session(two: Pair) -> None:
    """A gateway's 401, for a write or for the refresh that follows, asks nobody to sign in."""
    post = two.add(two.alice, "one")
    two.proxy.break_next(failing(401, error="Unauthorized"), WRITE)
    two.proxy.break_next(failing(401, error="Unauthorized"), REFRESH)
    two.run_once()
    assert (("published", [DONE]), "ok") == (two.told(post), two.sky.accounts.get(two.alice.handle).state)


def test_an_account_in_trouble_delays_no_other(two: Pair) -> None:
    """While the answer to alice does not come, everything of bob's goes out."""
    answer = threading.Event()
    two.proxy.break_next(held(answer), WRITE)
    stuck = two.add(two.alice, "one")
    others = [two.add(two.bob, f"bob {number}") for number in range(5)]
    with in_background(two.run_once):
        try:
            two.proxy.wait_for(WRITE)
            await_states(two, others, "published")
            assert "publishing" == two.sky.context.store.posts.get(stuck).state
        finally:
            answer.set()
    assert_published_once(two, stuck, ["one"])


def silent(method: str, name: str) -> Fault | None:
    """A server that accepts writes and looks, and never answers."""
    return NEVER_ARRIVES if name in (WRITE, READ) else None


def test_posting_now_to_a_server_that_hangs(two: Pair) -> None:
    """Its user hears of it after one write and one look, and a worker sends it when the server is back."""
    two.transport.hurried = True
    two.proxy.decide = silent
    with fails("post.still_queued"):
        two.sky.post("one", account=two.alice.handle)
    assert (1, 1) == (two.proxy.count(WRITE), two.proxy.count(READ))
    two.proxy.decide, two.transport.hurried = lambda method, name: None, False
    two.clock.advance(60)
    two.run_once()
    assert ["one"] == two.texts(two.alice)


def test_a_stop_while_a_server_hangs(two: Pair) -> None:
    """The worker finishes the attempt and ends: its end is known, and nobody says that it died in the middle."""
    two.transport.hurried = True
    two.proxy.decide = silent
    post = two.add(two.alice, "one")
    worker = two.sky.worker()
    with in_background(worker.run_once):
        two.proxy.wait_for(WRITE)
        worker.stop()
    two.proxy.decide, two.transport.hurried = lambda method, name: None, False
    assert ("scheduled", [("retry", "server.timed_out")]) == two.told(post)
    finish(two, post)
    assert_published_once(two, post, ["one"])


class in_background:
    """Runs something in a thread for the time of a block, and waits for its end."""

    def __init__(self, action: Any) -> None:
        self._thread = threading.Thread(target=action)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()


def await_states(two: Pair, posts: list[int], state: str) -> None:
    """Wait until all posts are in a state: by the computer's clock, since time in the queue stands still meanwhile."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if {state} == {two.sky.context.store.posts.get(post).state for post in posts}:
            return
        threading.Event().wait(0.02)
    raise AssertionError(f"they do not become {state}: {[two.told(post) for post in posts]}")


def test_the_server_is_killed_in_the_middle(tmp_path: Path) -> None:
    """SIGKILL while two writes are on their way, one carried out and one not: each published once after the restart."""
    go_on = threading.Event()
    with running_pds(accounts=()) as server, pair(server, tmp_path, both=True) as two:
        two.begin()
        for fault in (RESET_AFTER, RESET_BEFORE):
            two.proxy.break_next(replace(fault, hold=go_on), WRITE)
        posts = [two.add(account, "one", thread=["two"]) for account in (two.alice, two.bob)]
        with in_background(two.run_once):
            try:
                two.proxy.wait_for(WRITE, times=2)
                server.kill()
            finally:
                go_on.set()
        assert [("scheduled", [("retry", "server.no_answer")])] * 2 == [two.told(post) for post in posts]
        server.restart()
        two.clock.advance(60)
        two.run_once()
        assert [("published", [("retry", "server.no_answer"), DONE])] * 2 == [two.told(post) for post in posts]
        assert [["one", "two"]] * 2 == [two.texts(account) for account in (two.alice, two.bob)]


def let_expire(two: Pair, account: PdsAccount) -> None:
    """Replace the account's access token by one that the server takes no more, which we cannot know."""
    session = two.sky.context.store.sessions.load(account.did)
    assert session is not None
    token = two.pds.mint_access_jwt(account.did, valid_seconds=-60)
    two.sky.context.store.sessions.save(session._replace(access_jwt=token))
    two.sky.context.agents.forget(account.did)


@pytest.mark.parametrize("fault", [None, RESET_AFTER, failing(500), GARBAGE])
def test_the_access_token_expires_in_the_middle(two: Pair, fault: Fault | None) -> None:
    """The server says so, the session is refreshed (again, where an answer is lost), and the post goes out at once."""
    let_expire(two, two.alice)
    if fault:
        two.proxy.break_next(fault, REFRESH)
    post = two.add(two.alice, "one")
    two.run_once()
    assert (("published", [DONE]), 2 if fault else 1) == (two.told(post), two.proxy.count(REFRESH))
    assert_published_once(two, post, ["one"])


def test_a_session_that_is_over_holds_the_post_for_a_login(two: Pair) -> None:
    """A revoked app password stops the account and nobody else; signing in lets the post go out, once."""
    let_expire(two, two.alice)
    two.proxy.break_next(failing(400, error="ExpiredToken"), REFRESH)
    post, other = two.add(two.alice, "one"), two.add(two.bob, "bob's")
    two.run_once()
    assert (("held", [("held", "account.needs_login")]), "needs_login") == (
        two.told(post),
        two.sky.accounts.get(two.alice.handle).state,
    )
    assert ("published", [DONE]) == two.told(other)
    two.sky.accounts.login(two.alice.handle, two.alice.app_password, pds=two.proxy.url)
    two.run_once()
    assert_published_once(two, post, ["one"])


def test_eight_processes_refresh_a_session_once(pds: Pds, account: PdsAccount, tmp_path: Path) -> None:
    """All find at the same moment that the token has expired: one asks for the next, the others take it."""
    with FaultProxy(pds.url, pds.plc_url) as proxy:
        environ = environment(tmp_path, proxy.url)
        with opened(environ) as sky:
            sky.accounts.login(account.handle, account.app_password, pds=proxy.url)
            session = sky.context.store.sessions.load(account.did)
            assert session is not None
            expired = session._replace(access_jwt=pds.mint_access_jwt(account.did, valid_seconds=-60))
            sky.context.store.sessions.save(expired)
        context, all_know = fork_server(), threading.Event()
        proxy.break_next(held(all_know, forward=False), REFRESH)
        together = context.Barrier(PROCESSES)
        processes = [
            context.Process(target=ask_together, args=(environ, account.did, together), daemon=True)
            for _ in range(PROCESSES)
        ]
        for process in processes:
            process.start()
        try:
            proxy.wait_for("getSession", times=PROCESSES)
            proxy.wait_for(REFRESH)
        finally:
            all_know.set()
            for process in processes:
                process.join()
    assert ([0] * PROCESSES, 1) == ([process.exitcode for process in processes], proxy.count(REFRESH))


def test_a_failed_post_is_reported_with_its_reason(two: Pair) -> None:
    """A refusal is final, in the server's words, and what comes after it goes out."""
    refused, after = two.add(two.alice, "one"), two.add(two.alice, "two")
    two.proxy.break_next(failing(400, error="InvalidRequest"), WRITE)
    two.run_once()
    entry = two.sky.posts.get(refused)
    assert ("failed", [("failed", "server.refused")]) == two.told(refused)
    assert "broken on purpose" in (entry.post.problem.message if entry.post.problem else "")
    assert (["two"], ("published", [DONE])) == (two.texts(two.alice), two.told(after))
    with pytest.raises(SkywriteError, match="not held"):
        two.sky.posts.release(refused)
    two.sky.posts.retry(refused)
    two.run_once()
    assert ["one", "two"] == sorted(two.texts(two.alice))
