"""A small world from one seed: accounts, users who change their minds, workers that die, days that pass.

What lives here: what happens, what the users were told, and what must hold in the end (`verdicts`).
"""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from skywrite.core.clock import FakeClock
from skywrite.core.config import load_config
from skywrite.core.errors import SkywriteError, StorageError, TemporaryError
from skywrite.queue.model import Post
from skywrite.sandbox import Sandbox
from skywrite.sandbox.repo import Record
from tests.simulation.process import POISON, Chances, Crash, Life, Meter, Process, RandomFaults, start

HANDLES = ("anna.test", "berta.test", "carla.test")
NAME = re.compile(r"p\d+\b")
KEY = "A" * 43 + "="
# The ledger counts a claim, the network sees the write a little later: by at most so much.
DELAY = timedelta(minutes=15)
HOUR_POINTS = 60
ROUNDS_MAX = 3000
OVERTAKEN_TRIES = 5
WEATHER = (0.0, 0.1, 0.3, 0.9)


class TickingClock(FakeClock):
    """No two looks at it see the same moment, as with a real one; only `advance` and `set` move it by more."""

    def now(self) -> datetime:
        self.advance(1e-6)
        return super().now()


@dataclass
class Plan:
    """A post as its user knows it: only what was answered counts."""

    name: str
    handle: str
    not_before: datetime
    due_at: datetime
    texts: set[str]
    parts: int
    skips: bool
    accepted_at: datetime | None = None
    id: int = 0
    in_order: bool = True
    cancelled: bool = False
    maybe_cancelled: bool = False


class World:
    """Everything that one seed brings about. `trace` holds what happened, for a seed that fails."""

    def __init__(self, seed: int, folder: Path, template: Path, *, restores: bool = False) -> None:
        self.restores = restores
        self.random = Random(seed)
        self.clock = TickingClock(
            datetime(2026, 3, 27, 8, tzinfo=UTC) + timedelta(hours=self.random.randrange(9000)), seed
        )
        self.box = Sandbox(accounts=HANDLES, clock=self.clock, jwt_secret="simulation")
        self.chances = Chances(0, 0, 0, 0)
        self.box._pds.limits = Meter(self.clock.now, self._spent)
        self.box.faults = RandomFaults(self.random, self.chances, self._log)
        database = folder / f"{seed}.db"
        shutil.copy(template, database)
        self.config = load_config(
            {
                "SKYWRITE_HOME": str(folder),
                "SKYWRITE_DATABASE": str(database),
                "SKYWRITE_KEY": KEY,
                "SKYWRITE_PLC_URL": self.box.plc_url,
                "SKYWRITE_VIDEO_SERVICE": "",
            }
        )
        self.plans: dict[str, Plan] = {}
        self.points: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
        self.trace: list[str] = []
        self._depth = 0
        self.user, self.worker = self._process(), self._process()
        for handle in HANDLES:
            self._sign_in(handle)
        if self.random.random() < 0.3:
            self.user.sky.accounts.set(HANDLES[0], {"gap_seconds": 600})
        if self.random.random() < 0.3:
            self.user.sky.accounts.set(HANDLES[-1], {"catch_up_gap_seconds": 45})
        if self.random.random() < 0.3:
            self.user.sky.accounts.set(HANDLES[1], {"max_per_day": 3, "zone": "Europe/Berlin"})

    def _process(self) -> Process:
        life = Life(self.random, self.chances)
        return start(self.config, self.box, life, self._stand_still, self._log)

    def _log(self, event: str, **facts: Any) -> None:
        self.trace.append(f"{self.clock.now():%d %H:%M:%S} {event} {facts}")

    def _spent(self, did: str, points: int) -> None:
        self.points[did].append((self.clock.now(), points))

    def _sign_in(self, handle: str) -> None:
        self.user.sky.accounts.login(handle, self.box.account(handle).app_password, pds=self.box.url)

    # What happens

    def run(self, steps: int) -> None:
        """Trouble for so many steps, then quiet until nothing waits any more."""
        for name, value in vars(Chances()).items():
            setattr(self.chances, name, value)
        for step in range(steps):
            if self.restores and step == steps // 3:
                self.back_up()
            if self.restores and step == steps * 2 // 3:
                self.restore()
            self.random.choices(
                (self.schedule, self.change, self.work, self.pass_time, self.post_now, self.sign_in_again),
                (25, 25, 50, 40, 3, 2),
            )[0]()
        for name in vars(Chances()):
            setattr(self.chances, name, 0.0)
        self.clock.advance(900)
        for handle in HANDLES:
            self._sign_in(handle)
        self._drain()
        for post in self.posts():
            if post.state in ("held", "failed"):
                self._log("again, at the end", post=post.id)
                self._stop_ordering(post)
                (self.user.sky.posts.release if post.state == "held" else self.user.sky.posts.retry)(post.id)
        self._drain()

    def back_up(self) -> None:
        """Keep a copy of the database as it is now."""
        self.user.store.backup(self.config.database + ".backup")
        self.kept = {name: replace(plan, texts=set(plan.texts)) for name, plan in self.plans.items()}

    def restore(self) -> None:
        """Go back to the copy, as somebody does whose disk has failed; what was accepted since is unknown again."""
        self._log("restored")
        self.close()
        for ending in ("", "-wal", "-shm"):
            Path(self.config.database + ending).unlink(missing_ok=True)
        Path(self.config.database + ".backup").rename(self.config.database)
        for name, plan in self.plans.items():
            before = self.kept.get(name)
            if before is None or before.accepted_at is None:
                plan.accepted_at = None
        self.user, self.worker = self._process(), self._process()
        for handle in HANDLES:
            with self._user("login", handle):
                self._sign_in(handle)

    def close(self) -> None:
        """Close the database."""
        self.user.end()
        self.worker.end()

    def posts(self) -> list[Post]:
        """Everything in the queue."""
        return list(self.user.store.listing.all_posts())

    def schedule(self) -> None:
        """A user schedules a post, or a thread."""
        now, parts = self.clock.now(), self.random.choice((1, 1, 1, 2, 3))
        due_at = now + timedelta(seconds=self.random.choice((-3600, 0, 60, 600, 7200, 50_000, 200_000)))
        due_at += timedelta(seconds=self.random.randrange(60))
        plan = self._plan(due_at, parts)
        row: dict[str, Any] = {"late": self.random.choice(("publish", "publish", "hold:1h", "skip:2h"))}
        plan.skips = row["late"].startswith("skip")
        if self.random.random() < 0.3:
            row["key"] = plan.name
        if self.random.random() < 0.15:
            row["replies"] = ["mentioned"]
        text = next(iter(plan.texts))
        thread = [f"{plan.name} part {number}" for number in range(1, parts)]
        with self._user("schedule", plan.name):
            scheduled = self.user.sky.schedule(text, at=due_at, account=plan.handle, thread=thread, **row)
            plan.id, plan.accepted_at = scheduled.id, self.clock.now()

    def post_now(self) -> None:
        """A user posts at once: it may overtake what waits."""
        plan = self._plan(self.clock.now(), 1)
        plan.in_order = False
        with self._user("post", plan.name):
            try:
                plan.id = self.user.sky.post(next(iter(plan.texts)), account=plan.handle).id
            except TemporaryError:
                plan.id = next(post.id for post in self.posts() if post.text in plan.texts)
            plan.accepted_at = self.clock.now()

    def _plan(self, due_at: datetime, parts: int) -> Plan:
        name = f"p{len(self.plans)}"
        text = f"{name} says hello" + (f" to @{HANDLES[0]}" if self.random.random() < 0.2 else "")
        if self.random.random() < 0.06:
            text += f" {POISON}"
        plan = Plan(name, self.random.choice(HANDLES), due_at, due_at, {text}, parts, False)
        self.plans[name] = plan
        return plan

    def change(self) -> None:
        """A user changes something about a post."""
        known = [plan for plan in self.plans.values() if plan.accepted_at and not plan.cancelled]
        if self.random.random() < 0.5:
            tried = {post.id for post in self.user.store.listing.posts(("scheduled", "held")) if post.attempts}
            known = [plan for plan in known if plan.id in tried] or known
        if not known:
            return
        plan = self.random.choice(known)
        verb = self.random.choice(("edit", "move", "cancel", "retry", "release", "hold"))
        with self._user(verb, plan.name):
            getattr(self, f"_{verb}")(plan)

    def _edit(self, plan: Plan) -> None:
        new = f"{plan.name} changed {self.random.randrange(1000)}"
        with self._unless_refused(lambda: plan.texts.add(new)):
            self.user.sky.posts.edit(plan.id, text=new)
            plan.texts = {new}

    def _move(self, plan: Plan) -> None:
        due_at = self.clock.now() + timedelta(seconds=self.random.choice((30, 900, 20_000, 150_000)))

        def maybe() -> None:
            plan.not_before, plan.in_order = min(plan.not_before, due_at), False

        with self._unless_refused(maybe):
            self.user.sky.posts.move(plan.id, due_at)
            plan.not_before, plan.in_order = due_at, False

    def _cancel(self, plan: Plan) -> None:
        def maybe() -> None:
            plan.maybe_cancelled = True

        with self._unless_refused(maybe):
            self.user.sky.posts.cancel(plan.id)
            plan.cancelled = True

    def _retry(self, plan: Plan) -> None:
        with self._unless_refused(lambda: self._now_on(plan)):
            self.user.sky.posts.retry(plan.id)
            self._now_on(plan)

    def _release(self, plan: Plan) -> None:
        with self._unless_refused(lambda: self._now_on(plan)):
            self.user.sky.posts.release(plan.id)
            self._now_on(plan)

    def _hold(self, plan: Plan) -> None:
        with self._unless_refused(lambda: self._now_on(plan, plan.not_before)):
            self.user.sky.posts.hold(plan.id)
            plan.in_order = False

    def _now_on(self, plan: Plan, moment: datetime | None = None) -> None:
        plan.not_before, plan.in_order = min(plan.not_before, moment or self.clock.now()), False

    def _stop_ordering(self, post: Post) -> None:
        for plan in self.plans.values():
            if plan.id == post.id:
                self._now_on(plan)

    def work(self) -> None:
        """The worker takes some steps; one that dies is followed by a new one."""
        self.worker = self._work(self.worker, self.random.randrange(1, 5))

    def _work(self, process: Process, steps: int) -> Process:
        try:
            for _ in range(steps):
                self._step(process)
        except Crash:
            self._log("crash")
            process.end()
            return self._process()
        return process

    def _step(self, process: Process) -> bool:
        try:
            return process.worker.step()
        except StorageError as error:
            self._log("storage", message=error.message)
            return True

    def pass_time(self) -> None:
        """Minutes pass, or hours, or the clock jumps; often to the next moment at which something is due. The weather
        of the network changes."""
        self.chances.network = self.random.choice(WEATHER)
        if self.random.random() < 0.7 and (ready := self.user.store.claims.next_ready_at()):
            self.clock.set(max(ready, self.clock.now()))
        else:
            self.clock.advance(self.random.choice((1, 20, 200, 200, 3000, 20_000, 90_000)))

    def sign_in_again(self) -> None:
        """A user signs in again."""
        handle = self.random.choice(HANDLES)
        with self._user("login", handle):
            self._sign_in(handle)

    def _stand_still(self) -> None:
        """A process stops in the middle of a request for longer than its lease, and another one goes on."""
        if self._depth:
            return
        self._depth += 1
        self._log("stopped")
        self.clock.advance(self.random.choice((1, 130, 400)))
        other = self._work(self._process(), self.random.randrange(1, 5))
        other.end()
        self._log("goes on")
        self._depth -= 1

    def _drain(self) -> None:
        for _ in range(ROUNDS_MAX):
            if self._step(self.worker):
                continue
            ready = self.user.store.claims.next_ready_at()
            if ready is None:
                return
            self.clock.set(max(ready, self.clock.now()))
        raise AssertionError("the queue does not come to an end")

    def _user(self, verb: str, what: str) -> _Asking:
        return _Asking(self, verb, what)

    def _unless_refused(self, maybe: Callable[[], None]) -> _Uncertain:
        return _Uncertain(maybe)

    def user_died(self) -> None:
        """The user's process is gone; the next command is another one."""
        self.user.end()
        self.user = self._process()


@dataclass
class _Asking:
    """A command of a user: errors are answers, and a process that dies gives none."""

    world: World
    verb: str
    what: str

    def __enter__(self) -> None:
        self.world._log(f"user: {self.verb}", what=self.what)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is not None:
            self.world._log(f"user: {self.verb} answered", what=self.what, error=repr(error))
        if isinstance(error, Crash):
            self.world.user_died()
        return isinstance(error, SkywriteError | Crash)


@dataclass
class _Uncertain:
    """A change that may have been made although nobody said so."""

    maybe: Callable[[], None]

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, StorageError | Crash):
            self.maybe()


# What must hold


@dataclass
class Found:
    """What is in the repositories and the queue in the end."""

    roots: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    replies: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    rows: dict[str, list[Post]] = field(default_factory=lambda: defaultdict(list))


def look(world: World) -> Found:
    """Everything, by the name of its plan."""
    evidence = Found()
    for handle in HANDLES:
        for record in world.box.records(handle):
            (evidence.replies if "reply" in record.value else evidence.roots)[_name(record.value["text"])].append(
                record
            )
    for post in world.posts():
        evidence.rows[_name(post.text)].append(post)
    return evidence


def _name(text: str) -> str:
    match = NAME.match(text)
    assert match, text
    return match[0]


def verdicts(world: World) -> Iterator[str]:
    """Every broken promise, in words; nothing when all were kept."""
    evidence = look(world)
    for plan in world.plans.values():
        for broken in _plan_verdicts(plan, evidence):
            yield f"{plan.name}: {broken}"
    yield from _order_verdicts(world, evidence)
    yield from _point_verdicts(world)
    for name, posts in evidence.rows.items():
        for post in posts:
            attempts = world.user.store.posts.attempts(post.id)
            if len(attempts) != post.attempts or (post.state == "published") != (
                bool(attempts) and attempts[-1].outcome == "published"
            ):
                yield f"{name}: its attempts tell something else: {post.state}, {attempts}"


def doubled(world: World) -> Iterator[str]:
    """What is in the repositories twice, or in pieces: all that can be asked of a world that lost its memory."""
    evidence = look(world)
    for name, roots in evidence.roots.items():
        if len(roots) > 1:
            yield f"{name}: twice: {len(roots)} records"
    for name, replies in evidence.replies.items():
        if len(replies) != world.plans[name].parts - 1:
            yield f"{name}: a thread in pieces: {len(replies)} of {world.plans[name].parts - 1} replies"
    for name, posts in evidence.rows.items():
        for post in posts:
            if post.state == "published" and post.uri not in {root.uri for root in evidence.roots[name]}:
                yield f"{name}: the queue names a record that is not there: {post.uri}"


def _plan_verdicts(plan: Plan, evidence: Found) -> Iterator[str]:
    roots, replies, rows = evidence.roots[plan.name], evidence.replies[plan.name], evidence.rows[plan.name]
    if len(roots) > 1 or len(rows) > 1:
        yield f"twice: {len(roots)} records, {len(rows)} rows"
        return
    if plan.accepted_at and not rows:
        yield "lost: it was accepted and is not in the queue"
    if not rows:
        if roots:
            yield "published without a row"
        return
    state = rows[0].state
    if len(replies) != (plan.parts - 1 if roots else 0):
        yield f"a thread in pieces: {len(replies)} of {plan.parts - 1} replies"
    if bool(roots) != (state == "published"):
        yield f"untrue: it is {state}, and there are {len(roots)} records"
    if state not in ("published", "cancelled", "failed"):
        yield f"stuck: it is still {state}"
    if state == "failed" and not any(POISON in text for text in plan.texts):
        yield f"given up: {rows[0].problem}"
    if plan.cancelled and roots:
        yield "cancelled, and published"
    if state == "cancelled" and plan.accepted_at and not (plan.cancelled or plan.skips or plan.maybe_cancelled):
        yield "dropped: nobody cancelled it"
    for record in roots:
        if (rows[0].uri, rows[0].cid) != (record.uri, record.cid):
            yield f"the queue names another record: {rows[0].uri}"
        if record.value["text"] not in plan.texts:
            yield f"another text: {record.value['text']}"
        if datetime.fromisoformat(record.indexed_at) + timedelta(milliseconds=1) < plan.not_before:
            yield f"early: written at {record.indexed_at}, due at {plan.not_before}"


def _order_verdicts(world: World, evidence: Found) -> Iterator[str]:
    """Of two posts that both waited when the first of them was begun, the one that is due first goes first; one that
    was tried often and was never there may be overtaken."""
    for handle in HANDLES:
        begun = []
        for plan in world.plans.values():
            if plan.handle == handle and plan.in_order and plan.accepted_at and evidence.roots[plan.name]:
                row = evidence.rows[plan.name][0]
                attempts = world.user.store.posts.attempts(row.id)
                begun.append((evidence.roots[plan.name][0].serial, attempts[0].started_at, plan))
        begun.sort(key=lambda item: item[0])
        for place, (_, started_at, first) in enumerate(begun):
            for _, _, second in begun[place + 1 :]:
                assert second.accepted_at
                waited = second.accepted_at < started_at
                tried = len(world.user.store.posts.attempts(second.id))
                if waited and tried < OVERTAKEN_TRIES and (second.due_at, second.id) < (first.due_at, first.id):
                    yield f"order: {first.name} (due {first.due_at}) went before {second.name} (due {second.due_at})"


def _point_verdicts(world: World) -> Iterator[str]:
    for did, spent in world.points.items():
        for moment, _ in spent:
            points = sum(some for at, some in spent if moment <= at < moment + timedelta(hours=1) - DELAY)
            if points > HOUR_POINTS:
                yield f"points: {did} spent {points} in the hour from {moment}"
                break
