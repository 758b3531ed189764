"""Timers: scheduled commands and functions, each occurrence run once, for any number of workers.

What lives here: choosing the occurrence, the claim around a run, and its posts. What does not: commands (`commands`),
functions (`functions`), the transactions (`queue.timers`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from skywrite.app.context import Context
from skywrite.app.rows import Rows
from skywrite.core.clock import to_iso
from skywrite.core.errors import ENDED, InputError, SkywriteError, StorageError
from skywrite.posting.compose.draft import Draft
from skywrite.posting.publish.log import Log
from skywrite.posting.publish.processes import is_gone
from skywrite.posting.publish.rounds import Turn
from skywrite.posting.schedule.policy import DEFAULT_LATE_SECONDS, DURATION_MAX_SECONDS, parse_late
from skywrite.posting.schedule.recurrence import MICROSECOND, catch_up, parse_rule
from skywrite.posting.sources.command import CommandStopped
from skywrite.queue import identities
from skywrite.queue.model import NewPost, Problem
from skywrite.queue.timers import Timer, TimerClaim, TimerResult

RUN_LEASE_SECONDS = 600.0
LEASE_MARGIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Given:
    """What a run returned: drafts, the folder of their paths, and the hash of the output."""

    drafts: Sequence[Mapping[str, Any] | Draft]
    base: Path
    hash: str | None = None
    same: bool = False


Run = Callable[[], Given]
# What runs a timer of one kind here; None if this process cannot run it.
Runner = Callable[[Timer], Run | None]


class Timers:
    """Runs what is due. `runners` has one for each kind of timer."""

    def __init__(self, ctx: Context, rows: Rows, runners: Mapping[str, Runner]) -> None:
        self._ctx = ctx
        self._rows = rows
        self._runners = runners

    def _runner(self, timer: Timer) -> Run | None:
        runner = self._runners.get(timer.kind)
        return runner(timer) if runner else None

    def next_at(self) -> datetime | None:
        """When this process must run something next."""
        return min((at for timer in self._mine() if (at := self._free_at(timer)) is not None), default=None)

    def due(self) -> list[Timer]:
        """What must be run now."""
        now = self._ctx.clock.now()
        return [timer for timer in self._mine() if (at := self._free_at(timer)) is not None and at <= now]

    def _mine(self) -> list[Timer]:
        return [timer for timer in self._ctx.store.timers.all() if self._runner(timer) is not None]

    def _free_at(self, timer: Timer) -> datetime | None:
        if timer.next_at is None or timer.lease_until is None or _dead_holder(timer):
            return timer.next_at
        return max(timer.next_at, timer.lease_until)

    def run(self, timer: Timer, log: Log) -> bool:
        """Run a due timer, unless another process does. Returns whether it was run here."""
        try:
            return self._run_due(timer, log)
        except (StorageError, CommandStopped, *ENDED):
            raise
        except Exception as error:
            self._rest(timer, _failed(timer, error, log))
            return False

    def _rest(self, timer: Timer, result: TimerResult) -> None:
        """Hold a timer that cannot be run for a while, so that it is not retried in a tight loop.

        Its next time stays: when it can run again, that is made up for as after downtime.
        """
        if timer.next_at is not None:
            until = self._ctx.clock.now() + timedelta(seconds=RUN_LEASE_SECONDS)
            self._ctx.store.timers.claim(timer, timer.next_at, self._ctx.worker_name, until, dead=_dead_holder(timer))
        self._ctx.store.timers.note(timer.id, result)

    def _run_due(self, timer: Timer, log: Log) -> bool:
        now = self._ctx.clock.now()
        free_at = self._free_at(timer)
        if timer.next_at is None or free_at is None or free_at > now:
            return False
        rule = parse_rule(timer.rule, zone=timer.zone)
        chosen = catch_up(rule, timer.next_at - MICROSECOND, now, late_seconds=timer.late_seconds)
        if chosen is None or chosen.at > now:
            if self._ctx.store.timers.move(timer, chosen.occurrence if chosen else None, dead=_dead_holder(timer)):
                log("missed", timer=timer.id, kind=timer.kind, due=to_iso(timer.next_at))
            return False
        until = now + timedelta(seconds=_lease_seconds(timer))
        dead = _dead_holder(timer)
        claim = self._ctx.store.timers.claim(timer, chosen.occurrence, self._ctx.worker_name, until, dead=dead)
        if claim is None:
            return False
        following = rule.next_after(chosen.occurrence)
        with self._kept(claim, log):
            result = self.result(claim.timer, _key(claim), log, claim.occurrence)
            before = self._ctx.clock.now()
            added = self._ctx.store.timers.finish(claim, following.occurrence if following else None, result)
        if added is not None:
            note_printed(self._ctx, claim.timer, result, before)
        posts = None if added is None else ",".join(str(item.id) for item in added) or None
        log("overtaken" if added is None else result.outcome, timer=timer.id, kind=timer.kind, posts=posts)
        return True

    @contextmanager
    def _kept(self, claim: TimerClaim, log: Log) -> Iterator[None]:
        """Renew a claim from another thread for as long as its run lasts."""
        over = threading.Event()
        seconds = _lease_seconds(claim.timer)

        def keep() -> None:
            while not self._ctx.clock.wait_aside(over, seconds / 3):
                try:
                    if not self._ctx.store.timers.renew(claim, self._ctx.clock.now() + timedelta(seconds=seconds)):
                        return
                except StorageError as error:
                    # There is enough time left in the lease to try again.
                    log("storage", timer=claim.timer.id, **error.facts)

        thread = threading.Thread(target=keep, name=f"timer-{claim.timer.id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def result(self, timer: Timer, key: str, log: Log, occurrence: datetime | None = None) -> TimerResult:
        """Run a timer now and check what it returns; only media are stored. An error is a result too.

        `occurrence`: that of which it is the run; None if somebody asked for the run.
        """
        run = self._runner(timer)
        assert run is not None
        try:
            output = run()
            if output.same or not output.drafts:
                return TimerResult("same" if output.same else "nothing")
            return TimerResult("posted", self._posts(timer, output, key, occurrence), printed_hash=output.hash)
        except (StorageError, CommandStopped, *ENDED):
            raise
        except Exception as error:
            return _failed(timer, error, log)

    def _posts(self, timer: Timer, output: Given, key: str, occurrence: datetime | None) -> list[NewPost]:
        posts = []
        for number, draft in enumerate(output.drafts, 1):
            own_key = key if len(output.drafts) == 1 else f"{key}:{number}"
            try:
                new, _ = self._rows.accept(
                    draft, base=output.base, account=timer.account_did, now=True, key=own_key, source=timer.kind
                )
            except SkywriteError as error:
                raise error.about(f"Line {number}" if len(output.drafts) > 1 else "") from None
            if new.key is not None and new.key != own_key:
                new = new._replace(identity=identities.of_key(new.key))
            elif occurrence is not None:
                new = new._replace(identity=_identity(timer, occurrence, number))
            posts.append(new)
        return posts


def note_printed(ctx: Context, timer: Timer, result: TimerResult, at: datetime) -> None:
    """Note beside the database what a timer printed, once its posts are stored; `at` is before that."""
    if result.printed_hash is not None and not timer.settings.get("repeat"):
        ctx.done.put(_printed(timer), f"{to_iso(at)}/{result.printed_hash}")


def last_printed(ctx: Context, timer: Timer) -> str | None:
    """The hash of what a timer printed last: what the database says, unless a newer note tells that it was restored."""
    noted_at, _, noted = (ctx.done.get(_printed(timer)) or "").partition("/")
    known_at = "" if timer.printed_at is None else to_iso(timer.printed_at)
    return noted if noted_at > known_at else timer.printed_hash


def _printed(timer: Timer) -> str:
    # A restored database gives the number again; the time tells such timers apart.
    return f"{timer.kind} {timer.id} {timer.created_at}"


def late_seconds(late: str | None) -> int:
    """How late an occurrence may still run, in seconds, from a policy: skip or publish."""
    policy, seconds = ("skip", None) if late is None else parse_late(late)
    if policy == "hold":
        raise InputError("A missed run cannot be held.", hint="Use skip:2h, or publish to run it late.")
    return DURATION_MAX_SECONDS if policy == "publish" else DEFAULT_LATE_SECONDS if seconds is None else seconds


class TimerTask:
    """The worker's work (`publish.rounds.Work`) of running what is due. `made` counts the runs."""

    kind = "timers"

    def __init__(self, timers: Timers, log: Log) -> None:
        self._timers = timers
        self._log = log
        self._lock = threading.Lock()
        self.made = 0

    def next_at(self) -> datetime | None:
        """When the next one is due."""
        return self._timers.next_at()

    def due(self) -> list[Turn]:
        """Those that are due; what one depends on is its own business."""
        return [Turn(str(timer.id), f"{timer.kind} {timer.id}", timer) for timer in self._timers.due()]

    def take(self, turn: Turn) -> SkywriteError | None:
        """Run one."""
        timer: Timer = turn.what
        try:
            ran = self._timers.run(timer, self._log)
        except (CommandStopped, *ENDED) as error:
            self._log("stopped", timer=timer.id, kind=timer.kind)
            return error
        with self._lock:
            self.made += ran
        return None


def _dead_holder(timer: Timer) -> str | None:
    """The worker that holds this timer, if it is known to be gone."""
    owner = timer.lease_owner
    return owner if owner is not None and is_gone(owner) else None


def _failed(timer: Timer, error: Exception, log: Log) -> TimerResult:
    """The result of a run that ended with an error, which is logged."""
    problem = Problem.of(error)
    if not isinstance(error, SkywriteError):
        log("unexpected", timer=timer.id, error=error)
    log("failed", timer=timer.id, kind=timer.kind, **problem.facts)
    return TimerResult("failed", problem=problem)


def _lease_seconds(timer: Timer) -> float:
    seconds = timer.settings.get("timeout_seconds")
    return RUN_LEASE_SECONDS if seconds is None else float(seconds) + LEASE_MARGIN_SECONDS


def _identity(timer: Timer, occurrence: datetime, number: int) -> identities.Identity:
    if timer.kind == "function":
        return identities.of_function(timer.name, occurrence, number)
    return identities.of_command(timer.id, timer.created_at, occurrence, number)


def _key(claim: TimerClaim) -> str:
    """The key of a run's post: the same in every process that runs this occurrence."""
    at = claim.occurrence.strftime("%Y-%m-%dT%H:%M:%SZ")
    if claim.timer.kind == "function":
        return f"app:{claim.timer.name}:{at}"
    return f"watch:{claim.timer.id}:{at}"
