"""Posts that repeat: the recurrence is stored, and one occurrence at a time is a post in the queue.

What lives here: making the posts of the next occurrences. What does not: when a recurrence occurs
(`schedule.recurrence`), what users do with recurrences (`recurrences`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from skywrite.app.context import Context, listed
from skywrite.app.drafting import Drafting
from skywrite.app.results import Ready, Scheduled
from skywrite.app.work import Periodic
from skywrite.core.errors import Conflict, Do, Hint, InputError, Notice, SkywriteError, StorageError
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.schedule.policy import DEFAULT_LATE_SECONDS, RECURRING_LATE_POLICY, parse_duration, parse_late
from skywrite.posting.schedule.recurrence import (
    MICROSECOND,
    Occurrence,
    ParsedRule,
    catch_up,
    check_minute,
    parse_rule,
    pick,
)
from skywrite.posting.schedule.slots import with_jitter
from skywrite.posting.schedule.tokens import DateOrder
from skywrite.queue.model import WAITING_STATES, Account, NewPost, NewRecurrence, Recurrence

_LATE = (RECURRING_LATE_POLICY, DEFAULT_LATE_SECONDS)

# What comes each minute comes so often on a day of 25 hours.
DAY_MAX = 1500


@dataclass(frozen=True, slots=True)
class RecurrenceOptions:
    """How a post repeats: see `Skywrite.schedule` for the forms of each field."""

    every: str
    at: str | datetime | None = None
    until: str | datetime | None = None
    pool: Sequence[Any] | None = None
    late: str | None = None
    jitter: str | None = None
    source: str | None = None
    zone: str | None = None
    exceptions: Mapping[str, Any] = field(default_factory=dict)
    dates: DateOrder | None = None
    grammar: Any = None
    distinct: Any = None
    skip: Sequence[str] = ()

    def texts(self, base: Path | None) -> Sequence[Any] | None:
        """The texts that it takes in turn; None if it has one. Raises InputError."""
        if self.grammar is None and self.distinct is None:
            return self.pool
        from skywrite.posting.sources.grammar import texts_in_turn

        return texts_in_turn(self.pool, self.grammar, self.distinct, base)


class CheckedRecurrence(NamedTuple):
    """A recurrence that was checked, and the post of its first occurrence; neither is stored yet."""

    recurrence: NewRecurrence
    first: NewPost
    readies: list[Ready]
    warnings: tuple[Notice, ...]


class Occurrences:
    """Makes the posts of recurrences. `log(event, **facts)` reports recurrences that cannot be followed."""

    def __init__(self, ctx: Context, drafting: Drafting, log: Log = silent) -> None:
        self._ctx = ctx
        self._drafting = drafting
        self._log = log

    def schedule(
        self,
        account: Account,
        row: Mapping[str, Any],
        options: RecurrenceOptions,
        base: Path | None,
        *,
        dry_run: bool = False,
    ) -> Scheduled[int] | Scheduled[None]:
        """Store a recurrence and the post of its first occurrence; or only check them (`dry_run`)."""
        new = self.accept(account, row, options, base)
        if dry_run:
            return Scheduled(None, account.handle, new.first.due_at, new.recurrence.zone, warnings=new.warnings)
        self._drafting.keep_media(new.readies)
        clashes = self._drafting.clashes(account.did, str(new.first.draft.get("text", "")), new.first.due_at)
        store, zone = self._ctx.store, new.recurrence.zone
        added = store.recurrences.add(new.recurrence, new.first, operation="schedule", once=True)
        if added.existed:
            return self._known(added.id, account, zone, new.warnings)
        assert new.first.occurrence is not None
        first = store.posts.of_occurrence(added.id, new.first.occurrence)
        assert first is not None
        warnings = (*new.warnings, *clashes)
        return Scheduled(first.id, account.handle, first.due_at, zone, False, warnings, added.id)

    def _known(self, recurrence_id: int, account: Account, zone: str, warnings: tuple[Notice, ...]) -> Scheduled[int]:
        """A recurrence that was there already, with the post that comes next."""
        text = f"Recurrence {recurrence_id} is the same: nothing was added."
        told = (Notice("SameRecurrence", text, recurrence_id), *warnings)
        self.sweep(recurrence_id)
        posts = self._ctx.store.listing.posts(WAITING_STATES, recurrence_id=recurrence_id, limit=1)
        if not posts:
            raise Conflict(
                f"Recurrence {recurrence_id} is the same, and ends just now.",
                code="post.wrong_state",
                hint="Try again.",
            )
        return Scheduled(
            posts[0].id, account.handle, posts[0].due_at, zone, True, told, recurrence_id, state=posts[0].state
        )

    def accept(
        self,
        account: Account,
        row: Mapping[str, Any],
        options: RecurrenceOptions,
        base: Path | None,
        *,
        old_rule: str | None = None,
    ) -> CheckedRecurrence:
        """Check a recurrence and all its drafts, and make the post of its first occurrence; nothing is stored.

        `old_rule` is not asked for again.
        """
        # A recurrence may have begun long ago: exported ones keep their start.
        start, notes = (
            self._drafting.when_with_notes(account, options.at, past=True, zone=options.zone, dates=options.dates)
            if options.at is not None
            else (None, [])
        )
        until = None
        if options.until is not None:
            until, _ = self._drafting.when_with_notes(
                account, whole_day(options.until), zone=options.zone, dates=options.dates
            )
        rule = parse_rule(
            options.every, zone=self._ctx.zone(account) if options.zone is None else options.zone, start=start
        )
        if rule.text != old_rule:
            check_minute(rule)
        exceptions = {**options.exceptions, **self._skipped(account, options, rule)}
        first = rule.next_after(self._ctx.clock.now(), until=until, exceptions=exceptions)
        if first is None:
            raise InputError(f"{options.every!r} has no further occurrences.", hint="Check the recurrence and its end.")
        readies = [
            self._drafting.prepare(self._drafting.draft(account, item), account, base=base)
            for item in _rows(row, options.texts(base))
        ]
        new = self._new(account, replace(options, exceptions=exceptions), until, start, readies)
        warnings = dict.fromkeys([*notes, *(warning for ready in readies for warning in ready.warnings)])
        return CheckedRecurrence(new, self._post(new, 0, first), readies, tuple(warnings))

    def _skipped(self, account: Account, options: RecurrenceOptions, rule: ParsedRule) -> dict[str, None]:
        """The occurrences on these days, or at these times, as exceptions. Raises InputError where there is none."""
        zone = self._ctx.zone(account) if options.zone is None else options.zone
        skipped = dict[str, None]()
        for when in options.skip:
            if re.fullmatch(r"\d{4}-\d\d-\d\d", when.strip()):
                first, _ = self._drafting.when_with_notes(account, f"{when.strip()} 00:00", past=True, zone=zone)
                end = first.astimezone(ZoneInfo(zone)) + timedelta(days=1)
            else:
                first, _ = self._drafting.when_with_notes(account, when, past=True, zone=zone)
                end = first + MICROSECOND
            days = [*islice(takewhile(end.__gt__, rule.times(first - MICROSECOND)), DAY_MAX)]
            if not days:
                raise InputError(
                    f"Nothing comes {when[:60]}, so there is nothing to leave out.",
                    code="occurrence.unknown",
                    hint="Give a day on which it comes, such as 2026-12-25, or the time of one occurrence.",
                )
            skipped |= {at.astimezone(UTC).isoformat(): None for at in days}
        return skipped

    def edit(
        self, recurrence: Recurrence, row: Mapping[str, Any], options: RecurrenceOptions, base: Path | None
    ) -> tuple[Recurrence, tuple[Notice, ...]]:
        """Replace the rule and the drafts of a recurrence; its waiting post is made again."""
        account = self._ctx.store.accounts.get(recurrence.account_did)
        new = self.accept(account, row, options, base, old_rule=recurrence.rule)
        self._drafting.keep_media(new.readies)
        waiting = self._ctx.store.listing.posts(("draft", "scheduled", "held"), recurrence_id=recurrence.id, limit=1)
        turn = max(recurrence.position - 1, 0) if waiting else recurrence.position
        assert new.first.due_at is not None and new.first.occurrence is not None
        # Its random part was added before.
        at = Occurrence(new.first.due_at, new.first.occurrence)
        first = self._post(new.recurrence._replace(jitter_seconds=0), turn, at)
        return self._ctx.store.recurrences.replace(recurrence, new.recurrence, first), new.warnings

    def _new(
        self,
        account: Account,
        options: RecurrenceOptions,
        until: datetime | None,
        start: datetime | None,
        readies: list[Ready],
    ) -> NewRecurrence:
        pool = [_entry(ready) for ready in readies]
        policy, seconds = _LATE if options.late is None else parse_late(options.late)
        return NewRecurrence(
            account_did=account.did,
            rule=options.every,
            zone=self._ctx.zone(account) if options.zone is None else options.zone,
            draft=pool[0]["draft"],
            prepared=pool[0]["prepared"],
            pool=tuple(pool) if len(pool) > 1 else (),
            until=until,
            starts_at=start,
            exceptions=dict(options.exceptions),
            jitter_seconds=0 if options.jitter is None else parse_duration(options.jitter),
            late_policy=policy,
            late_seconds=seconds,
            source=options.source,
            media=tuple(dict.fromkeys(item.cid for ready in readies for item in ready.prepared.blobs)),
        )

    def sweep(self, recurrence_id: int | None = None) -> int:
        """Make the next post of every recurrence (or of one) whose last post is finished. Returns how many were made.

        After a long time without a worker, a recurrence makes one post at most: the latest within its grace, else the
        next one. A recurrence that cannot be followed is logged, and does not stop the others.
        """
        count = 0
        for recurrence, last in self._ctx.store.recurrences.idle(recurrence_id):
            try:
                count += self._advance(recurrence, last)
            except StorageError:
                raise
            except SkywriteError as error:
                self._log("rule", recurrence=recurrence.id, **error.facts)
            except Exception as error:
                self._log("unexpected", recurrence=recurrence.id, error=error)
        return count

    def _advance(self, recurrence: Recurrence, last: datetime) -> int:
        store, now = self._ctx.store, self._ctx.clock.now()
        rule = parse_rule(recurrence.rule, zone=recurrence.zone, start=recurrence.starts_at)
        grace = DEFAULT_LATE_SECONDS if recurrence.late_seconds is None else recurrence.late_seconds
        following = catch_up(
            rule, last, now, until=recurrence.until, exceptions=recurrence.exceptions, late_seconds=grace
        )
        if following is None:
            store.recurrences.update(recurrence._replace(state="ended"))
            return 0
        return int(store.recurrences.add_occurrence(recurrence, self._post(recurrence, recurrence.position, following)))

    def _post(self, source: NewRecurrence | Recurrence, position: int, occurrence: Occurrence) -> NewPost:
        chosen = source.pool[pick(len(source.pool), position)] if source.pool else source
        draft, prepared = (
            (chosen["draft"], chosen["prepared"]) if isinstance(chosen, Mapping) else (source.draft, source.prepared)
        )
        due_at = with_jitter(occurrence.at, source.jitter_seconds, self._ctx.clock.random())
        return NewPost(
            account_did=source.account_did,
            draft=draft,
            prepared=prepared,
            due_at=due_at,
            late_policy=source.late_policy,
            late_seconds=source.late_seconds,
            source=source.source,
            occurrence=occurrence.occurrence,
            media=tuple(blob[0] for blob in prepared.get("blobs", ())),
        )

    def change(self, recurrence_id: int, occurrence: datetime, moved_to: datetime | None) -> Recurrence:
        """Move one occurrence to another time, or skip it (None); its waiting post follows, in the same transaction.
        Raises InputError.
        """
        store = self._ctx.store
        owner = store.recurrences.get(recurrence_id).account_did
        return store.at_once(lambda: self._changed(recurrence_id, occurrence, moved_to), accounts=[owner])

    def _changed(self, recurrence_id: int, occurrence: datetime, moved_to: datetime | None) -> Recurrence:
        store = self._ctx.store
        recurrence = store.recurrences.get(recurrence_id)
        self._check_occurrence(recurrence, occurrence)
        post = store.posts.of_occurrence(recurrence_id, occurrence)
        if post is not None:
            if post.state not in ("scheduled", "held", "draft"):
                raise InputError(
                    f"The post of this occurrence is {post.state}.",
                    code="occurrence.unknown",
                    hint=Hint("See: ", Do("posts.get", post.id)),
                )
            if moved_to is None:
                store.posts.cancel(post.id, keeps_turn=True)
            else:
                store.posts.move(post.id, moved_to)
        key = occurrence.isoformat()
        exceptions = {**recurrence.exceptions, key: moved_to.isoformat() if moved_to else None}
        changed = store.recurrences.update(recurrence._replace(exceptions=exceptions))
        self.sweep(recurrence_id)
        return changed

    def _check_occurrence(self, recurrence: Recurrence, occurrence: datetime) -> None:
        rule = parse_rule(recurrence.rule, zone=recurrence.zone, start=recurrence.starts_at)
        following = next(rule.times(occurrence - MICROSECOND), None)
        ended = recurrence.until is not None and occurrence > recurrence.until
        if following == occurrence and not ended and recurrence.state == "active":
            return
        if recurrence.state != "active":
            raise Conflict(
                f"Recurrence {recurrence.id} is {recurrence.state}.",
                code="post.wrong_state",
                hint=Hint("See: ", Do("recurrences.list")),
            )
        from skywrite.posting.schedule.times import format_time

        when = format_time(occurrence, recurrence.zone)
        hint = f"It comes {format_time(following, recurrence.zone)}." if following and not ended else ""
        raise InputError(f"Recurrence {recurrence.id} does not come {when}.", code="occurrence.unknown", hint=hint)


@dataclass
class OccurrenceTask(Periodic):
    """The worker's task (`publish.worker.Task`) of sweeping."""

    every = timedelta(minutes=1)
    ctx: Context
    occurrences: Occurrences

    def run(self) -> None:
        """Sweep."""
        self.begin()
        self.occurrences.sweep()

    def after_post(self, recurrence_id: int | None) -> None:
        """A post of a recurrence is finished: make the next one now, not at the next sweep."""
        if recurrence_id is not None:
            self.occurrences.sweep(recurrence_id)


def whole_day(until: str | datetime) -> str | datetime:
    """The end of the day, if `until` has no time of day."""
    is_day = isinstance(until, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", until.strip())
    return f"{until} 23:59" if is_day else until


def _rows(row: Mapping[str, Any], pool: Sequence[Any] | None) -> list[Mapping[str, Any]]:
    """The drafts of a pool, each with the shared fields."""
    if pool is None:
        return [row]
    if str(row.get("text") or "").strip() or row.get("thread"):
        raise InputError(
            "With a pool, all texts come from the pool; leave out the other text.",
            code="recurrence.pool_and_text",
            hint="Leave the text out, or add it to the pool.",
        )
    shared = {name: value for name, value in row.items() if name != "text"}
    items: list[Mapping[str, Any]] = [
        item if isinstance(item, Mapping) else {"text": item} for item in listed("pool", pool)
    ]
    return [{**shared, **item} for item in items]


def _entry(ready: Ready) -> dict[str, Any]:
    return {"draft": ready.draft.as_dict(), "prepared": ready.prepared.to_dict()}


def occurrences_after(recurrence: Recurrence, after: datetime) -> Iterator[Occurrence]:
    """The coming occurrences of an active recurrence, in their original order. Raises UnknownRule and the like."""
    if recurrence.state != "active":
        return
    rule = parse_rule(recurrence.rule, zone=recurrence.zone, start=recurrence.starts_at)
    while (occurrence := rule.next_after(after, until=recurrence.until, exceptions=recurrence.exceptions)) is not None:
        yield occurrence
        after = occurrence.occurrence
