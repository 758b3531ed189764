"""A rehearsal: the real worker on a copy of the queue, with a stand-in for the network and a clock that jumps.

What lives here: the copy, the bad days that one can ask for, and what came of it. What does not: any rule of
publishing; because the worker is the same, so is what it does. Nothing of a rehearsal leaves this process, and the
queue is only read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from skywrite.app import Skywrite
from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.occurrences import Occurrences
from skywrite.app.sending import Sending
from skywrite.app.work import WorkParts
from skywrite.core.clock import FakeClock, to_iso
from skywrite.core.config import load_config
from skywrite.core.digits import whole_number
from skywrite.core.errors import InputError
from skywrite.features import homes
from skywrite.posting.publish.budget import CATCH_UP_GAP_SECONDS
from skywrite.posting.publish.checks import approved_mentions
from skywrite.posting.publish.rounds import Work, take_all
from skywrite.posting.publish.worker import Worker
from skywrite.protocol.atproto.identity import Resolver, UnknownHandle
from skywrite.protocol.atproto.sign_in import create_session
from skywrite.queue.actions import Action, Actions
from skywrite.queue.copying import copy_to
from skywrite.queue.model import Account, AccountsByDid, Defer, Post, State
from skywrite.queue.vault import Vault
from skywrite.sandbox import Sandbox
from skywrite.sandbox.faults import Fault, FaultKind, Faults
from skywrite.sandbox.transport import SandboxTransport

STEPS_MAX = 200_000
LATE = timedelta(minutes=1)
AGAIN = timedelta(seconds=1)
PAGE = 500
OVER: tuple[State, ...] = ("held", "failed", "cancelled")
DONE_WORDS = {
    **{"repost": "reposted", "unrepost": "undone", "pin": "pinned", "unpin": "unpinned", "like": "liked"},
}
LEFT_OUT = (
    "new items of feeds",
    "what commands, functions and folders will make",
    "likes and replies that follow-ups wait for",
    "what people will still change",
)


class Span(NamedTuple):
    """From one time to another."""

    start: datetime
    end: datetime

    def holds(self, now: datetime) -> bool:
        """Whether a time is in it."""
        return self.start <= now < self.end


class BadDay(NamedTuple):
    """What goes wrong: when no worker runs, when servers do not answer, when they limit."""

    outages: tuple[Span, ...] = ()
    down: tuple[Span, ...] = ()
    limited: tuple[Span, ...] = ()


class Act(NamedTuple):
    """What becomes of one post. `what`: published, held, failed, skipped or waiting; `why`: if it is not on time."""

    what: str
    at: datetime | None
    post: Post
    account: Account
    why: str = ""

    @property
    def late(self) -> timedelta:
        """How long after its time it goes out."""
        return timedelta() if self.at is None or self.post.due_at is None else self.at - self.post.due_at

    def as_dict(self) -> dict[str, Any]:
        """As JSON. Occurrences that do not exist yet have no number that lasts."""
        return {
            "what": self.what,
            "at": _iso(self.at),
            "due_at": _iso(self.post.due_at),
            "late_seconds": int(self.late.total_seconds()) if self.what == "published" else None,
            "account": self.account.handle,
            "text": self.post.text,
            "recurrence": self.post.recurrence_id,
            "why": self.why or None,
        }


class Deed(NamedTuple):
    """What becomes of a repost or pin. `what`: reposted, undone, pinned, unpinned, failed or waiting.

    `text`: that of its post, if this queue published it; `why`: if it is not on time.
    """

    what: str
    at: datetime | None
    action: Action
    account: Account
    text: str
    why: str = ""

    @property
    def late(self) -> timedelta:
        """How long after its time it is done."""
        return timedelta() if self.at is None else self.at - self.action.due_at

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "what": self.what,
            "at": _iso(self.at),
            "due_at": _iso(self.action.due_at),
            "late_seconds": None if self.at is None else int(self.late.total_seconds()),
            "account": self.account.handle,
            "kind": self.action.kind,
            "uri": self.action.uri,
            "text": self.text,
            "every": self.action.rule,
            "why": self.why or None,
        }


class Rehearsed(NamedTuple):
    """What would happen between two times, in order: to posts, and to reposts and pins.

    `left_out`: what no rehearsal can know.
    """

    start: datetime
    until: datetime
    acts: tuple[Act, ...]
    deeds: tuple[Deed, ...] = ()
    left_out: tuple[str, ...] = LEFT_OUT

    def of(self, account: Account) -> Rehearsed:
        """What happens to those of one account."""
        acts = tuple(act for act in self.acts if act.account.did == account.did)
        return self._replace(acts=acts, deeds=tuple(deed for deed in self.deeds if deed.account.did == account.did))

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "start": _iso(self.start),
            "until": _iso(self.until),
            "acts": [act.as_dict() for act in self.acts],
            "reposts": [deed.as_dict() for deed in self.deeds],
        }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else to_iso(at)


def rehearse(
    sky: Skywrite,
    until: str | datetime,
    *,
    account: str | None = None,
    outage: Sequence[str] = (),
    pds_down: Sequence[str] = (),
    rate_limit: Sequence[str] = (),
    steps_max: int = STEPS_MAX,
) -> Rehearsed:
    """What would be published until then, and what would be held, refused, skipped or late, and why.

    `outage`: when no worker runs, such as "sat 10:00-14:00"; `pds_down`: when servers do not answer; `rate_limit`:
    when they answer that it is too much. Raises InvalidTime.
    """
    real = sky.context
    start = real.clock.now()
    owner = None if account is None and not real.store.accounts.all() else real.account(account)
    zone = real.zone(owner) if owner else "UTC"
    end = until if isinstance(until, datetime) else day_end(until, start, zone)
    outages, down, limited = (
        tuple(read_span(text, start, zone) for text in texts) for texts in (outage, pds_down, rate_limit)
    )
    bad = BadDay(outages, down, limited)
    with _stage(real, start, bad) as stage:
        _play(stage, end, bad, steps_max)
        rehearsed = Rehearsed(start, end, tuple(_acts(stage, start, end, bad)), tuple(_deeds(stage, start, end, bad)))
    return rehearsed if account is None or owner is None else rehearsed.of(owner)


def day_end(text: str, now: datetime, zone: str) -> datetime:
    """A time; a day alone counts to its end. Raises InvalidTime."""
    from skywrite.posting.schedule.times import parse_time

    try:
        return parse_time(text, now=now, zone=zone).at
    except InputError as error:
        try:
            return parse_time(f"{text} 23:59", now=now, zone=zone).at
        except InputError:
            raise error from None


def read_span(text: str, now: datetime, zone: str) -> Span:
    """A span such as "sat 10:00-14:00" or "today 22:00 - tomorrow 6:00". Raises InputError."""
    from zoneinfo import ZoneInfo

    from skywrite.posting.schedule.times import parse_time

    first, mark, last = (part.strip() for part in text.rpartition("-"))
    clock, _, past = last.partition(":")
    hour, minute = whole_number(clock, 23), whole_number(past, 59)
    if not mark or not first:
        raise InputError(f"{text!r} is not a span of time.", hint='Write it like "sat 10:00-14:00".')
    start = parse_time(first, now=now, zone=zone).at
    if hour is None or minute is None:
        end = parse_time(last, now=start, zone=zone).at
        return Span(start, end)
    local = start.astimezone(ZoneInfo(zone))
    end = local.replace(hour=hour, minute=minute)
    return Span(start, (end if end > local else end + timedelta(days=1)).astimezone(start.tzinfo))


@dataclass
class _Stage:
    """The copy, the stand-in, the clock, and why posts, and reposts and pins, waited on the way.

    `over` and `done`: those that came to an end before.
    """

    ctx: Context
    box: Sandbox
    clock: FakeClock
    worker: Worker
    occurrences: Occurrences
    works: tuple[Work, ...]
    reasons: dict[int, str] = field(default_factory=dict)
    not_done: dict[int, str] = field(default_factory=dict)
    over: frozenset[int] = frozenset()
    done: frozenset[int] = frozenset()


@contextmanager
def _stage(real: Context, start: datetime, bad: BadDay) -> Iterator[_Stage]:
    clock = FakeClock(start)
    with tempfile.TemporaryDirectory(prefix="skywrite-rehearsal-") as folder:
        box = Sandbox(accounts=(), clock=clock)
        path = str(Path(folder) / "queue.db")
        environ = {"SKYWRITE_HOME": folder, "SKYWRITE_DATABASE": path, "SKYWRITE_PLC_URL": box.plc_url}
        config = load_config(environ | {"SKYWRITE_VIDEO_SERVICE": ""})
        copy_to(real.store, path, Vault.of(config), clock).close()
        transport = SandboxTransport(box)
        ctx = Context(config=config, transport=transport, clock=clock)
        try:
            _sign_in_all(ctx, box, transport)
            box.faults = _faults(bad, clock)
            yield _worker(ctx, box, clock)
        finally:
            ctx.close()


def _sign_in_all(ctx: Context, box: Sandbox, transport: Any) -> None:
    """Those who are signed in are signed in at the stand-in; for the others nothing would go out."""
    for account in ctx.store.accounts.all():
        if account.signed_in and account.state != "needs_login":
            twin = box.account(account.handle, did=account.did)
            session = create_session(transport, box.url, twin.handle, twin.app_password, clock=ctx.clock)
            ctx.store.accounts.sign_in(session)


def _worker(ctx: Context, box: Sandbox, clock: FakeClock) -> _Stage:
    drafting = Drafting(ctx)
    occurrences = Occurrences(ctx, drafting)
    reasons: dict[int, str] = {}
    not_done: dict[int, str] = {}

    def deferred(post: Post, wait: Defer) -> None:
        reasons[post.id] = wait.reason

    def log(event: str, **facts: Any) -> None:
        if event == "repost_failed":
            not_done[facts["action"]] = facts["message"]

    def known(url: str) -> Any:
        return _Known(ctx, ctx.network.resolver(url))

    publisher = Sending(ctx, drafting).publisher()._replace(videos=None, resolver=known, check_target=None)
    publisher.decider.deferred = deferred
    publisher.decider.catch_up_gap_seconds = CATCH_UP_GAP_SECONDS
    worker = Worker(ctx.worker_name, publisher, threads=1)
    worker.after = lambda claim, outcome: _after(occurrences, claim.post.recurrence_id)
    over = frozenset(post.id for post in ctx.store.listing.all_posts(OVER) if post.updated_at >= clock.now())
    done = frozenset(action.id for action in Actions(ctx.store).since(clock.now()) if action.state != "waiting")
    works = tuple(make(WorkParts(ctx, drafting, log)) for make in homes("rehearsed"))
    return _Stage(ctx, box, clock, worker, occurrences, works, reasons, not_done, over, done)


def _after(occurrences: Occurrences, recurrence_id: int | None) -> None:
    if recurrence_id is not None:
        occurrences.sweep(recurrence_id)


class _Known:
    """Handles mean whom they meant when the posts were accepted: a rehearsal asks nobody."""

    def __init__(self, ctx: Context, resolver: Resolver) -> None:
        self._ctx = ctx
        self.pds_url = resolver.pds_url

    def resolve_handle(self, handle: str) -> str:
        """Its DID. Raises UnknownHandle."""
        from skywrite.posting.compose.build import Prepared

        for post in self._ctx.store.listing.posts(("publishing",)):
            known = dict(approved_mentions(Prepared.from_dict(post.prepared)))
            if did := known.get(handle):
                return did
        raise UnknownHandle(f"The rehearsal knows no account {handle}.")


def _faults(bad: BadDay, clock: FakeClock) -> Any:
    class Weather(Faults):
        """Faults by the time of day."""

        def take(self, method: str) -> Fault | None:
            now = clock.now()
            kinds: list[FaultKind] = ["refused" for span in bad.down if span.holds(now)]
            kinds += ["rate_limited" for span in bad.limited if span.holds(now)]
            left = [(span.end - now).total_seconds() for span in (*bad.down, *bad.limited) if span.holds(now)]
            return Fault(kinds[0], None, 1, 0, min(left), False) if kinds else None

    return Weather()


def _play(stage: _Stage, until: datetime, bad: BadDay, steps_max: int) -> None:
    """Publish what is due, jump to when something is due next, and so on."""
    store, clock = stage.ctx.store, stage.clock
    actions = Actions(store)
    stage.occurrences.sweep()
    # Before anything is published: what is reached by now may add reposts.
    for work in stage.works:
        take_all(work)
    for _ in range(steps_max):
        now = clock.now()
        if now > until:
            return
        if ends := [span.end for span in bad.outages if span.holds(now)]:
            clock.set(max(ends))
            continue
        if stage.worker.step():
            continue
        stage.occurrences.sweep()
        for work in stage.works:
            take_all(work)
        ready = min((at for at in (store.claims.next_ready_at(), actions.next_at()) if at is not None), default=None)
        if ready is None or ready > until:
            return
        clock.set(max(ready, clock.now() + AGAIN) if ready <= clock.now() else ready)
    raise InputError("This is too long for one rehearsal.", hint="Choose an earlier end.")


def _acts(stage: _Stage, start: datetime, until: datetime, bad: BadDay) -> list[Act]:
    accounts = AccountsByDid(stage.ctx.store.accounts.all())
    acts = [
        act
        for post in stage.ctx.store.listing.all_posts(page=PAGE)
        if (act := _act(stage, post, accounts[post.account_did], start, until, bad)) is not None
    ]
    return sorted(acts, key=lambda act: (act.at or act.post.due_at or until, act.post.id))


def _act(stage: _Stage, post: Post, account: Account, start: datetime, until: datetime, bad: BadDay) -> Act | None:
    reason = post.problem.message if post.problem else ""
    if post.state == "published" and post.published_at is not None and post.published_at >= start:
        late = post.due_at is not None and post.published_at - post.due_at > LATE
        return Act("published", post.published_at, post, account, _why_late(stage, post, start, bad) if late else "")
    if post.updated_at >= start and post.state in OVER and post.id not in stage.over:
        what = "skipped" if post.state == "cancelled" else post.state
        return Act(what, post.updated_at, post, account, reason)
    if post.state in ("scheduled", "publishing") and post.due_at is not None and post.due_at <= until:
        if not account.signed_in or account.state == "needs_login":
            reason = f"you are not signed in as {account.handle}"
        return Act("waiting", None, post, account, reason or stage.reasons.get(post.id, "others go first"))
    return None


def _deeds(stage: _Stage, start: datetime, until: datetime, bad: BadDay) -> list[Deed]:
    accounts = AccountsByDid(stage.ctx.store.accounts.all())
    deeds = []
    for action in Actions(stage.ctx.store).since(start):
        account = accounts[action.account_did]
        if action.id in stage.done or (action.state == "waiting" and action.due_at > until):
            continue
        what = DONE_WORDS[action.kind] if action.state == "done" else action.state
        post = stage.ctx.store.posts.published_as(action.author, action.uri)
        why = _why_not_done(stage, action, account, start, bad)
        deeds.append(Deed(what, action.done_at, action, account, post.text if post else "", why))
    return sorted(deeds, key=lambda deed: (deed.at or deed.action.due_at, deed.action.id))


def _why_not_done(stage: _Stage, action: Action, account: Account, start: datetime, bad: BadDay) -> str:
    """Why it is late, waits or failed; empty if it is on time."""
    if action.done_at is not None and action.done_at - action.due_at <= LATE:
        return ""
    if not account.signed_in or account.state == "needs_login":
        return f"you are not signed in as {account.handle}"
    if any(span.holds(action.due_at) for span in bad.outages):
        return "no worker runs at its time"
    known = action.error or stage.not_done.get(action.id)
    return known or ("it is overdue already" if action.due_at < start else "others go first")


def _why_late(stage: _Stage, post: Post, start: datetime, bad: BadDay) -> str:
    assert post.due_at is not None
    if any(span.holds(post.due_at) for span in bad.outages):
        return "no worker runs at its time"
    if post.due_at < start:
        return "it is overdue already"
    for attempt in reversed(stage.ctx.store.posts.attempts(post.id)):
        if attempt.problem is not None and attempt.outcome == "retry":
            return attempt.problem.message
    return stage.reasons.get(post.id, "others of its account go first")
