"""Running: the worker of this process, put together."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import Any, ClassVar

from skywrite.app.feed_task import FeedTask
from skywrite.app.feeds import Feeds
from skywrite.app.functions import Functions
from skywrite.app.posting import Log, silent
from skywrite.app.recurring import RecurrenceTask, Recurring
from skywrite.app.timers import TIMER_THREADS, TimerTask
from skywrite.app.watches import Watches
from skywrite.clock import to_iso
from skywrite.errors import SkywriteError, StorageError
from skywrite.publish.publisher import Publisher
from skywrite.publish.worker import LEASE_SECONDS, Tally, Task, Worker, in_turn, unfailing
from skywrite.queue.model import Claim
from skywrite.queue.vault import WrongKey
from skywrite.sources.functions import InvalidProgram, load_program

HEARTBEAT_SECONDS = 15
PRUNE_SECONDS = 86_400
DEFAULT_THREADS = 4
FREE_SECONDS = 300
DUE_COUNTED_MAX = 10_000

Steps = tuple[Callable[[], object], ...]


class Chore:
    """A task that comes at once, and then every so many seconds."""

    seconds: ClassVar[float]

    def __init__(self, sky: Feeds) -> None:
        self._sky = sky
        self._next_at = sky.clock.now()

    def next_at(self) -> datetime:
        """When it comes next."""
        return in_turn(self._next_at, self._sky.clock.now(), self.seconds)

    def run(self) -> None:
        """Do it, and come again."""
        now = self._sky.clock.now()
        self._next_at = now + timedelta(seconds=self.seconds)
        self._do(now)

    def _do(self, now: datetime) -> None:
        raise NotImplementedError


class Heartbeat(Chore):
    """Tells `skywrite doctor --run` that a worker lives."""

    seconds = HEARTBEAT_SECONDS

    def _do(self, now: datetime) -> None:
        self._sky.store.put_setting("worker", self._sky.worker_name, to_iso(now))


class Pruning(Chore):
    """Drops stored bytes that nothing needs and traces of dead workers, once a day however many processes there are."""

    seconds = PRUNE_SECONDS

    def _do(self, now: datetime) -> None:
        last = self._sky.store.setting("media", "pruned_at")
        if last is not None:
            due = in_turn(datetime.fromisoformat(last) + timedelta(seconds=self.seconds), now, self.seconds)
            if due > now:
                self._next_at = due
                return
        self._sky.store.put_setting("media", "pruned_at", to_iso(now))
        self._sky.store.prune()
        self._forget_workers(now)

    def _forget_workers(self, now: datetime) -> None:
        """Heartbeats of workers that were killed stay behind."""
        for worker, told in self._sky.store.settings("worker").items():
            if abs(now - datetime.fromisoformat(told)) > timedelta(seconds=PRUNE_SECONDS):
                self._sky.store.put_setting("worker", worker, None)


class Freeing(Chore):
    """Frees every few minutes what a clock that ran ahead has put off."""

    seconds = FREE_SECONDS

    def _do(self, now: datetime) -> None:
        self._sky.recover_clock_skew()
        self._sky.free_dead_feeds()


class Running(Feeds, Watches, Functions):
    """Publishing what is due."""

    def worker(self, *, threads: int = DEFAULT_THREADS, log: Log = silent, tasks: Sequence[Task] = ()) -> Worker:
        """A worker of this process; `run` and `run_once` make one themselves."""
        log = unfailing(log)
        recurrences = RecurrenceTask(Recurring(self, log))

        def after(claim: Claim, outcome: object) -> None:
            recurrences.after_post(claim.post.recurrence_id)

        stopping = threading.Event()
        publisher: Publisher = self.publisher(stopping=stopping, log=log)
        feeds = FeedTask(self, log=log)
        # Several, so that one slow command does not hold up the others; each occurrence is claimed by one.
        timers = [TimerTask(self, log) for _ in range(TIMER_THREADS)]
        own = (recurrences, Heartbeat(self), Pruning(self), Freeing(self), feeds)
        worker = Worker(
            name=self.worker_name,
            store=self.store,
            publisher=publisher,
            decider=publisher.decider,
            clock=self.clock,
            threads=threads,
            lease_seconds=LEASE_SECONDS,
            tasks=(*own, *timers, *tasks),
            log=log,
            after=after,
            stopping=stopping,
        )
        feeds.stopping = stopping
        return worker

    def run(self, *, threads: int = DEFAULT_THREADS, log: Log = silent, tasks: Sequence[Task] = ()) -> Tally:
        """Publish what is due until the process is told to stop (SIGTERM, SIGINT), then finish what is in flight.

        Feeds are checked, and commands and the functions of `every` are run, when they are due.
        """
        log = unfailing(log)
        self._check_key()
        self.free_dead_leases()
        self.recover_clock_skew()
        self.tell_functions()
        worker = self.worker(threads=threads, log=log, tasks=tasks)
        try:
            with _stopped_by_signals(worker.stop):
                log("started", threads=threads, database=self.config.shown_database)
                worker.run()
        finally:
            with suppress(StorageError):
                self.store.put_setting("worker", self.worker_name, None)
        return worker.tally

    def run_once(self, *, threads: int = DEFAULT_THREADS, log: Log = silent) -> Tally:
        """Check the feeds and run the commands and functions that are due, publish what is due now, and return.

        What goes wrong in one step is told to the log and keeps no other from being done; the first of its
        SkywriteErrors is raised in the end.
        """
        log = unfailing(log)
        self._check_key()
        recurring = Recurring(self, log)
        worker = self.worker(threads=threads, log=log)
        timers = partial(self.run_timers, log)
        feeds = FeedTask(self, log=log)
        freeing: Steps = (self.free_dead_leases, self.recover_clock_skew)
        before: Steps = (*freeing, self.tell_functions, timers, recurring.sweep, feeds.run)
        after: Steps = (recurring.sweep, Pruning(self).run)
        errors = [_told(step, log) for step in before]
        with _stopped_by_signals(worker.stop):
            tally = worker.run_once()
        errors += [_told(step, log) for step in after]
        for error in filter(None, errors):
            raise error
        return tally

    def _check_key(self) -> None:
        """Raise WrongKey where the key opens no stored session: every try would be in vain."""
        wrong: WrongKey | None = None
        for account in self.store.accounts():
            if account.signed_in:
                try:
                    self.store.load_any(account.did)
                except WrongKey as error:
                    wrong = error
                else:
                    return
        if wrong is not None:
            raise wrong

    def due_unpublished(self, *, before: datetime | None = None) -> int:
        """How many posts are due and not published: scheduled, or left in the middle by a worker."""
        moment = before or self.clock.now()
        return len(self.store.posts(("scheduled", "publishing"), due_before=moment, limit=DUE_COUNTED_MAX))


def _told(step: Callable[[], object], log: Log) -> SkywriteError | None:
    """Do one step of a run; what went wrong is logged, and given back when it is for the user to mend."""
    try:
        step()
    except SkywriteError as error:
        log("storage" if isinstance(error, StorageError) else "error", error=error.name, message=error.message)
        return error
    except Exception as error:
        log("unexpected", error=error)
    return None


class _stopped_by_signals:
    """While it lasts, SIGTERM and SIGINT call `stop`; nothing happens outside of the main thread.

    A handler runs in the middle of whatever the main thread does, also while that holds a lock that `stop` needs. So
    it only puts a word into a queue that may be used there, and a thread that waits for the word calls `stop`.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._former: dict[int, Any] = {}
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._wait, name="signals", daemon=True)

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._thread.start()
            for number in (signal.SIGTERM, signal.SIGINT):
                self._former[number] = signal.signal(number, self._handle)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        if self._former:
            self._asked.put(False)
            self._thread.join()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._asked.put(True)

    def _wait(self) -> None:
        while self._asked.get():
            self._stop()


def load_app(path: Path) -> Running:
    """The `Skywrite` of a program: the one called `sky`, else the first, with the functions of all that it has.

    Raises InvalidProgram.
    """
    module = load_program(path)
    found = {id(value): value for value in vars(module).values() if isinstance(value, Running)}
    named = vars(module).get("sky")
    apps = [named] if isinstance(named, Running) else list(found.values())
    if not apps:
        raise InvalidProgram(f"{path} has no Skywrite.", hint="Make one in it: sky = Skywrite()")
    first = apps[0]
    for other in apps[1:]:
        first.functions.update(other.functions)
    if not first.functions:
        raise InvalidProgram(f"{path} has no functions that give posts.", hint='Mark one with @sky.every("0 9 * * *").')
    return first
