"""Timers: scheduled commands and functions, which may make posts.

What lives here: which occurrence is next, the lease that lets one worker run it, and the one transaction in which a
run's posts and its outcome are stored. A worker that dies in the middle has stored nothing: when its lease expires,
another runs the same occurrence. What does not live here: running anything (`sources`), when a rule occurs
(`schedule`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from skywrite.core.errors import Do, Hint, NotFound
from skywrite.core.shown import named
from skywrite.queue.adding import add_posts
from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.model import AddResult, NewPost, Problem
from skywrite.queue.reading import count_of, json_of, readable, reads
from skywrite.queue.rows import dump_json, problem_of, problem_values

TimerKind = Literal["command", "function"]
TimerOutcome = Literal["posted", "nothing", "same", "failed"]


class NewTimer(NamedTuple):
    """A timer to be stored. `name`: the command line, or the function's name. `account_did`: None is the default
    account. `late_seconds`: how late an occurrence may still run. `settings`: whatever `app` stores with it.
    """

    kind: TimerKind
    name: str
    account_did: str | None
    rule: str
    zone: str
    late_seconds: int
    next_at: datetime | None
    settings: Mapping[str, Any] = {}


class Timer(NamedTuple):
    """A stored timer. `occurrence`: the last one that was run. `next_at`: None if its rule has ended. `printed_hash`:
    that of the last output that was posted, at `printed_at`.
    """

    kind: TimerKind
    name: str
    account_did: str | None
    rule: str
    zone: str
    late_seconds: int
    next_at: datetime | None
    settings: dict[str, Any]
    id: int
    occurrence: datetime | None
    lease_owner: str | None
    lease_until: datetime | None
    ran_at: datetime | None
    outcome: TimerOutcome | None
    problem: Problem | None
    printed_hash: str | None
    created_at: datetime | None = None
    printed_at: datetime | None = None


class TimerClaim(NamedTuple):
    """The right to run one occurrence, until the lease expires."""

    timer: Timer
    occurrence: datetime
    token: int


class TimerResult(NamedTuple):
    """The result of a run: its posts, or its problem. `printed_hash`: that of the output; None keeps the last one."""

    outcome: TimerOutcome
    posts: Sequence[NewPost] = ()
    problem: Problem | None = None
    printed_hash: str | None = None


class _Overtaken(Exception):
    """The lease was lost: the transaction must be rolled back."""


class Timers:
    """Operations on commands and functions."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def add(self, new: NewTimer) -> Timer:
        """Store a command, or add or update a function.

        If rule, zone and account are unchanged, it keeps its next time.
        """
        with self._store.writing(wake=False) as tx:
            row = tx.row("insert_timer", **_values(new), now=self._store.clock.now())
            if row is None:
                row = self._changed_timer(tx, new)
            return _timer_of(row)

    def _changed_timer(self, tx: Transaction, new: NewTimer) -> Row:
        row = tx.row("get_function_timer", name=new.name)
        assert row is not None
        timer = _timer_of(row)
        same_times = (timer.rule, timer.zone) == (new.rule, new.zone)
        tx.run(
            "change_timer",
            id=timer.id,
            rule=new.rule,
            zone=new.zone,
            account_did=new.account_did,
            late_seconds=new.late_seconds,
            next_at=timer.next_at if same_times else new.next_at,
        )
        changed = tx.row("get_timer", id=timer.id)
        assert changed is not None
        return changed

    def all(self) -> list[Timer]:
        """All of them, in the order in which they were added."""
        with self._store.reading() as tx:
            return readable(tx.rows("list_timers"), _timer_of)

    def get(self, timer_id: int) -> Timer:
        """One; raises NotFound."""
        with self._store.reading() as tx:
            return self._timer(tx, timer_id)

    def _timer(self, tx: Transaction, timer_id: int) -> Timer:
        row = tx.row("get_timer", id=timer_id)
        if row is None:
            raise NotFound(
                f"There is no scheduled command {named(timer_id)}.",
                code="command.unknown",
                hint=Hint("See their numbers: ", Do("commands.list")),
            )
        return _timer_of(row)

    def remove(self, timer_id: int) -> Timer:
        """Remove one; its posts stay. Raises NotFound."""
        with self._store.writing(wake=False) as tx:
            timer = self._timer(tx, timer_id)
            tx.run("delete_timer", id=timer_id)
            return timer

    def move(self, timer: Timer, next_at: datetime | None, *, dead: str | None = None) -> bool:
        """Skip occurrences: wait for this one. Returns False if somebody else was faster, or runs it.

        `dead`: the holder of a lease that is known to be gone.
        """
        values = {"id": timer.id, "seen": timer.next_at, "next_at": next_at, "dead": dead}
        with self._store.writing(wake=False) as tx:
            return tx.run("move_timer", **values, now=self._store.clock.now()) == 1

    def claim(
        self, timer: Timer, occurrence: datetime, worker: str, until: datetime, *, dead: str | None = None
    ) -> TimerClaim | None:
        """Claim one occurrence until `until`; None if somebody else has it, or has run it.

        `dead`: the holder of a lease that is known to be gone.
        """
        values = {"id": timer.id, "seen": timer.next_at, "occurrence": occurrence, "worker": worker, "until": until}
        with self._store.writing(wake=False) as tx:
            row = tx.row("take_timer", **values, dead=dead, now=self._store.clock.now())
        return None if row is None else TimerClaim(_timer_of(row), occurrence, int(row["lease_token"]))

    def renew(self, claim: TimerClaim, until: datetime) -> bool:
        """Extend a claim until `until`; False if it is no longer ours."""
        with self._store.writing(wake=False) as tx:
            return tx.run("renew_timer", id=claim.timer.id, token=claim.token, until=until) == 1

    def finish(self, claim: TimerClaim, next_at: datetime | None, result: TimerResult) -> list[AddResult] | None:
        """Store a run's posts and its result, all or nothing; None if the claim is no longer ours."""
        try:
            with self._store.writing(wake=bool(result.posts)) as tx:
                added = add_posts(tx, self._store.clock, result.posts)
                values = {"id": claim.timer.id, "token": claim.token, "occurrence": claim.occurrence}
                if tx.run("finish_timer", **values, next_at=next_at, **self._outcome(result)) != 1:
                    raise _Overtaken
                return added
        except _Overtaken:
            return None

    def note(self, timer_id: int, result: TimerResult) -> list[AddResult]:
        """Store the posts and the result of an extra run; its schedule does not change."""
        with self._store.writing(wake=bool(result.posts)) as tx:
            added = add_posts(tx, self._store.clock, result.posts)
            tx.run("note_timer", id=timer_id, **self._outcome(result))
            return added

    def _outcome(self, result: TimerResult) -> dict[str, Any]:
        return {
            "outcome": result.outcome,
            "printed_hash": result.printed_hash,
            "now": self._store.clock.now(),
            **problem_values(result.problem),
        }


def _values(new: NewTimer) -> dict[str, Any]:
    return {
        "kind": new.kind,
        "name": new.name,
        "account_did": new.account_did,
        "rule": new.rule,
        "zone": new.zone,
        "late_seconds": new.late_seconds,
        "settings": dump_json(new.settings),
        "next_at": new.next_at,
    }


@reads("timer")
def _timer_of(row: Row) -> Timer:
    count_of(row["lease_token"])
    return Timer(
        kind=row["kind"],
        name=row["name"],
        account_did=row["account_did"],
        rule=row["rule"],
        zone=row["zone"],
        late_seconds=count_of(row["late_seconds"]),
        next_at=time_of(row["next_at"]),
        settings=json_of(row["settings"], dict),
        id=row["id"],
        occurrence=time_of(row["occurrence"]),
        lease_owner=row["lease_owner"],
        lease_until=time_of(row["lease_until"]),
        ran_at=time_of(row["ran_at"]),
        outcome=row["outcome"],
        problem=problem_of(row),
        printed_hash=row["printed_hash"],
        created_at=time_of(row["created_at"]),
        printed_at=time_of(row["printed_at"]),
    )
