"""What a worker does now and then besides publishing: heartbeats and cleaning up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from skywrite.app.context import Context
from skywrite.app.work import Periodic
from skywrite.core.clock import to_iso
from skywrite.features import homes
from skywrite.posting.publish.hosts import Trouble
from skywrite.posting.publish.processes import is_gone
from skywrite.posting.publish.worker import in_turn
from skywrite.queue.actions import Actions
from skywrite.queue.api_keys import ApiKeys
from skywrite.queue.events import Events
from skywrite.queue.leases import Leases
from skywrite.queue.ledger import Ledger
from skywrite.queue.model import Account
from skywrite.queue.people import People
from skywrite.queue.requests import Requests
from skywrite.queue.store import Store
from skywrite.queue.workers import ChoreTimes, Hanging, Workers

HEARTBEAT_SECONDS = 15
PRUNED, REPORTED_LATE = "prune", "report late posts"
PRUNE_SECONDS = 86_400
FREE_SECONDS = 300
EVENTS_KEPT = timedelta(days=7)
FINISHED_KEPT = timedelta(days=30)
# Keys that were revoked or have expired, and reposts that were done.
ENDED_KEPT = timedelta(days=90)
LATE = timedelta(minutes=5)
LATE_NAMED_MAX = 100


class Chore(Periodic):
    """A periodic task (`publish.worker.Task`) of the worker's own."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    def run(self) -> None:
        """Do it, and schedule the next run."""
        self._do(self.begin())

    def _do(self, now: datetime) -> None:
        raise NotImplementedError


class Heartbeat(Chore):
    """Records that a worker is running, even while it does not know the time."""

    every = timedelta(seconds=HEARTBEAT_SECONDS)
    at_any_time = True

    def __init__(self, ctx: Context, hanging: Callable[[], Sequence[Trouble]] = tuple) -> None:
        super().__init__(ctx)
        self._hanging = hanging

    def _do(self, now: datetime) -> None:
        Workers(self.ctx.store).beat(self.ctx.worker_name, [Hanging(one.server, one.times) for one in self._hanging()])

    def end(self) -> None:
        """Remove the record."""
        Workers(self.ctx.store).end(self.ctx.worker_name)


class Pruning(Chore):
    """Drops bytes, ledger entries and records of dead workers that nothing needs: once a day, for all processes."""

    every = timedelta(seconds=PRUNE_SECONDS)

    def _do(self, now: datetime) -> None:
        times = ChoreTimes(self.ctx.store)
        last = times.last(PRUNED)
        if last is not None:
            due = in_turn(last + self.every, now, self.every)
            if due > now:
                self._next_at = due
                return
        times.note(PRUNED)
        prune(self.ctx.store, now)


def prune(store: Store, now: datetime) -> None:
    """Drop what nothing needs any more."""
    store.media.prune()
    store.secrets.prune()
    Workers(store).prune(timedelta(seconds=PRUNE_SECONDS))
    Ledger(store).prune(now)
    Events(store).prune(now - EVENTS_KEPT)
    Requests(store).prune(now - FINISHED_KEPT)
    Actions(store).prune(now - ENDED_KEPT)
    ApiKeys(store).prune(now - ENDED_KEPT)
    People(store).prune()
    for drop in homes("prune"):
        drop(store, now)


def dead_holders(ctx: Context) -> set[str]:
    """The workers on this computer whose processes are gone, and that still hold something."""
    owners = {account.lease_owner for account in _leased(ctx)}.union(Leases(ctx.store).owners())
    return {owner for owner in owners if owner and owner != ctx.worker_name and is_gone(owner)}


def free_dead(ctx: Context) -> int:
    """End what they hold, so that others go on at once. Returns how much it is."""
    dead, leases = dead_holders(ctx), Leases(ctx.store)
    leased = [account for account in _leased(ctx) if account.lease_owner in dead]
    freed = sum(ctx.store.claims.expire_lease(account.did, account.lease_owner or "") for account in leased)
    return freed + sum(leases.end(owner) for owner in dead)


def _leased(ctx: Context) -> list[Account]:
    """Accounts that other workers hold, without those whose time is over."""
    now = ctx.clock.now()
    leased = ctx.store.accounts.leased(ctx.worker_name)
    return [account for account in leased if account.lease_until and account.lease_until > now]


class Lateness(Chore):
    """Notes `worker.late` once when an account has been ready for minutes and no worker has taken it."""

    every = timedelta(minutes=1)

    def _do(self, now: datetime) -> None:
        ready_at = self.ctx.store.claims.next_ready_at()
        late = ready_at is not None and ready_at < now - LATE
        times = ChoreTimes(self.ctx.store)
        known = times.last(REPORTED_LATE)
        if late and known is None and ready_at is not None:
            dids = self.ctx.store.claims.late_accounts(now - LATE, LATE_NAMED_MAX + 1)
            # Where so many wait, all do.
            named = dids if len(dids) <= LATE_NAMED_MAX else None
            Events(self.ctx.store).note("worker.late", {"since": to_iso(ready_at)}, account_dids=named)
        if late and known is None:
            times.note(REPORTED_LATE)
        elif not late:
            times.forget(REPORTED_LATE)


class Freeing(Chore):
    """Every few minutes, frees what a clock that ran ahead has postponed."""

    every = timedelta(seconds=FREE_SECONDS)

    def __init__(self, ctx: Context, *steps: Callable[[], object]) -> None:
        super().__init__(ctx)
        self._steps = steps

    def _do(self, now: datetime) -> None:
        for step in self._steps:
            step()
