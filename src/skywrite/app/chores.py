"""What a worker does now and then besides publishing: heartbeats and cleaning up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from skywrite.app.context import Context
from skywrite.clock import to_iso
from skywrite.publish.hosts import Trouble
from skywrite.publish.worker import in_turn
from skywrite.queue.events import Events
from skywrite.queue.ledger import Ledger
from skywrite.queue.notices import Notices
from skywrite.queue.reading import time_in

HEARTBEAT_SECONDS = 15
# The scope of the settings in which each worker records the servers that do not respond.
HANGING = "hanging"
PRUNE_SECONDS = 86_400
FREE_SECONDS = 300
EVENTS_KEPT = timedelta(days=7)
LATE = timedelta(minutes=5)
LATE_NAMED_MAX = 100


class Chore:
    """A task that runs at once, and then every few seconds."""

    every: ClassVar[timedelta]

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._next_at: datetime | None = None

    def next_at(self) -> datetime:
        """When it runs next."""
        return in_turn(self._next_at, self._ctx.clock.now(), self.every)

    def run(self) -> None:
        """Do it, and schedule the next run."""
        now = self._ctx.clock.now()
        self._next_at = now + self.every
        self._do(now)

    def _do(self, now: datetime) -> None:
        raise NotImplementedError


class Heartbeat(Chore):
    """Records that a worker is running, even while it does not know the time."""

    every = timedelta(seconds=HEARTBEAT_SECONDS)
    at_any_time = True

    def __init__(self, ctx: Context, hanging: Callable[[], Sequence[Trouble]] = tuple) -> None:
        super().__init__(ctx)
        self._hanging = hanging
        self._noted: list[list[object]] | None = None

    def _do(self, now: datetime) -> None:
        store, name = self._ctx.store, self._ctx.worker_name
        store.put_setting("worker", name, to_iso(now))
        hanging: list[list[object]] = [[one.server, one.times] for one in self._hanging()]
        if hanging != (self._noted or []):
            store.put_setting(HANGING, name, hanging or None)
            self._noted = hanging

    def end(self) -> None:
        """Remove the record."""
        for scope in ("worker", HANGING):
            self._ctx.store.put_setting(scope, self._ctx.worker_name, None)


class Pruning(Chore):
    """Drops bytes, ledger entries and records of dead workers that nothing needs: once a day, for all processes."""

    every = timedelta(seconds=PRUNE_SECONDS)

    def _do(self, now: datetime) -> None:
        last = time_in(self._ctx.store.setting("media", "pruned_at"))
        if last is not None:
            due = in_turn(last + self.every, now, self.every)
            if due > now:
                self._next_at = due
                return
        self._ctx.store.put_setting("media", "pruned_at", to_iso(now))
        self._ctx.store.prune()
        Events(self._ctx.store).prune(now - EVENTS_KEPT)
        Notices(self._ctx.store).prune(now - EVENTS_KEPT)
        Ledger(self._ctx.store).prune(now)
        self._forget_workers(now)

    def _forget_workers(self, now: datetime) -> None:
        """A worker that is killed leaves its heartbeat behind."""
        beats = self._ctx.store.times("worker")
        for worker in self._ctx.store.settings("worker"):
            if worker not in beats or abs(now - beats[worker]) > self.every:
                self._ctx.store.put_setting("worker", worker, None)
                self._ctx.store.put_setting(HANGING, worker, None)


class Lateness(Chore):
    """Notes `worker.late` once when an account has been ready for minutes and no worker has taken it."""

    every = timedelta(minutes=1)

    def _do(self, now: datetime) -> None:
        ready_at = self._ctx.store.next_ready_at()
        late = ready_at is not None and ready_at < now - LATE
        known = self._ctx.store.setting("alerts", "worker.late")
        if late and known is None and ready_at is not None:
            dids = self._ctx.store.late_accounts(now - LATE, LATE_NAMED_MAX + 1)
            # Where so many wait, all do.
            named = dids if len(dids) <= LATE_NAMED_MAX else None
            Events(self._ctx.store).note("worker.late", {"since": to_iso(ready_at)}, account_dids=named)
        if late != (known is not None):
            self._ctx.store.put_setting("alerts", "worker.late", to_iso(now) if late else None)


class Freeing(Chore):
    """Every few minutes, frees what a clock that ran ahead has postponed."""

    every = timedelta(seconds=FREE_SECONDS)

    def __init__(self, ctx: Context, *steps: Callable[[], object]) -> None:
        super().__init__(ctx)
        self._steps = steps

    def _do(self, now: datetime) -> None:
        for step in self._steps:
            step()
