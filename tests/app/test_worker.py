"""The worker without its other tasks: what it claims, when it asks again, what it counts and tells, and how it ends."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.clock import SystemClock
from skywrite.core.errors import InputError, NotSent, SkywriteError
from skywrite.posting.publish.hosts import Choice
from skywrite.posting.publish.worker import Tally, Worker, in_turn
from skywrite.queue.claims import Claims
from skywrite.queue.database import DatabaseUnavailable
from skywrite.queue.model import Claim, Failed, Held, Problem, Published, Retry
from skywrite.queue.store import Store
from tests.support.world import NOON, Told, World, before_each_write

WRITE = "com.atproto.repo.applyWrites"
PATIENCE_SECONDS = 240
SECOND = timedelta(seconds=1)


@pytest.fixture
def worker(sky: Skywrite, told: Told) -> Worker:
    """A worker with four threads."""
    return Worker("w", sky._sending.publisher(log=told), threads=4, log=told)


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many posts each claim asked for."""
    asked: list[int] = []
    claim_some = Claims.claim_some

    def claiming(claims: Claims, name: str, seconds: float, decide: Any, most: int, *more: Any) -> list[Claim]:
        asked.append(most)
        return claim_some(claims, name, seconds, decide, most, *more)

    monkeypatch.setattr(Claims, "claim_some", claiming)
    return asked


def bob_too(world: World, sky: Skywrite) -> None:
    """bob.test is signed in as well, and both have a post that is due."""
    sky.accounts.login("bob.test", world.box.account("bob.test").app_password, pds=world.box.url)
    for account in ("alice.test", "bob.test"):
        sky.schedule("Hello", at="now", account=account)


def publishing_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("publish-")]


@pytest.mark.parametrize(("seconds", "expected"), [(None, 0), (-1, -1), (60, 60), (61, 0)])
def test_a_periodic_task_runs_in_its_turn(seconds: int | None, expected: int) -> None:
    """At its time, or now: where it has not run yet, or where a clock that ran ahead has postponed it."""
    next_at = None if seconds is None else NOON + seconds * SECOND
    assert NOON + expected * SECOND == in_turn(next_at, NOON, 60 * SECOND)


def test_every_outcome_is_counted_once() -> None:
    """What a run returns is how many posts came to what."""
    tally, problem = Tally(), Problem("x", "y")
    outcomes = (Published("at://x", "bafyx"), Retry(NOON, problem), Failed(problem), Held(problem), None)
    for times, outcome in enumerate(outcomes, 1):
        for _ in range(times):
            tally.add(outcome)
    assert Tally(published=1, retried=2, failed=3, held=4, skipped=0) == tally


def test_the_log_tells_each_post_from_its_claim_to_its_outcome(world: World, sky: Skywrite, told: Told) -> None:
    """With its account, its address and what went wrong; and when there is nothing left to do, once."""
    worker = Worker("w", sky._sending.publisher(), threads=1, log=told)
    for _ in range(2):
        sky.schedule("Hello", at="now")
    world.box.faults.add(WRITE, kind="refused", times=None)
    worker.run_once()
    world.box.faults.clear()
    world.clock.advance(60)
    worker.run_once()
    worker.run_once()
    alice = {"account": "alice.test"}
    problem = sky.context.store.posts.attempts(1)[0].problem
    assert problem
    refused = {"uri": None, "error": "NotSent", "code": "server.unreachable", "message": problem.message}
    first, second = (
        {"uri": post.uri, "error": None, "code": None, "message": None} for post in world.box.posts("alice.test")
    )
    assert [
        ("claimed", {"post": 1, "attempt": 1, **alice}),
        ("retry", {"post": 1, **refused, **alice}),
        ("idle", {}),
        ("claimed", {"post": 1, "attempt": 2, **alice}),
        ("published", {"post": 1, **first, **alice}),
        ("claimed", {"post": 2, "attempt": 1, **alice}),
        ("published", {"post": 2, **second, **alice}),
        ("idle", {}),
    ] == told


def test_what_follows_a_post_is_not_its_trouble(world: World, sky: Skywrite, worker: Worker, told: Told) -> None:
    """It is told to the log; the post is published, and the next one goes out."""

    def fail(claim: Claim, outcome: object) -> None:
        raise InputError("The next of the series cannot be made.")

    worker.after = fail
    for text in ("one", "two"):
        sky.schedule(text, at="now")
    assert Tally(published=2) == worker.run_once()
    failed = (
        "error",
        {"error": "InputError", "code": "input.invalid", "message": "The next of the series cannot be made."},
    )
    assert (["one", "two"], 2) == (world.texts(), told.count(failed))


def test_nothing_is_claimed_while_the_clock_may_be_wrong(sky: Skywrite, claims: list[int]) -> None:
    """Nor is anything asked; when the clock is right, what is due goes out."""
    right = [True, False]
    worker = Worker("w", sky._sending.publisher(), is_time_right=right.pop)
    sky.schedule("Hello", at="now")
    assert (False, [], True, [1]) == (worker.step(), claims[:], worker.step(), claims)


def test_a_claim_in_vain_is_not_repeated_at_once(
    world: World, sky: Skywrite, worker: Worker, claims: list[int]
) -> None:
    """While servers have all threads that they may have, the database is asked twenty times a second at most; and at
    once where another server, or one more thread of the same, may be claimed."""
    server = world.box.url
    bob_too(world, sky)
    worker.hosts.enter(server, "another")
    asked = []
    for seconds in (0, 0, 0.049, 0.001, 0.01):
        world.clock.advance(seconds)
        assert not worker.step()
        asked.append(len(claims))
    worker.hosts.leave(server, "another", "answers")
    assert ([1, 1, 1, 2, 2], True, 3) == (asked, worker.step(), len(claims))


def test_a_claim_that_found_nothing_is_repeated_where_any_server_would_do(worker: Worker, claims: list[int]) -> None:
    """It may have come just before a post did."""
    assert (False, False, 2) == (worker.step(), worker.step(), len(claims))


@pytest.mark.parametrize("fails", [True, False])
def test_a_claim_keeps_its_server_busy_until_it_is_done(
    world: World, sky: Skywrite, worker: Worker, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """Not longer, also where the claim could not be stored."""
    sky.schedule("Hello", at="now")
    claim_some, seen = Claims.claim_some, list[Choice]()

    def claiming(claims: Claims, *arguments: Any) -> list[Claim]:
        batch = claim_some(claims, *arguments)
        seen.append(worker.hosts.choice())
        if fails:
            raise DatabaseUnavailable("It is away.")
        return batch

    monkeypatch.setattr(Claims, "claim_some", claiming)
    if fails:
        with pytest.raises(DatabaseUnavailable):
            worker.step()
    else:
        assert worker.step()
    assert ([Choice(frozenset({world.box.url}))], Choice()) == (seen, worker.hosts.choice())


@pytest.mark.parametrize(("seconds", "hangs"), [(1, False), (3, True)])
def test_a_server_that_lets_a_thread_wait_in_vain_hangs(
    world: World, sky: Skywrite, worker: Worker, seconds: float, hangs: bool
) -> None:
    """What counts is how long the attempt took, with the second request that it makes."""

    def in_vain() -> None:
        world.clock.advance(seconds)
        raise NotSent("No connection.")

    before_each_write(world, in_vain)
    world.clock.advance(1000)
    sky.schedule("Hello", at="now")
    assert worker.step()
    assert [world.box.url] * hangs == [one.server for one in worker.hosts.trouble()]


class Gate:
    """Where threads are held up until they may go on."""

    def __init__(self) -> None:
        self.reached = threading.Semaphore(0)
        self._open = threading.Semaphore(0)

    def pass_through(self) -> None:
        self.reached.release()
        assert self._open.acquire(timeout=PATIENCE_SECONDS)

    def await_one(self) -> None:
        assert self.reached.acquire(timeout=PATIENCE_SECONDS)

    def open(self) -> None:
        self._open.release(1000)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Open in the end, whatever the test comes to."""
    gate = Gate()
    yield gate
    gate.open()


def test_a_server_has_room_while_its_post_is_settled(
    world: World, sky: Skywrite, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that waits for the database keeps no other from the server."""
    sky.schedule("Hello", at="now")
    before: list[Choice] = []
    after: list[Choice] = []
    before_each_write(world, lambda: before.append(worker.hosts.choice()))
    settle = Claims.settle

    def settling(claims: Claims, *claim: Any, **account: Any) -> bool:
        after.append(worker.hosts.choice())
        return settle(claims, *claim, **account)

    monkeypatch.setattr(Claims, "settle", settling)
    assert Tally(published=1) == worker.run_once()
    assert ([Choice(frozenset({world.box.url}))], [Choice()]) == (before, after)


def test_a_run_that_has_failed_can_be_repeated(
    world: World, sky: Skywrite, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of the first one is its own; and no thread is left of either."""
    sky.schedule("Hello", at="now")
    with monkeypatch.context() as broken:
        broken.setattr(Claims, "claim_some", lambda *_: (_ for _ in ()).throw(DatabaseUnavailable("It is away.")))
        with pytest.raises(DatabaseUnavailable):
            worker.run_once()
    assert (Tally(published=1), ["Hello"], []) == (worker.run_once(), world.texts(), publishing_threads())


class Watch:
    """Waits for nothing, and notes for how long it should have: then the worker is stopped."""

    def __init__(self, worker: Worker, times: int) -> None:
        self.waits: list[float] = []
        self._worker, self._times = worker, times

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def wake(self) -> None:
        pass

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) == self._times:
            self._worker.stop()


def test_a_worker_waits_for_the_next_post_or_half_a_minute(
    world: World, worker: Worker, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    """Whatever comes first, also when no post is there; a change of the database ends each of these waits."""
    watch = Watch(worker, times=3)
    times = iter([None, NOON + 10 * SECOND, NOON + 100 * SECOND])
    monkeypatch.setattr(Store, "watch", lambda store: watch)
    monkeypatch.setattr(Claims, "next_ready_at", lambda store: next(times))
    worker.run()
    assert ([30, 10, 30], ["idle", "stopping"], []) == (watch.waits, told.events(), publishing_threads())


def test_a_post_that_nobody_can_claim_is_asked_for_twenty_times_a_second_at_most(
    world: World, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one of a server that has all the threads that it may have."""
    asked: list[datetime] = []

    def due() -> datetime:
        asked.append(world.clock.now())
        if len(asked) == 5:
            worker.stop()
        return NOON

    monkeypatch.setattr(Claims, "next_ready_at", lambda store: due())
    monkeypatch.setattr(Claims, "claim_some", lambda *_: [])
    worker.run()
    assert all(later - earlier >= SECOND / 20 for earlier, later in pairwise(asked))


@pytest.mark.parametrize(
    ("error", "told_as"),
    [
        (
            DatabaseUnavailable("no"),
            ("storage", {"error": "DatabaseUnavailable", "code": "database.unavailable", "message": "no"}),
        ),
        (InputError("no"), ("error", {"error": "InputError", "code": "input.invalid", "message": "no"})),
        (RuntimeError("no"), ("unexpected", {})),
    ],
)
def test_a_database_in_trouble_is_asked_less_and_less_often(
    world: World,
    worker: Worker,
    monkeypatch: pytest.MonkeyPatch,
    told: Told,
    error: Exception,
    told_as: tuple[str, dict[str, Any]],
) -> None:
    """Whatever the trouble is, the worker goes on, and its log says each time what it met."""
    asked: list[datetime] = []

    def failing(claims: Claims) -> None:
        asked.append(world.clock.now())
        if len(asked) == 3:
            worker.stop()
        raise error

    monkeypatch.setattr(Claims, "next_ready_at", failing)
    worker.run()
    event, facts = told_as
    expected = (event, facts if isinstance(error, SkywriteError) else {"error": error})
    assert ([NOON, NOON + 2 * SECOND, NOON + 6 * SECOND], 3) == (asked, told.count(expected))


class Planned:
    """A task with a list of times, which stops its worker when there are none left."""

    def __init__(self, world: World, *times: datetime) -> None:
        self._clock, self._times = world.clock, [*times]
        self.worker: Worker | None = None
        self.runs: list[datetime] = []

    def next_at(self) -> datetime | None:
        if self._times:
            return self._times[0]
        if self._clock.now() > self.runs[-1]:
            assert self.worker
            self.worker.stop()
        return None

    def run(self) -> None:
        self.runs.append(self._clock.now())
        self._times.pop(0)


def test_a_task_runs_at_its_times(world: World, sky: Skywrite) -> None:
    """Not before and not after them; where it has none, it is asked again in half a minute."""
    times = [NOON, NOON + 11 * SECOND, NOON + 100 * SECOND]
    task = Planned(world, *times)
    task.worker = Worker("w", sky._sending.publisher())
    task.worker._task_loop(task)
    assert (times, NOON + 130 * SECOND) == (task.runs, world.clock.now())


@pytest.mark.parametrize(("at_any_time", "seconds"), [(False, 2), (True, 0)])
def test_tasks_wait_until_the_clock_is_known_to_be_right(
    world: World, sky: Skywrite, at_any_time: bool, seconds: int
) -> None:
    """They are tried again each second; but for a sign of life any time will do."""
    right = [True, False, False]
    task = Planned(world, NOON)
    if at_any_time:
        task.at_any_time = True  # type: ignore[attr-defined]
    task.worker = Worker("w", sky._sending.publisher(), is_time_right=lambda: right.pop())
    task.worker._task_loop(task)
    assert [NOON + seconds * SECOND] == task.runs


class HurriedClock(SystemClock):
    """A clock whose waits are short, and counted."""

    def __init__(self) -> None:
        self.waits = threading.Semaphore(0)

    def wait(self, event: threading.Event, timeout_seconds: float) -> bool:
        self.waits.release()
        return event.wait(min(timeout_seconds, 0.001))


def test_nobody_asks_the_database_while_all_threads_are_busy(
    world: World, sky: Skywrite, monkeypatch: pytest.MonkeyPatch, gate: Gate
) -> None:
    """A thread claims its next post by itself; when it has nothing left to do, the database is watched again."""
    bob_too(world, sky)
    clock, published, asked = HurriedClock(), threading.Semaphore(0), Counter[str]()
    next_ready_at = Claims.next_ready_at

    def asking(claims: Claims) -> datetime | None:
        asked["next"] += 1
        return next_ready_at(claims)

    def log(event: str, **facts: Any) -> None:
        if event == "published":
            published.release()

    monkeypatch.setattr(Claims, "next_ready_at", asking)
    before_each_write(world, gate.pass_through)
    worker = Worker("w", sky._sending.publisher()._replace(clock=clock), threads=1, log=log)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        gate.await_one()
        for _ in range(50):
            assert clock.waits.acquire(timeout=PATIENCE_SECONDS)
        assert 1 == asked["next"]
        gate.open()
        for _ in range(2):
            assert published.acquire(timeout=PATIENCE_SECONDS)
        sky.schedule("One more", at="now", account="alice.test")
        assert published.acquire(timeout=PATIENCE_SECONDS)
    finally:
        gate.open()
        worker.stop()
        thread.join(PATIENCE_SECONDS)
    assert (False, ["Hello", "One more"]) == (thread.is_alive(), world.texts())


def test_a_second_thread_publishes_beside_the_first(world: World, sky: Skywrite, worker: Worker, gate: Gate) -> None:
    """Whoever has claimed a post wakes another for the next one: accounts do not wait for each other."""
    bob_too(world, sky)
    before_each_write(world, gate.pass_through)
    for _ in range(2):
        worker.hosts.enter(world.box.url, "another")
        worker.hosts.leave(world.box.url, "another", "answers")
    thread = threading.Thread(target=worker.run_once)
    thread.start()
    try:
        gate.await_one()
        gate.await_one()
    finally:
        gate.open()
        thread.join(PATIENCE_SECONDS)
    assert (["Hello"], ["Hello"]) == (world.texts(), world.texts("bob.test"))


class Waking(Watch):
    """Waits until it is woken, and notes whether it was."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(worker, 1)
        self.begun, self.woken, self.notes = threading.Event(), threading.Event(), list[bool]()

    def wake(self) -> None:
        self.woken.set()

    def wait(self, seconds: float) -> None:
        self.begun.set()
        self.notes.append(self.woken.wait(PATIENCE_SECONDS))


def test_a_worker_that_waits_is_stopped_at_once(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """It need not wait until the next look."""
    watch = Waking(worker)
    monkeypatch.setattr(Store, "watch", lambda store: watch)
    thread = threading.Thread(target=worker.run)
    thread.start()
    assert watch.begun.wait(PATIENCE_SECONDS)
    worker.stop()
    thread.join(2 * PATIENCE_SECONDS)
    assert (False, [True]) == (thread.is_alive(), watch.notes)


class Finishing:
    """A task, or a request, that goes on for a moment after its worker was stopped, and notes whether it was left."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.was_left: list[bool] = []
        self.worker: Worker | None = None
        self.thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        assert self.worker
        self.worker.run()

    def next_at(self) -> datetime | None:
        return NOON

    def run(self) -> None:
        assert self.worker
        self.begun.set()
        self.worker.stopping.wait(PATIENCE_SECONDS)
        self.thread.join(0.2)
        self.was_left.append(not self.thread.is_alive())


@pytest.mark.parametrize("what", ["task", "post"])
def test_a_worker_finishes_what_it_has_begun(world: World, sky: Skywrite, what: str) -> None:
    """It ends after its tasks, and after the post that is on its way, which is published."""
    work = Finishing()
    work.worker = Worker("w", sky._sending.publisher(), threads=1, tasks=[work] if what == "task" else [])
    if what == "post":
        before_each_write(world, work.run)
        sky.schedule("Hello", at="now")
    work.thread.start()
    assert work.begun.wait(PATIENCE_SECONDS)
    work.worker.stop()
    work.thread.join(PATIENCE_SECONDS)
    assert (False, [False]) == (work.thread.is_alive(), work.was_left)
    assert ["Hello"] * (what == "post") == world.texts()
