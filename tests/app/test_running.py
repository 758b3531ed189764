"""The worker put together: what else it does, what it survives, how it ends."""

from __future__ import annotations

import itertools
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.app.chores import PRUNE_SECONDS, Lateness, Pruning
from skywrite.app.occurrences import Occurrences
from skywrite.app.timers import TimerTask
from skywrite.core.clock import SYSTEM_CLOCK
from skywrite.core.errors import InputError, NotSent
from skywrite.core.http import Response
from skywrite.faces.server.serving import ServedWorker
from skywrite.features.feeds.task import FeedTask
from skywrite.posting.publish.decide import Decider
from skywrite.posting.publish.log import silent
from skywrite.posting.publish.publisher import LEASE_SECONDS
from skywrite.queue.accounts import Accounts
from skywrite.queue.claims import Claims
from skywrite.queue.database import DatabaseUnavailable
from skywrite.queue.events import Events
from skywrite.queue.media import Media
from skywrite.queue.model import Account
from skywrite.queue.vault import Vault, WrongKey
from skywrite.queue.workers import Hanging, Workers
from tests.support.claims import claim_next
from tests.support.processes import PATIENCE_SECONDS, python_child
from tests.support.stored import raw
from tests.support.world import NOON, World

JOIN_SECONDS = 240


@pytest.fixture
def live(world: World, sky: Skywrite) -> Skywrite:
    """The same process on the computer's own clock."""
    world.box.clock = SYSTEM_CLOCK
    world.clock = SYSTEM_CLOCK  # type: ignore[assignment]
    process = world.process()
    process.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    return process


def test_pruning_comes_once_a_day(world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many processes there are, and however often they run."""
    pruned: list[datetime] = []
    monkeypatch.setattr(Media, "prune", lambda self: pruned.append(world.clock.now()))
    other = world.process()
    for _ in range(30):
        sky.run_once()
        other.run_once()
        world.clock.advance(6 * 3600)
    assert 8 == len(pruned)
    assert all(later - earlier >= timedelta(seconds=PRUNE_SECONDS) for earlier, later in itertools.pairwise(pruned))


def test_the_ledger_is_kept_for_days(world: World, sky: Skywrite) -> None:
    """What no budget asks for any more is dropped with everything else that is old."""
    kept = []
    for _ in range(6):
        sky.schedule("Now", at="now")
        sky.run_once()
        kept.append(len(raw(sky.context.store, "SELECT minute FROM spend")))
        world.clock.advance(86_400)
    assert [1, 2, 3, 4, 4, 4] == kept


def test_one_run_is_enough_after_a_long_pause(world: World, sky: Skywrite) -> None:
    """Hundreds of posts whose time was missed keep nothing that is due from going out in the same `run --once`."""
    sky.accounts.login("bob.test", world.box.account("bob.test").app_password, pds=world.box.url)
    for number in range(120):
        sky.schedule(f"old {number}", at=NOON + timedelta(seconds=number), account="alice.test", late="skip:30m")
    world.clock.advance(3 * 86_400)
    for account in ("alice.test", "bob.test"):
        sky.schedule("due now", at="now", account=account)
    assert 2 == sky.run_once(threads=1).published
    assert (["due now"], ["due now"], 0) == (world.texts(), world.texts("bob.test"), sky.posts.count_due())


def test_overdue_posts_go_out_one_after_the_other(world: World, sky: Skywrite) -> None:
    """After sleep, a worker that keeps running leaves a gap between them, and makes none of them late by that."""
    for number in range(5):
        sky.schedule(f"{number}", at=NOON + timedelta(seconds=number), thread=["more"], late="skip:61m")
    sky.schedule("On time", at=NOON + timedelta(hours=1, minutes=1, seconds=30), late="skip:1s")
    world.clock.advance(3600)
    worker = sky.worker()
    worker.publisher.decider.catch_up_gap_seconds = 30
    while True:
        if not worker.step():
            ready = sky.context.store.claims.next_ready_at()
            if ready is None:
                break
            world.clock.set(max(ready, world.clock.now()))
    posts = [sky.context.store.posts.get(number) for number in range(1, 7)]
    seconds = [round(((post.published_at or NOON) - NOON).total_seconds()) - 3600 for post in posts]
    assert ([0, 30, 60, 90, 120, 120], ["published"] * 6) == (seconds, [post.state for post in posts])
    assert None is sky.accounts.get().catching_up_since


def test_what_waited_for_a_sign_in_goes_out_in_one_run(world: World, sky: Skywrite) -> None:
    """Nothing of it is left for a later run, and nothing goes out before."""
    for number in range(5):
        sky.schedule(f"{number}", at=NOON + timedelta(minutes=number + 1), late="publish")
    sky.accounts.logout()
    world.clock.advance(3600)
    sky.run_once()
    before = world.texts()
    sky.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    sky.run_once()
    assert ([], 5, 0) == (before, len(world.texts()), sky.posts.count_due())


def test_only_a_worker_that_keeps_running_has_a_gap_for_overdue_posts(world: World, sky: Skywrite) -> None:
    """One that is stopped at once has it; `run --once` publishes everything that is due, unless a gap is set."""
    worker = sky.worker()
    assert 0 == worker.publisher.decider.catch_up_gap_seconds
    worker.stop()
    worker.run()
    assert 30 == worker.publisher.decider.catch_up_gap_seconds
    for number in range(6):
        sky.schedule(f"{number}", at=NOON + timedelta(seconds=number))
    world.clock.advance(3600)
    sky.accounts.set(None, {"catch_up_gap_seconds": 60})
    first = (sky.run_once().published, sky.posts.count_due())
    entries = [*sky.posts.each()]
    waits = [round((entry.push.at - world.clock.now()).total_seconds()) for entry in entries if entry.push]
    assert ((1, 5), [60, 120, 180, 240, 300]) == (first, waits)
    assert entries[3].push == sky.posts.forecast(sky.posts.get(entries[3].post.id)).push
    sky.accounts.set(None, {"catch_up_gap_seconds": None})
    assert (5, 0) == (sky.run_once().published, sky.posts.count_due())


def test_a_daily_cap_spreads_a_backlog_over_days(world: World, sky: Skywrite) -> None:
    """Nobody is late while an account keeps its own pace: every post goes out on its day, in order."""
    sky.accounts.set("alice.test", {"max_per_day": "2"})
    for number in range(7):
        sky.schedule(f"{number}", at=NOON, late="hold:1h")
    days = []
    for _ in range(4):
        sky.run_once()
        days.append(len(world.texts()))
        world.clock.set(sky.context.store.claims.next_ready_at() or world.clock.now())
    assert ([2, 4, 6, 7], [f"{number}" for number in range(7)]) == (days, world.texts())


def test_a_rule_that_starved_is_caught_up_with_in_one_run(world: World, sky: Skywrite) -> None:
    """A daily rule, `run --once` once a day, two days left out: each run publishes the post that is due, not the one
    of the day before."""
    sky.schedule("Q", every="daily 9:00", late="skip:2h")
    published = []
    for days in (1, 1, 3, 1, 1):
        world.clock.advance(days * 86_400)
        world.clock.set(world.clock.now().replace(hour=9, minute=1))
        published.append(sky.run_once().published)
    assert ([1] * 5, 5) == (published, len(world.texts()))


def test_posts_go_out_before_feeds_are_checked(world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed that hangs holds up no post that was due."""
    before: list[list[str]] = []
    monkeypatch.setattr(FeedTask, "due", lambda self: before.append(world.texts()) or [])
    sky.schedule("x", at="now")
    sky.run_once()
    assert ["x"] == before[0]


def test_a_hung_command_holds_up_no_other(world: World, live: Skywrite) -> None:
    """Six that hang, and one that is quick: its posts are made while they hang; and a stop does not wait for them."""
    quick = threading.Event()

    def log(event: str, **facts: Any) -> None:
        if event == "posted":
            quick.set()

    for command in (*["sleep 600"] * 6, "echo quick"):
        live.commands.add(command, every="* * * * *")
    make_due(live)
    worker = live.worker(log=log)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        assert quick.wait(JOIN_SECONDS)
    finally:
        worker.stop()
        thread.join(JOIN_SECONDS)
    assert not thread.is_alive()


def make_due(sky: Skywrite) -> None:
    """Let every timer be due now."""
    for timer in sky.context.store.timers.all():
        assert timer.next_at
        sky.context.store.timers.move(timer, sky.context.clock.now().replace(second=0, microsecond=0))


class Moved:
    """The network after an account has moved: its DID document names another server, and the old one is gone."""

    def __init__(self, world: World) -> None:
        self._inner = world.transport
        self.asked: list[str] = []

    def request(self, method: str, url: str, **more: Any) -> Response:
        self.asked.append(url)
        if "/xrpc/" in url:
            raise NotSent("Could not connect: nobody listens.")
        answer = self._inner.request(method, url, **more)
        return answer._replace(body=answer.body.replace(b"http://localhost:2583", b"https://new.example.com"))


def test_an_account_that_moved_asks_for_a_sign_in(world: World, sky: Skywrite) -> None:
    """Its old server is dead and its DID document names another one: it is not tried for days, and no token goes to
    the new server."""
    moved = Moved(world)
    other = world.process(transport=moved)
    other.schedule("Hello", at="now")
    for _ in range(3):
        other.run_once()
        world.clock.advance(60)
    held, account = other.context.store.posts.get(1), other.accounts.get("alice.test")
    assert ("held", "needs_login") == (held.state, account.state)
    assert held.problem and "has moved to https://new.example.com" in held.problem.message
    assert [] == [url for url in moved.asked if "new.example.com" in url]
    sky.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    sky.run_once()
    assert ["Hello"] == world.texts()


def test_a_dead_server_is_no_move(world: World, sky: Skywrite) -> None:
    """An account whose DID document names the server that it uses waits for it, and nobody has to sign in."""
    world.box.faults.add("com.atproto.repo.applyWrites", kind="refused", times=None)
    sky.schedule("Hello", at="now")
    for _ in range(5):
        sky.run_once()
        world.clock.advance(3600)
    assert ("scheduled", "ok") == (sky.context.store.posts.get(1).state, sky.accounts.get("alice.test").state)


def test_a_task_that_fails_ends_nothing(live: Skywrite, world: World) -> None:
    """It is told to the log; posts go out, and the worker ends when it is told."""

    class Failing:
        """A task that fails in one way after the other."""

        def __init__(self) -> None:
            self.errors: list[Exception] = [InputError("first"), RuntimeError("second")]
            self.done = threading.Event()

        def next_at(self) -> datetime | None:
            return live.context.clock.now() if self.errors else None

        def run(self) -> None:
            error = self.errors.pop()
            if not self.errors:
                self.done.set()
            raise error

    told: list[str] = []
    published = threading.Event()

    def log(event: str, **facts: Any) -> None:
        told.append(event)
        if event == "published":
            published.set()

    failing = Failing()
    worker = live.worker(log=log, tasks=[failing])
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        assert failing.done.wait(JOIN_SECONDS)
        live.schedule("Hello", at="now")
        assert published.wait(JOIN_SECONDS)
    finally:
        worker.stop()
        thread.join(JOIN_SECONDS)
    assert (False, ["Hello"]) == (thread.is_alive(), world.texts())
    assert {"error", "unexpected", "stopping"} <= set(told)


def test_a_log_that_cannot_be_written_stops_no_post(live: Skywrite, world: World) -> None:
    """A full disk takes the lines of the log and nothing else: what is due goes out, then and later."""

    def log(event: str, **facts: Any) -> None:
        raise OSError(28, "No space left on device")

    published = threading.Semaphore(0)
    worker = live.worker(threads=1, log=log)
    worker.after = lambda claim, outcome: published.release()
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        for text in ("one", "two"):
            live.schedule(text, at="now")
            assert published.acquire(timeout=JOIN_SECONDS)
    finally:
        worker.stop()
        thread.join(JOIN_SECONDS)
    assert (False, ["one", "two"]) == (thread.is_alive(), world.texts())


def test_a_task_that_stands_still_is_not_asked_without_a_pause(world: World, sky: Skywrite) -> None:
    """A task whose next time does not come nearer runs once a second, not as often as it can."""

    class Still:
        """What is due and cannot be done."""

        def __init__(self) -> None:
            self.runs: list[datetime] = []

        def next_at(self) -> datetime | None:
            return NOON

        def run(self) -> None:
            self.runs.append(world.clock.now())
            if len(self.runs) == 3:
                worker.stop()

    still = Still()
    worker = sky.worker()
    worker._task_loop(still)
    assert [NOON + timedelta(seconds=seconds) for seconds in range(3)] == still.runs


def test_workers_have_names_of_their_own(world: World) -> None:
    """Two in one process, and in two: a lease is never taken for one's own."""
    names = {world.process().context.worker_name for _ in range(20)}
    assert 20 == len(names)


def run_until_stopped(sky: Skywrite) -> None:
    with ThreadPoolExecutor(1) as threads:
        worker = sky.worker()
        worker.stop()
        threads.submit(worker.run).result(PATIENCE_SECONDS)


def serve_until_stopped(sky: Skywrite) -> None:
    serving = ServedWorker(sky, silent)
    serving.start()
    serving.stop()


@pytest.mark.parametrize("start", [run_until_stopped, serve_until_stopped], ids=["run", "serve"])
def test_however_a_worker_is_started_it_frees_what_a_killed_one_held(
    live: Skywrite, start: Callable[[Skywrite], None]
) -> None:
    """The account is not left alone until the lease ends: its process is known to be gone."""
    live.schedule("Hello", at="now")
    gone = python_child("-c", "from skywrite.posting.publish.processes import worker_name; print(worker_name())")
    with gone:
        name = gone.wait_for_line("/")
        gone.wait()
    claims = live.context.store.claims.claim_some(name, 120, Decider(), 1, lambda: ((), None))
    start(live)
    until = live.accounts.get().lease_until or live.context.clock.now()
    assert (1, True) == (len(claims), until <= live.context.clock.now())


@pytest.mark.parametrize("start", [run_until_stopped, serve_until_stopped], ids=["run", "serve"])
def test_however_a_worker_is_started_a_wrong_key_is_an_error(live: Skywrite, start: Callable[[Skywrite], None]) -> None:
    """Every attempt would fail, so it says so before it begins."""
    live.context.store.vault = Vault(live.context.vault._home, "another passphrase")
    with pytest.raises(WrongKey):
        start(live)


def test_a_worker_that_has_ended_is_no_longer_reported_as_alive(
    live: Skywrite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`doctor --run` looks at these."""
    worker = live.worker()
    beating = threading.Event()
    beat = Workers.beat

    def watched(workers: Workers, name: str, hanging: Sequence[Hanging]) -> None:
        beat(workers, name, hanging)
        beating.set()

    monkeypatch.setattr(Workers, "beat", watched)
    runner = live._runner()
    runner.worker = lambda **_: worker  # type: ignore[method-assign]
    live._runner = lambda *_: runner  # type: ignore[method-assign]
    thread = threading.Thread(target=live.run)
    thread.start()
    assert beating.wait(JOIN_SECONDS)
    worker.stop()
    thread.join(JOIN_SECONDS)
    assert (False, []) == (thread.is_alive(), Workers(live.context.store).all())


def test_a_worker_never_reads_all_accounts(live: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be a million of them: neither its start nor any of its tasks asks for the whole list."""
    live.schedule("x", at="now")
    asked: list[Accounts] = []

    def every(accounts: Accounts) -> list[Account]:
        asked.append(accounts)
        return []

    monkeypatch.setattr(Accounts, "all", every)
    worker = live.worker()
    for task in worker.tasks:
        task.run()
    assert ([], 1) == (asked, live.run_once().published)


def test_the_database_going_away_is_reported_by_run_once(
    world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody takes a run that did nothing for one that found nothing."""
    sky.schedule("x", at="now")

    def away(*_: Any, **__: Any) -> Any:
        raise DatabaseUnavailable("The database went away.")

    monkeypatch.setattr(Claims, "claim_some", away)
    with pytest.raises(DatabaseUnavailable):
        sky.run_once()


@pytest.mark.parametrize(
    ("error", "event"),
    [(RuntimeError("no"), "unexpected"), (InputError("no"), "error"), (DatabaseUnavailable("no"), "storage")],
)
@pytest.mark.parametrize("step", [(TimerTask, "due"), (Occurrences, "sweep"), (FeedTask, "due"), (Pruning, "run")])
def test_publishing_comes_whatever_else_fails(
    world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch, step: tuple[type, str], error: Exception, event: str
) -> None:
    """A run tells a step that fails and publishes all the same; what a user can mend is raised in the end."""

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(*step, fail)
    sky.schedule("x", at="now")
    told: list[str] = []
    with nullcontext() if event == "unexpected" else pytest.raises(type(error)):
        sky.run_once(log=lambda name, **facts: told.append(name))
    assert (["x"], True) == (world.texts(), event in told)


def test_the_next_of_a_rule_is_made_at_once(world: World, sky: Skywrite) -> None:
    """Not at the next sweep; and a sweep that fails does not undo what was published."""
    sky.schedule("x", every="0 * * * *")
    world.clock.advance(3601)
    worker = sky.worker()
    assert worker.step()
    assert ["published", "scheduled"] == [state for _, state in world.states(sky)]
    world.clock.advance(3601)

    def broken(claim: object, outcome: object) -> None:
        raise InputError("no")

    worker.after = broken
    assert worker.step()
    assert ["x", "x"] == world.texts()


def test_a_dead_mention_does_not_hold_up_a_post(world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits an hour for its look-up; then it stays plain text, and the log says so."""
    world.box.faults.add("com.atproto.identity.resolveHandle", kind="error_500", times=None)
    scheduled = sky.schedule("Hello @bob.test", at="in 1 hour")
    assert "could not be looked up yet" in scheduled.warnings[0]
    world.clock.advance(3600)
    told: list[tuple[str, Any]] = []
    for _ in range(3):
        sky.run_once(log=lambda event, **facts: told.append((event, facts.get("handle"))))
        world.clock.advance(120)
    assert [] == world.texts()
    world.clock.advance(3600)
    sky.run_once(log=lambda event, **facts: told.append((event, facts.get("handle"))))
    assert (["Hello @bob.test"], None) == (world.texts(), world.records()[0].get("facets"))
    assert ("mention_left", "bob.test") in told


def test_a_mention_is_looked_up_at_the_accounts_own_server(world: World, sky: Skywrite) -> None:
    """Also by the worker, when it could not be done before."""
    world.box.faults.add("com.atproto.identity.resolveHandle", kind="error_500", times=None)
    sky.schedule("Hello @bob.test", at="in 1 hour")
    world.box.faults.clear()
    world.clock.advance(3600)
    world.process().run_once()
    did = world.box.account("bob.test").did
    assert did == world.records()[0]["facets"][0]["features"][0]["did"]


def test_a_blob_that_the_server_dropped_is_uploaded_again(world: World, sky: Skywrite, image: Any) -> None:
    """It is not the post's fault."""
    world.box.blob_lifetime = timedelta(seconds=1)
    sky.schedule("Image", at="now", images=[(image(), "Red")])
    upload = world.transport.request
    slow = [True]

    def request(method: str, url: str, **more: Any) -> Any:
        answer = upload(method, url, **more)
        if url.endswith("uploadBlob") and slow:
            slow.pop()
            world.clock.advance(60)
        return answer

    world.transport.request = request  # type: ignore[method-assign]
    sky.run_once()
    assert [] == world.texts()
    world.clock.advance(60)
    sky.run_once()
    assert ["Image"] == world.texts()


def test_a_lost_lease_stops_everything(world: World, sky: Skywrite) -> None:
    """A call that slept too long leaves its post to the worker that took it over, and tells its result."""
    asleep: list[bool] = []

    def sleep(post: Any, cid: str, done: int, size: int) -> None:
        if done == size and not asleep:
            asleep.append(True)
            world.clock.advance(LEASE_SECONDS + 1)
            assert 1 == other.run_once().published

    other = world.process()
    sent = sky.post("Sleepy", images=[{"data": _png(), "alt": "Red"}], progress=sleep)
    assert (["Sleepy"], world.box.posts("alice.test")[0].uri) == (world.texts(), sent.uri)


def _png() -> bytes:
    import io

    from PIL import Image

    data = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(data, "PNG")
    return data.getvalue()


def test_traces_of_killed_workers_go(world: World, sky: Skywrite) -> None:
    """A day after their last sign of life."""
    workers = Workers(sky.context.store)
    workers.beat("gone/1/a")
    sky.run_once()
    world.clock.advance(PRUNE_SECONDS + 1)
    workers.beat("here/1/b")
    sky.run_once()
    assert ["here/1/b"] == [one.name for one in workers.all()]


def test_who_reads_started_may_say_stop(live: Skywrite, world: World) -> None:
    """A signal that comes at once ends the worker in order, and the program has its own handlers back."""
    before = signal.getsignal(signal.SIGTERM)
    handled: list[bool] = []

    def log(event: str, **facts: Any) -> None:
        if event == "started":
            handled.append(signal.getsignal(signal.SIGTERM) not in (before, signal.SIG_DFL))
            if handled[0]:
                signal.raise_signal(signal.SIGTERM)
            else:
                raise KeyboardInterrupt

    live.run(log=log)
    assert ([True], before) == (handled, signal.getsignal(signal.SIGTERM))


def test_a_signal_may_come_at_any_time(live: Skywrite) -> None:
    """Also while the main thread holds a lock that stopping needs: the worker ends in order, and does not hang."""
    lock = threading.Lock()
    free: list[bool] = []

    def log(event: str, **facts: Any) -> None:
        if event == "started":
            with lock:
                signal.raise_signal(signal.SIGTERM)

    runner = live._runner()
    worker = runner.worker(log=log)
    stop = worker.stop

    def locked_stop() -> None:
        free.append(lock.acquire(timeout=JOIN_SECONDS))
        if free[-1]:
            lock.release()
        stop()

    worker.stop = locked_stop  # type: ignore[method-assign]
    runner.worker = lambda **_: worker  # type: ignore[method-assign]
    runner.run()
    assert [True, True] == free


def test_what_is_let_go_is_reported_and_counted(world: World, sky: Skywrite) -> None:
    """A run in which posts were held or skipped for their lateness says so."""
    for _ in range(2):
        sky.schedule("Held", at="in 1 hour", late="hold:1m")
    sky.schedule("Skipped", at="in 1 hour", late="skip:1m")
    world.clock.advance(7200)
    told: list[tuple[str, Any]] = []
    tally = sky.run_once(log=lambda event, **facts: told.append((event, facts.get("post"))))
    assert (2, 1, 0) == (tally.held, tally.skipped, tally.published)
    assert [("held", 1), ("held", 2), ("skipped", 3)] == [item for item in told if item[0] in ("held", "skipped")]


def test_a_wrong_key_is_reported_at_the_start(world: World, sky: Skywrite) -> None:
    """Nothing is tried with a key that opens nothing; nor is a post stored that could not be sent."""
    sky.schedule("Hello", at="now")
    other = world.process(SKYWRITE_KEY="A" * 43 + "=")
    for attempt in (other.run_once, lambda: other.post("Now")):
        with pytest.raises(WrongKey):
            attempt()
    assert (1, 0) == (len(sky.context.store.listing.posts()), sky.context.store.posts.get(1).attempts)


def test_what_is_known_is_settled_when_the_database_is_back(
    world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A post that was sent while it was away is published at once, and not looked for when a lease is over."""
    sky.schedule("Hello", at="now")
    store, away = sky.context.store, [True, True]
    settle = store.claims.settle

    def settling(*arguments: Any, **more: Any) -> bool:
        if away and away.pop():
            raise DatabaseUnavailable("It is away.")
        return settle(*arguments, **more)

    monkeypatch.setattr(store.claims, "settle", settling)
    began = world.clock.now()
    sky.run_once()
    assert ("published", 1) == (store.posts.get(1).state, store.posts.get(1).attempts)
    assert timedelta(seconds=10) > world.clock.now() - began


@pytest.mark.parametrize("away", [True, False])
def test_what_cannot_be_settled_is_given_back(
    world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch, away: bool
) -> None:
    """When its lease is over, a worker leaves its post to the next one, at once where the database lets it."""
    sky.schedule("Hello", at="now")
    store, events = sky.context.store, []

    def gone(*arguments: Any, **more: Any) -> bool:
        raise DatabaseUnavailable("It is away.")

    monkeypatch.setattr(store.claims, "settle", gone)
    if away:
        monkeypatch.setattr(store.claims, "release", gone)
    publisher = sky._sending.publisher(log=lambda event, **facts: events.append((event, "post" in facts)))
    claim = claim_next(store, "w", LEASE_SECONDS, publisher.decider)
    assert claim is not None
    with pytest.raises(DatabaseUnavailable):
        publisher.publish_and_settle(claim)
    assert ("publishing" if away else "scheduled") == store.posts.get(1).state
    assert ([("storage", True)] * 60, [("storage", False)] * away) == (events[:60], events[60:])


def test_a_database_that_is_replaced_while_a_worker_runs(live: Skywrite, tmp_path: Path) -> None:
    """The worker says so, and publishes what is due in the new file."""
    other = tmp_path / "other.db"
    live.context.store.backup(other)
    with Skywrite(str(other), config=live.context.config, transport=live.context.network.transport) as aside:
        aside.schedule("From the other file", at="now")
    told: list[str] = []

    def log(event: str, **facts: Any) -> None:
        told.append(event)
        if event == "started":
            other.replace(live.context.store.place)
        elif event == "published":
            signal.raise_signal(signal.SIGTERM)

    live.run(log=log)
    assert ("database_replaced" in told, ["published"]) == (
        True,
        [one.state for one in live.context.store.listing.history()],
    )


def test_a_late_worker_is_reported_once(world: World, sky: Skywrite) -> None:
    """Posts that are due and that no worker takes are an event after five minutes, and again the next time."""
    sky.schedule("Late", at=NOON)
    chore = Lateness(sky.context)

    def reported() -> int:
        chore.run()
        return [event.kind for event in Events(sky.context.store).after(0)].count("worker.late")

    counts = [reported()]
    for seconds in (299, 2, 600):
        world.clock.advance(seconds)
        counts.append(reported())
    assert [(sky.accounts.list()[0].did,)] == [event.account_dids for event in Events(sky.context.store).after(0)]
    sky.run_once()
    counts.append(reported())
    sky.schedule("Late again", at=world.clock.now())
    world.clock.advance(301)
    assert [0, 0, 1, 1, 1, 2] == [*counts, reported()]
