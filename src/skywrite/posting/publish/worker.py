"""The worker: publishes what is due, on time, until it is stopped.

What lives here: threads, waiting and waking, and a graceful end. What does not: what to publish (`decide`), how
(`publisher`), and the claim (`queue`).

One watcher thread waits for the next due post or for a change in the database; publishing threads claim, publish and
settle, as many as there is work for. Each account is leased by one thread of one worker at a time, and no server keeps
all threads busy (`hosts`), so an account in trouble delays no other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Protocol, Self

from skywrite.core.clock import Clock
from skywrite.core.config import DEFAULT_THREADS
from skywrite.core.ending import Ending
from skywrite.core.errors import SkywriteError, StorageError
from skywrite.posting.publish.budget import CATCH_UP_GAP_SECONDS
from skywrite.posting.publish.hosts import Choice, Hosts, Shown, needs_video, shown_by
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.publish.pool import Pool
from skywrite.posting.publish.publisher import STORAGE_PAUSE_SECONDS, Publisher, Result
from skywrite.posting.publish.together import Claiming, Settling
from skywrite.queue.changes import ChangeListener
from skywrite.queue.database import DatabaseUnavailable, is_about_one
from skywrite.queue.model import Claim, Failed, Held, Miss, Post, Published, Retry, facts_of

IDLE_SECONDS_MAX = 30.0
HOT_LOOP_SECONDS = 0.05
STALLED_SECONDS = 1.0
STORAGE_PAUSE_SECONDS_MAX = 30.0
# What is in flight when the worker is asked to stop may finish for so long; then its requests are ended.
FINISH_SECONDS = 5.0
END_SECONDS = 8.0
END_LOOK_SECONDS = 0.1


class Task(Protocol):
    """Something else that a worker does from time to time: feeds, commands, recurrences."""

    def next_at(self) -> datetime | None:
        """When it wants to run next; None if it has nothing to do."""
        ...

    def run(self) -> None:
        """Do what is due now. SkywriteErrors are logged; `next_at` says when it runs next."""
        ...


def in_turn(next_at: datetime | None, now: datetime, every: timedelta) -> datetime:
    """The next time of a periodic task: now, if it has not run yet or if a clock that ran ahead has postponed it."""
    return now if next_at is None or next_at > now + every else next_at


@dataclass
class Tally:
    """The counts of one run."""

    published: int = 0
    retried: int = 0
    failed: int = 0
    held: int = 0
    skipped: int = 0

    def add(self, outcome: object) -> None:
        """Count one outcome."""
        for kind, name in ((Published, "published"), (Retry, "retried"), (Failed, "failed"), (Held, "held")):
            if isinstance(outcome, kind):
                setattr(self, name, getattr(self, name) + 1)


class _Visit:
    """A thread's work on a post at its server, until the post is published or not; it is settled afterwards."""

    def __init__(self, hosts: Hosts, clock: Clock, claim: Claim) -> None:
        self._hosts, self._clock, self._claim = hosts, clock, claim
        self._is_there = True

    def __enter__(self) -> Self:
        self._began = self._clock.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave(None)

    def end(self, result: Result) -> None:
        """Note what the attempt shows about the server."""
        seconds = self._clock.monotonic() - self._began
        self._leave(shown_by(result.error, seconds, looked=result.known == "absent"))

    def _leave(self, shown: Shown) -> None:
        if self._is_there:
            self._is_there = False
            _left(self._hosts, self._claim, shown)


def _left(hosts: Hosts, claim: Claim, shown: Shown) -> None:
    hosts.leave(claim.account.pds_url, claim.account.did, shown, video=needs_video(claim.post))


@dataclass
class Worker:
    """Publishes with up to `threads` threads. `log(event, **facts)` reports each step, and must not fail.

    `before` is called when it starts to run, and may refuse by raising; `at_the_end` when it has ended. Some seconds
    after it is asked to stop, `ending` comes, which ends all requests that still wait.
    """

    name: str
    publisher: Publisher
    threads: int = DEFAULT_THREADS
    tasks: Sequence[Task] = ()
    log: Log = silent
    after: Callable[[Claim, object], None] = lambda claim, outcome: None
    is_time_right: Callable[[], bool] = lambda: True
    before: Callable[[], object] = lambda: None
    at_the_end: Callable[[], object] = lambda: None
    ending: Ending = field(default_factory=Ending)

    def __post_init__(self) -> None:
        self.store, self.clock = self.publisher.store, self.publisher.clock
        self.stopping = self.publisher.stopping
        self.hosts = Hosts(self.clock, self.threads, self.log)
        self._pool: Pool | None = None
        # Many posts cost a transaction hardly more than one, so threads share them.
        self._claiming = Claiming(self._claim_for)
        settling = Settling(self.store, self._busy, self._claiming.expect)
        self.publisher = self.publisher._replace(settle=settling.settle)
        self._has_begun = False
        self._in_vain: tuple[Choice, float] | None = None
        self._watching: ChangeListener | None = None
        self._tally_lock = threading.Lock()
        self._rests_until = float("-inf")
        # How often in a row each thread has failed.
        self._failed = threading.local()
        self._failures: list[Exception] = []
        self.tally = Tally()
        self.publisher.decider.missed = self._missed
        self.publisher.decider.hosts = self.hosts

    def stop(self) -> None:
        """Ask the worker to end: nothing new is started, and what is in flight is finished, or ended after a while."""
        if not self.stopping.is_set():
            self.stopping.set()
            self.ending.come_after(FINISH_SECONDS)
        if self._watching is not None:
            self._watching.wake()

    def begin(self) -> None:
        """Do what comes before `run`: for those who want to know at once that the database cannot be used. Raises
        SkywriteError.
        """
        if not self._has_begun:
            self.before()
            self._has_begun = True

    def _begin_at_last(self) -> None:
        """Begin, when the database is there; any other error is raised."""
        while not self._has_begun:
            try:
                self.begin()
            except DatabaseUnavailable as error:
                self.log("storage", **error.facts)
                if self.clock.wait(self.stopping, STORAGE_PAUSE_SECONDS):
                    return

    def run(self) -> None:
        """Publish until `stop` is called, overdue posts of an account with a gap between them. Raises SkywriteError."""
        self._begin_at_last()
        self.publisher.decider.catch_up_gap_seconds = CATCH_UP_GAP_SECONDS
        pool = self._pool = Pool(self.threads, lambda: self._guarded(self._drain_or_rest))
        loops = [
            threading.Thread(target=self._task_loop, args=(task,), name="task", daemon=True) for task in self.tasks
        ]
        for thread in loops:
            thread.start()
        try:
            self._watch_loop()
        finally:
            self.stop()
            self.log("stopping")
            closing = [pool.begin_to_close(), *(getattr(task, "begin_to_end", list)() for task in self.tasks)]
            self._await_the_end([*loops, *chain(*closing)])
            with suppress(StorageError):
                self.at_the_end()

    def _await_the_end(self, threads: Sequence[threading.Thread]) -> None:
        """Wait for threads, but not for ever: what they leave behind is found by its lease, as after a crash."""
        for _ in range(round(END_SECONDS / END_LOOK_SECONDS)):
            threads = [thread for thread in threads if thread.is_alive()]
            if not threads:
                self.ending.go_on()
                return
            threads[0].join(END_LOOK_SECONDS)
        self.log("left_behind", threads=", ".join(sorted(thread.name for thread in threads)))

    def run_once(self) -> Tally:
        """Publish what is due, and return when nothing is left that could be published now.

        Raises StorageError if the database becomes unavailable.
        """
        self._failures.clear()
        pool = self._pool = Pool(self.threads, self._drain_once)
        pool.wake()
        pool.wait()
        pool.close()
        if self._failures:
            raise self._failures[0]
        return self.tally

    def step(self) -> bool:
        """Claim, publish and settle one post; False if there was none."""
        claim = self._claiming.next() if self.is_time_right() else None
        if claim is None:
            return False
        if self._pool is not None:
            self._pool.wake()
        with _Visit(self.hosts, self.clock, claim) as visit:
            self.log("claimed", post=claim.post.id, account=claim.account.handle, attempt=claim.post.attempts)
            result = self.publisher.publish_and_settle(claim, visit.end)
        if result is not None:
            self._report(claim, result.outcome)
        return True

    def _busy(self) -> int:
        return self._pool.busy if self._pool is not None else 1

    def _claim_for(self, threads: int) -> list[Claim]:
        """The next posts of servers that may use more threads; from now on they do."""
        choice, now = self.hosts.choice(), self.clock.monotonic()
        if self._in_vain and choice.is_within(self._in_vain[0]) and now < self._in_vain[1] + HOT_LOOP_SECONDS:
            return []
        claims: list[Claim] = []

        def taken(claim: Claim) -> None:
            self.hosts.enter(claim.account.pds_url, claim.account.did, video=needs_video(claim.post))
            claims.append(claim)

        def dropped(claim: Claim) -> None:
            _left(self.hosts, claim, None)
            claims.remove(claim)

        name, seconds, decide = self.name, self.publisher.lease_seconds, self.publisher.decider
        claim_some = self.store.claims.claim_some
        try:
            claim_some(name, seconds, decide, threads, self.hosts.choice, taken, dropped, self._set_aside)
        except BaseException:
            for claim in claims:
                _left(self.hosts, claim, None)
            raise
        self._in_vain = (choice, now) if not claims and choice != Choice() else None
        return claims

    def _set_aside(self, did: str, error: Exception) -> None:
        """An account that cannot be claimed, because of what its rows hold, waits for an hour."""
        self.log("set_aside", account=did, error=error)

    def _missed(self, post: Post, miss: Miss) -> None:
        """A post that is given up inside a claim is logged and counted like the others."""
        with self._tally_lock:
            if miss.state == "held":
                self.tally.held += 1
            else:
                self.tally.skipped += 1
        self.log("held" if miss.state == "held" else "skipped", post=post.id, message=miss.problem.message)

    def _report(self, claim: Claim, outcome: object) -> None:
        with self._tally_lock:
            self.tally.add(outcome)
        problem = getattr(outcome, "problem", None)
        self.log(
            type(outcome).__name__.lower(),
            post=claim.post.id,
            account=claim.account.handle,
            uri=getattr(outcome, "uri", None),
            **facts_of(problem),
        )
        if isinstance(outcome, Held):
            self.publisher.agents.forget(claim.post.account_did)
        try:
            self.after(claim, outcome)
        except SkywriteError as error:
            self.log("error", **error.facts)

    def _drain(self) -> None:
        worked = False
        while not self.stopping.is_set() and self.step():
            worked = True
        if worked:
            self.log("idle")

    def _drain_or_rest(self) -> None:
        """`_drain`; if the database is in trouble, no thread is woken for a while: it would meet the same."""
        try:
            self._drain()
        except Exception as error:
            if not is_about_one(error):
                self._rests_until = self.clock.monotonic() + STORAGE_PAUSE_SECONDS
            raise

    def _drain_once(self) -> None:
        try:
            self._drain()
        except Exception as error:
            self._failures.append(error)

    def _guarded(self, action: Callable[[], object]) -> None:
        """Nothing ends a thread: it waits for an unavailable database, longer each time, and logs unexpected errors."""
        try:
            action()
        except SkywriteError as error:
            self.log("storage" if isinstance(error, StorageError) else "error", **error.facts)
        except Exception as error:
            self.log("unexpected", error=error)
        else:
            self._failed.times = 0
            return
        times = getattr(self._failed, "times", 0)
        self._failed.times = times + 1
        self.clock.wait(self.stopping, min(STORAGE_PAUSE_SECONDS * 2.0 ** min(times, 10), STORAGE_PAUSE_SECONDS_MAX))

    def _watch_loop(self) -> None:
        with self.store.watch() as watch:
            self._watching = watch
            self.log("idle")
            while not self.stopping.is_set():
                self._guarded(lambda: self._watch(watch))

    def _watch(self, watch: ChangeListener) -> None:
        """Wake a thread when an account is ready; otherwise wait for that time or for a change."""
        if not self.is_time_right():
            self.clock.wait(self.stopping, STALLED_SECONDS)
            return
        next_at = self.store.claims.next_ready_at()
        now = self.clock.now()
        if next_at is not None and next_at <= now:
            assert self._pool is not None
            rest = self._rests_until - self.clock.monotonic()
            if rest > 0 and self.clock.wait(self.stopping, rest):
                return
            self._pool.wake()
            self.clock.wait(self.stopping, HOT_LOOP_SECONDS)
            # A thread that is busy claims the next post by itself.
            while self._pool.is_full and not self.clock.wait(self.stopping, HOT_LOOP_SECONDS):
                pass
            return
        seconds = IDLE_SECONDS_MAX if next_at is None else min((next_at - now).total_seconds(), IDLE_SECONDS_MAX)
        watch.wait(seconds)

    def _task_loop(self, task: Task) -> None:
        while not self.stopping.is_set():
            self._guarded(lambda: self._run_task(task))

    def _run_task(self, task: Task) -> None:
        next_at = task.next_at()
        now = self.clock.now()
        if next_at is None or next_at > now:
            wait = timedelta(seconds=IDLE_SECONDS_MAX) if next_at is None else next_at - now
            self.clock.wait(self.stopping, min(wait.total_seconds(), IDLE_SECONDS_MAX))
            return
        if not (self.is_time_right() or getattr(task, "at_any_time", False)):
            self.clock.wait(self.stopping, STALLED_SECONDS)
            return
        task.run()
        following = task.next_at()
        if following is not None and following <= next_at:
            # There was nothing to claim, such as when another worker has what is due: ask again, after a pause.
            self.clock.wait(self.stopping, STALLED_SECONDS)
