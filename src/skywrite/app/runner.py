"""Running: assembles the worker of this process. What does not live here: what each part of it does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from skywrite.app.chores import Freeing, Heartbeat, Lateness, Pruning, free_dead
from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.functions import Functions
from skywrite.app.keys import run_by_default
from skywrite.app.occurrences import Occurrences, OccurrenceTask
from skywrite.app.rows import Rows
from skywrite.app.sending import Sending
from skywrite.app.sessions import SessionKeeping
from skywrite.app.timers import Runner as TimerRunner
from skywrite.app.timers import Timers, TimerTask
from skywrite.app.work import MakesPosts, WorkParts
from skywrite.core.clock import SteadyClock
from skywrite.core.config import DEFAULT_THREADS
from skywrite.core.errors import InputError, SkywriteError, StorageError, Unexpected
from skywrite.features import features, homes
from skywrite.posting.publish.log import Log, seldom, silent, unfailing
from skywrite.posting.publish.processes import stopped_by_signals
from skywrite.posting.publish.rounds import Rounds, Work
from skywrite.posting.publish.worker import Tally, Task, Worker
from skywrite.queue.database import is_about_one
from skywrite.queue.model import Claim
from skywrite.queue.vault import WrongKey

# A worker never reads all accounts: there may be a million.
SAMPLE = 1000
# Rounds that keep making work for the next one must not keep a run from ending.
ROUNDS_MAX = 100

Steps = tuple[Callable[[], object], ...]


class Runner:
    """Publishes what is due, and runs everything that makes posts."""

    def __init__(
        self,
        ctx: Context,
        drafting: Drafting,
        sending: Sending,
        functions: Functions,
        *,
        commands: bool | None = None,
    ) -> None:
        """`commands`: whether to run scheduled commands; None: see `run_by_default`."""
        self._ctx = ctx
        self._drafting = drafting
        self._sending = sending
        self._functions = functions
        self._stopping = threading.Event()
        self._commands = run_by_default(ctx.config) if commands is None else commands
        runners: dict[str, TimerRunner] = {"function": functions.runner_of}
        if self._commands:
            for row in features():
                for kind, home in row.timers.items():
                    runners[kind] = partial(row.load(home), ctx, is_stopping=self._is_stopping)
        self._timers = Timers(ctx, Rows(ctx, drafting), runners)

    def worker(self, *, threads: int = DEFAULT_THREADS, log: Log = silent, tasks: Sequence[Task] = ()) -> Worker:
        """A worker of this process; `run` and `run_once` create one themselves."""
        if threads < 1:
            raise InputError(f"A worker has 1 thread or more, not {str(threads)[:40]}.", hint="Leave threads out.")
        log = unfailing(seldom(log, self._ctx.clock))
        publisher = self._sending.publisher(log=log)
        self._stopping = publisher.stopping
        occurrences = OccurrenceTask(self._ctx, Occurrences(self._ctx, self._drafting, log))

        def after(claim: Claim, outcome: object) -> None:
            occurrences.after_post(claim.post.recurrence_id)

        stopping = publisher.stopping
        own: Sequence[Task] = (
            occurrences,
            Heartbeat(self._ctx, lambda: worker.hosts.trouble()),
            Pruning(self._ctx),
            Freeing(self._ctx, partial(free_dead, self._ctx), self._recover_clock_skew),
            Lateness(self._ctx),
            *(Rounds(work, self._ctx.clock, stopping, log) for work in self.works(log)),
        )
        keeper = self._timekeeper(log)
        worker = Worker(self._ctx.worker_name, publisher, threads, (*own, *tasks), log, after, keeper)
        worker.before, worker.at_the_end = partial(self._begin, log, threads), Heartbeat(self._ctx).end
        worker.ending = self._ctx.ending
        return worker

    def works(self, log: Log = silent) -> tuple[Work, ...]:
        """All kinds of periodic work that depend on others, who may hang; posts have threads of their own."""
        parts = WorkParts(self._ctx, self._drafting, log, self._functions.listeners.all(), self._commands)
        return (TimerTask(self._timers, log), SessionKeeping(self._ctx, log), *(make(parts) for make in homes("works")))

    def _begin(self, log: Log, threads: int) -> None:
        """What comes before a worker runs, whoever runs it."""
        self._check_key()
        for step in (partial(free_dead, self._ctx), self._recover_clock_skew, self._functions.store_times):
            _begun(step, log)
        self._log_left_out_commands(log)
        self._ctx.store.on_replaced(lambda _: log("database_replaced", database=self._ctx.config.shown_database))
        log("started", threads=threads, database=self._ctx.config.shown_database)

    def _recover_clock_skew(self) -> int:
        freed: list[int] = [recover(self._ctx) for recover in homes("recover")]
        return self._sending.recover_clock_skew() + sum(freed)

    def run(
        self,
        *,
        threads: int = DEFAULT_THREADS,
        log: Log = silent,
        tasks: Sequence[Task] = (),
        when_stopping: Callable[[], object] = lambda: None,
    ) -> Tally:
        """Publish what is due until the process is asked to stop (SIGTERM, SIGINT), then finish what is in flight.

        That takes less than ten seconds: what hangs is ended, and found by the next worker. `when_stopping` is called
        when the process is asked. Feeds are polled, and commands and functions are run, when they are due.
        """
        worker = self.worker(threads=threads, log=log, tasks=tasks)

        def stop() -> None:
            when_stopping()
            worker.stop()

        with stopped_by_signals(stop):
            worker.begin()
            worker.run()
        return worker.tally

    def run_once(self, *, threads: int = DEFAULT_THREADS, log: Log = silent) -> Tally:
        """Publish what is due, poll the feeds and run the commands and functions that are due, and repeat until a whole
        round finds nothing to do.

        A problem in one step is logged and does not stop the others; the first SkywriteError is raised at the end.
        """
        log = unfailing(log)
        self._check_key()
        worker = self.worker(threads=threads, log=log)
        occurrences = Occurrences(self._ctx, self._drafting, log)
        self._log_left_out_commands(log)
        # The search for due posts needs the right time.
        worker.is_time_right()
        before: Steps = (partial(free_dead, self._ctx), self._recover_clock_skew, self._functions.store_times)
        rounds = [Rounds(work, self._ctx.clock, worker.stopping, log, wait=True) for work in self.works(log)]
        making = [one for one in rounds if isinstance(one.work, MakesPosts)]
        makers: Steps = (*(one.run for one in making), occurrences.sweep)
        after: Steps = (*(one.run for one in rounds if one not in making), Pruning(self._ctx).run)

        def done() -> object:
            return [one.work.made for one in making if isinstance(one.work, MakesPosts)]

        errors = [_error_of(step, log) for step in before]
        with stopped_by_signals(worker.stop):
            errors += _rounds(worker, makers, done, log)
            errors += [_error_of(step, log) for step in after if not worker.stopping.is_set()]
        self._ctx.ending.go_on()
        for error in filter(None, errors):
            raise error
        return worker.tally

    def _timekeeper(self, log: Log) -> Callable[[], bool]:
        """Checks that the clock is right; a clock set by a test always is."""
        clock = self._ctx.clock
        if not isinstance(clock, SteadyClock):
            return lambda: True
        from skywrite.posting.publish.timekeeper import Timekeeper

        return Timekeeper(clock, self._ctx.network.transport, self._clock_addresses, log).is_right

    def _clock_addresses(self) -> list[str]:
        """Pages whose responses carry the time: the PLC directory, and some of the accounts' servers."""
        servers = sorted({account.pds_url for account in self._ctx.store.accounts.some(SAMPLE)})
        some = [servers.pop(int(self._ctx.clock.random() * len(servers))) for _ in range(min(3, len(servers)))]
        return [f"{self._ctx.config.plc_url}/_health", *(f"{server}/xrpc/_health" for server in some)]

    def _is_stopping(self) -> bool:
        return self._stopping.is_set()

    def _log_left_out_commands(self, log: Log) -> None:
        """Log that there are commands which this worker does not run, and how to change that."""
        count = sum(timer.kind == "command" for timer in self._ctx.store.timers.all())
        if count and not self._commands:
            log("commands_not_run", count=count)

    def _check_key(self) -> None:
        """Raise WrongKey if the key opens none of the stored sessions: every attempt would fail."""
        wrong: WrongKey | None = None
        for account in self._ctx.store.accounts.some(SAMPLE):
            try:
                self._ctx.store.sessions.load_any(account.did)
            except WrongKey as error:
                wrong = error
            else:
                return
        if wrong is not None:
            raise wrong


def _begun(step: Callable[[], object], log: Log) -> None:
    """Do one step at the start. What one row is in trouble with is logged, and keeps no worker from starting."""
    try:
        step()
    except Exception as error:
        if isinstance(error, InputError) or not is_about_one(error):
            raise
        problem = Unexpected.of(error)
        log("error", **problem.facts)


def _rounds(worker: Worker, makers: Steps, checked: Callable[[], object], log: Log) -> list[SkywriteError | None]:
    """Publish, then let each maker make posts, until there is nothing left to do; a maker that fails is left out."""
    errors: list[SkywriteError | None] = []
    left = list(makers)
    for _ in range(ROUNDS_MAX):
        before = (replace(worker.tally), checked())
        worker.run_once()
        posts_count = 0
        for maker in tuple(left):
            result, error, failed = _done(maker, log)
            posts_count += result if isinstance(result, int) else 0
            if failed:
                errors.append(error)
                left.remove(maker)
        if worker.stopping.is_set() or (not posts_count and before == (worker.tally, checked())):
            break
    return errors


def _error_of(step: Callable[[], object], log: Log) -> SkywriteError | None:
    """Do one step of a run. Errors are logged, and returned if the user can fix them."""
    return _done(step, log)[1]


def _done(step: Callable[[], object], log: Log) -> tuple[object, SkywriteError | None, bool]:
    """Do one step of a run: its result, the error that the user can fix, and whether it failed."""
    try:
        return step(), None, False
    except SkywriteError as error:
        log("storage" if isinstance(error, StorageError) else "error", **error.facts)
        return None, error, True
    except Exception as error:
        log("unexpected", error=error)
        return None, None, True
