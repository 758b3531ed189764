"""The worker: publishes what is due, on time, until it is stopped.

What lives here: threads, waiting and waking, and a graceful end. What does not: what to publish (`decide`), how
(`publisher`), and the claim (`queue`).

One watcher thread waits for the next due moment or for a change in the database; publishing threads claim, publish and
settle. Each account is leased by one thread of one worker at a time, so an account in trouble delays no other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from skywrite.errors import SkywriteError, StorageError
from skywrite.publish.publisher import STORAGE_PAUSE_SECONDS, Publisher
from skywrite.queue.changes import ChangeListener
from skywrite.queue.model import Claim, Failed, Held, Miss, Post, Published, Retry

IDLE_SECONDS_MAX = 30.0
HOT_LOOP_SECONDS = 0.05
STALLED_SECONDS = 1.0

Log = Callable[..., None]


def unfailing(log: Log) -> Log:
    """The same log, whose errors are passed over: what is done never depends on what can be told."""

    def told(event: str, **facts: object) -> None:
        with suppress(Exception):
            log(event, **facts)

    return told


class Task(Protocol):
    """Something else that a worker does from time to time: a feed, a command, a rule that makes posts."""

    def next_at(self) -> datetime | None:
        """When it wants to run next; None when it has nothing to do."""
        ...

    def run(self) -> None:
        """Do what is due now. SkywriteErrors are logged; the task says itself when it comes next."""
        ...


def in_turn(next_at: datetime, now: datetime, seconds: float) -> datetime:
    """When something that comes every so many seconds comes next: now, where a clock that ran ahead has put it off."""
    return now if next_at > now + timedelta(seconds=seconds) else next_at


class Signals:
    """Wake-ups for threads: each wakes one, and no more are kept than there are threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting = 0
        self._condition = threading.Condition()

    def send(self) -> None:
        """Wake one thread, now or when it next waits."""
        with self._condition:
            self._waiting = min(self._waiting + 1, self._most)
            self._condition.notify()

    def wait(self) -> None:
        """Wait for a wake-up and use it up."""
        with self._condition:
            while not self._waiting:
                self._condition.wait()
            self._waiting -= 1


@dataclass
class Tally:
    """What one run came to."""

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


@dataclass
class Worker:
    """Publishes with `threads` threads. `log(event, **facts)` is told each step."""

    name: str
    publisher: Publisher
    threads: int = 4
    tasks: Sequence[Task] = ()
    log: Log = lambda event, **facts: None
    after: Callable[[Claim, object], None] = lambda claim, outcome: None

    def __post_init__(self) -> None:
        self.log = unfailing(self.log)
        self.store, self.clock = self.publisher.store, self.publisher.clock
        self.stopping = self.publisher.stopping
        self._signals = Signals(self.threads)
        self._watching: ChangeListener | None = None
        self._tally_lock = threading.Lock()
        self._failures: list[Exception] = []
        self.tally = Tally()
        self.publisher.decider.missed = self._missed

    def stop(self) -> None:
        """Ask to end: what is in flight is finished, nothing new is begun."""
        self.stopping.set()
        if self._watching is not None:
            self._watching.wake()
        for _ in range(self.threads):
            self._signals.send()

    def run(self) -> None:
        """Publish until `stop` is called."""
        threads = [threading.Thread(target=self._publish_loop, name=f"publish-{n}") for n in range(self.threads)]
        threads += [threading.Thread(target=self._task_loop, args=(task,), name="task") for task in self.tasks]
        for thread in threads:
            thread.start()
        try:
            self._watch_loop()
        finally:
            self.stop()
            self.log("stopping")
            for thread in threads:
                thread.join()

    def run_once(self) -> Tally:
        """Publish what is due now, and return when nothing due is left that could be published now.

        Raises StorageError when the database went away.
        """
        self._failures.clear()
        threads = [threading.Thread(target=self._drain_once, name=f"publish-{n}") for n in range(self.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._failures:
            raise self._failures[0]
        return self.tally

    def step(self) -> bool:
        """Claim, publish and settle one post; False when none was to be had."""
        publisher = self.publisher
        claim = self.store.claim(self.name, publisher.lease_seconds, publisher.decider)
        if claim is None:
            return False
        self._signals.send()
        self.log("claimed", post=claim.post.id, account=claim.account.handle, attempt=claim.post.attempts)
        result = publisher.publish_and_settle(claim)
        if result is not None:
            self._report(claim, result.outcome)
        return True

    def _missed(self, post: Post, miss: Miss) -> None:
        """A post that is let go inside a claim is told and counted like the others."""
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
            error=problem.name if problem else None,
            message=problem.message if problem else None,
        )
        if isinstance(outcome, Held):
            self.publisher.agents.forget(claim.post.account_did)
        try:
            self.after(claim, outcome)
        except SkywriteError as error:
            self.log("error", error=error.name, message=error.message)

    def _drain(self) -> None:
        while not self.stopping.is_set() and self.step():
            pass

    def _drain_once(self) -> None:
        try:
            self._drain()
        except Exception as error:
            self._failures.append(error)

    def _publish_loop(self) -> None:
        while not self.stopping.is_set():
            self._signals.wait()
            self._guarded(self._drain)

    def _guarded(self, action: Callable[[], object]) -> None:
        """Nothing ends a thread: a database that is away is waited for, a surprise is logged."""
        try:
            action()
        except SkywriteError as error:
            self.log("storage" if isinstance(error, StorageError) else "error", error=error.name, message=error.message)
            self.clock.wait(self.stopping, STORAGE_PAUSE_SECONDS)
        except Exception as error:
            self.log("unexpected", error=error)
            self.clock.wait(self.stopping, STORAGE_PAUSE_SECONDS)

    def _watch_loop(self) -> None:
        with self.store.watch() as watch:
            self._watching = watch
            while not self.stopping.is_set():
                self._guarded(lambda: self._watch(watch))

    def _watch(self, watch: ChangeListener) -> None:
        """Wake a thread when an account is ready, else wait for that moment or for a change."""
        next_at = self.store.next_ready_at()
        now = self.clock.now()
        if next_at is not None and next_at <= now:
            self._signals.send()
            self.clock.wait(self.stopping, HOT_LOOP_SECONDS)
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
        task.run()
        following = task.next_at()
        if following is not None and following <= next_at:
            # Nothing came of it, such as when somebody else has what is due: ask again, but not without a pause.
            self.clock.wait(self.stopping, STALLED_SECONDS)
