"""The posts of the queue: schedule them, view them, and change them.

What does not live here: the checks (`drafting`), posting now (`sending`), many posts at once (`features.tables`).
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from skywrite.app.context import Context, listed
from skywrite.app.drafting import Drafting, edited_row, sign_in_notes
from skywrite.app.nouns import checked
from skywrite.app.results import Entry, Ready, Scheduled, Sent
from skywrite.app.sending import Progress, Sending, check_now, key_used
from skywrite.core.errors import InputError, Notice, SkywriteError
from skywrite.posting.compose.freeze import Frozen
from skywrite.posting.publish.tombstones import DELETED_BY_HAND
from skywrite.protocol.bsky.limits import POST
from skywrite.queue.changing import DELETED, check_version
from skywrite.queue.model import (
    FINAL_STATES,
    STATES,
    WAITING_STATES,
    ChangedMeanwhile,
    Changes,
    NewPost,
    Post,
    State,
)

if TYPE_CHECKING:
    from skywrite.app.options import DraftFields, EditedFields, ScheduleOptions
    from skywrite.posting.receipts import Receipt
    from skywrite.queue.undo import Undone

DUE_COUNTED_MAX = 10_000
LAST_SOUGHT = 50


@checked("posts")
class Posts:
    """The posts of a queue, by their numbers."""

    def __init__(self, ctx: Context, drafting: Drafting, sending: Sending) -> None:
        self._ctx = ctx
        self._drafting = drafting
        self._sending = sending

    @overload
    def schedule(
        self, text: str = "", *, dry_run: Literal[False] = False, **options: Unpack[ScheduleOptions]
    ) -> Scheduled[int]: ...

    @overload
    def schedule(
        self, text: str = "", *, dry_run: Literal[True], **options: Unpack[ScheduleOptions]
    ) -> Scheduled[None]: ...

    @overload
    def schedule(
        self, text: str = "", *, dry_run: bool, **options: Unpack[ScheduleOptions]
    ) -> Scheduled[int] | Scheduled[None]: ...

    def schedule(
        self,
        text: str = "",
        *,
        at: str | datetime | None = None,
        every: str | None = None,
        account: str | None = None,
        key: str | None = None,
        late: str | None = None,
        jitter: str | None = None,
        until: str | datetime | None = None,
        skip: Sequence[str] | None = None,
        pool: Sequence[Any] | None = None,
        grammar: Path | str | Mapping[str, Any] | None = None,
        distinct: int | None = None,
        zone: str | None = None,
        draft: bool = False,
        dry_run: bool = False,
        base: Path | None = None,
        source: str | None = None,
        **fields: Any,
    ) -> Scheduled[int] | Scheduled[None]:
        """Schedule a post: at a time (`at`), repeatedly (`every`), or by default in the next free slot.

        - `at`: an aware datetime, ISO 8601, or plain English ("tomorrow 9:00", "fri 17:00 Europe/Berlin").
        - `every`: a recurrence as cron, RRULE or plain English; `until` is its end, `pool` its texts in turn.
        - `skip`: days ("2026-12-25") on which it does not come, or times of single occurrences.
        - `grammar`: a file, or an object, in Tracery's format, which gives these texts; `distinct`: how many different
          ones come in turn (100, or as many as there are).
        - `zone`: the zone of these times, instead of the account's.
        - `late`: what to do when the time was missed: "publish", "skip:30m", "hold:2h".
        - `jitter`: a duration such as "15m"; a random part of it is added to the time.
        - `account`: a handle or DID; by default the default account.
        - `key`: your own unique name for the post. Scheduling it again finds the first post (`existed`).
        - `draft`: keep it as a draft without a time.
        - `dry_run`: check everything, and store nothing.
        - `fields`: the other fields of a draft: `images`, `video`, `card`, `quote`, `thread` and so on.

        Raises InputError if anything is wrong; then nothing is stored.
        """
        _check_together(
            every=every, at=at, key=key, until=until, skip=skip, pool=pool, grammar=grammar, zone=zone, draft=draft
        )
        owner = self._ctx.account(account)
        row = {"text": text, **fields}
        if every is not None:
            from skywrite.app.occurrences import Occurrences, RecurrenceOptions

            days = () if skip is None else listed("skip", skip)
            options = RecurrenceOptions(
                every, at, until, pool, late, jitter, source, zone, grammar=grammar, distinct=distinct, skip=days
            )
            return Occurrences(self._ctx, self._drafting).schedule(owner, row, options, base, dry_run=dry_run)
        place = self._ctx.zone(owner) if zone is None else _zone_name(zone)
        ready = self._drafting.prepare(self._drafting.draft(owner, row), owner, base=base)
        due_at, notes = (None, []) if draft else self._drafting.when_with_notes(owner, at, jitter, zone=zone)
        by_slot = at is None and not (draft or jitter)
        new = self._drafting.new_post(ready, due_at=due_at, key=key, late=late, source=source, exclusive_slot=by_slot)
        clashes = [*sign_in_notes(owner), *self._drafting.clashes(owner.did, text, due_at)]
        state: State = "draft" if draft else "scheduled"
        warnings = (*notes, *ready.warnings, *clashes)
        planned: Scheduled[None] = Scheduled(None, owner.handle, due_at, place, warnings=warnings, state=state)
        return planned if dry_run else self._stored(planned, ready, new)

    def _stored(self, planned: Scheduled[None], ready: Ready, new: NewPost) -> Scheduled[int]:
        """Store a planned post. If its key was used before, return the post that has it."""
        self._drafting.keep_media([ready])
        results, stored = self._drafting.store_in_slots(
            [new], lambda posts: self._ctx.store.posts.add(posts, operation="schedule")
        )
        result = results[0]
        answer = planned.numbered(result.id)._replace(due_at=stored[0].due_at, existed=result.existed)
        if not result.existed:
            return answer
        there = self._ctx.store.posts.get(result.id)
        note = key_used(new.key, result.id, other_draft=result.other_draft)
        return answer._replace(
            due_at=there.due_at, state=there.state, warnings=(note, *ready.warnings), other_draft=result.other_draft
        )

    def publish(
        self,
        text: str = "",
        *,
        account: str | None = None,
        key: str | None = None,
        base: Path | None = None,
        progress: Progress | None = None,
        **draft: Unpack[DraftFields],
    ) -> Sent:
        """Publish a post now. It is stored first, then sent. If the process is killed, the next `run` finishes it.

        If the key was used before, this returns that post with a warning. Calling it again after that
        sends the waiting post. `progress(post, cid, done_bytes, all_bytes)` reports uploads. Raises InputError and
        SignInError before anything is stored, TemporaryError (`post.still_queued`) if the post could not be sent yet,
        and the server's error if it was refused.
        """
        check_now(draft)
        return self._sending.publish_now(text, account=account, key=key, base=base, progress=progress, **draft)

    def send(self, post_id: int) -> Sent:
        """Send a due post of the queue now, trying for a few seconds. Raises the same errors as `publish`."""
        return self._sending.send(post_id)

    def preview(
        self, text: str = "", *, account: str | None = None, base: Path | None = None, **draft: Unpack[DraftFields]
    ) -> Ready:
        """Show what would be posted. Stores and sends nothing. Raises InputError."""
        owner = self._ctx.account(account)
        return self._drafting.prepare(self._drafting.draft(owner, {"text": text, **draft}), owner, base=base)

    def list(
        self, *, account: str | None = None, states: State | Sequence[State] = WAITING_STATES, limit: int = 100
    ) -> builtins.list[Entry]:
        """Waiting posts, in due order."""
        return builtins.list(self.each(account=account, states=states, limit=limit))

    def each(
        self,
        *,
        account: str | None = None,
        states: State | Sequence[State] = WAITING_STATES,
        campaign: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Entry]:
        """Like `list`, but an iterator that reads page by page, and with forecasts: for queues of any size."""
        from skywrite.app.entries import entries, with_forecasts

        did = self._ctx.did(account)
        posts = islice(
            self._ctx.store.listing.all_posts(_known(states), account_did=did, campaign=campaign, page=limit), limit
        )
        yield from with_forecasts(self._ctx, entries(self._ctx, posts))

    def history(
        self, *, account: str | None = None, states: State | Sequence[State] = FINAL_STATES, limit: int = 100
    ) -> builtins.list[Entry]:
        """Finished posts, the latest first."""
        from skywrite.app.entries import entries

        did = self._ctx.did(account)
        return [*entries(self._ctx, self._ctx.store.listing.history(_known(states), account_did=did, limit=limit))]

    def each_finished(
        self,
        *,
        account: str | None = None,
        states: State | Sequence[State] = FINAL_STATES,
        campaign: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Entry]:
        """Like `history`, but an iterator that reads page by page."""
        from skywrite.app.entries import entries

        did = self._ctx.did(account)
        yield from entries(
            self._ctx,
            islice(
                self._ctx.store.listing.all_finished(_known(states), account_did=did, campaign=campaign, page=limit),
                limit,
            ),
        )

    def get(self, post_id: int | str) -> Entry:
        """One post with all its attempts, by its number, or by its link or at-uri if it is published. Raises NotFound,
        InputError.
        """
        from skywrite.app.entries import entry_of, number_of

        return entry_of(self._ctx, number_of(self._ctx, post_id) if isinstance(post_id, str) else post_id)

    def forecast(self, entry: Entry) -> Entry:
        """An entry with the time at which it goes out, if the pace of its account makes it later than it is due."""
        from skywrite.app.entries import with_forecast

        return with_forecast(self._ctx, entry)

    def edit(
        self,
        post_id: int,
        *,
        at: str | datetime | None = None,
        base: Path | None = None,
        version: int | None = None,
        **changes: Unpack[EditedFields],
    ) -> Entry:
        """Change a draft, or a post that was not attempted yet. Everything is checked again.

        `changes` are fields of a draft, each of which replaces the old value; `at` is a new time, `late` a new policy.
        If the text changes, the card is looked up again, unless the old card did not come from the text. `version`
        (here and below) is the version that your change is based on; by default the current one. Raises Conflict,
        and ChangedMeanwhile if the post has changed since that version.
        """
        post = self._ctx.store.posts.get(post_id)
        check_version(post, version)
        account = self._ctx.store.accounts.get(post.account_did)
        due_at, warnings = self._drafting.when_with_notes(account, at) if at is not None else (post.due_at, [])
        late = changes.pop("late", None)
        policy, seconds = (
            self._drafting.late(account, late) if late is not None else (post.late_policy, post.late_seconds)
        )
        if not changes:
            values = Changes(late_policy=policy, late_seconds=seconds)
        else:
            ready = self._drafting.prepare(self._drafting.draft(account, edited_row(post, changes)), account, base=base)
            self._drafting.keep_media([ready])
            warnings += ready.warnings
            values = Changes(
                draft=ready.draft.as_dict(),
                prepared=ready.prepared.to_dict(),
                media=tuple(item.cid for item in ready.prepared.blobs),
                late_policy=policy,
                late_seconds=seconds,
            )
        if due_at is not None and (at is not None or post.state == "scheduled"):
            values = values._replace(due_at=due_at)
        try:
            changed = self._ctx.store.posts.edit(post_id, values, version=post.version, operation="edit")
        except ChangedMeanwhile:
            there = self._ctx.store.posts.get(post_id)
            if version is not None or not _is_same(there, post):
                raise
            # Only a worker claimed it meanwhile, and put it back unchanged.
            changed = self._ctx.store.posts.edit(post_id, values, version=there.version, operation="edit")
        # A draft that gets a time is looked at as a new post is.
        is_new = post.state == "draft" and at is not None
        return self._changed(changed, warnings, texts="text" in changes or is_new, times=at is not None)

    def move(self, post_id: int, at: str | datetime, *, version: int | None = None) -> Entry:
        """Move a post to another time. Raises Conflict, ChangedMeanwhile."""
        account = self._ctx.store.accounts.get(self._ctx.store.posts.get(post_id).account_did)
        due_at, notes = self._drafting.when_with_notes(account, at)
        moved = self._ctx.store.posts.move(post_id, due_at, version=version, undoable=True)
        return self._changed(moved, notes, times=True)

    def _changed(self, post: Post, warnings: Iterable[Notice], *, texts: bool = False, times: bool = False) -> Entry:
        due_at = post.due_at if times else None
        clashes = self._drafting.clashes(post.account_did, post.text if texts else "", due_at, own_id=post.id)
        return self.get(post.id)._replace(warnings=(*warnings, *clashes))

    def cancel(self, post_id: int, *, version: int | None = None) -> Entry:
        """Cancel a post: when this returns, it will never be published. Raises Conflict, ChangedMeanwhile."""
        post = self._ctx.store.posts.cancel(post_id, version=version, undoable=True)
        if post.recurrence_id is not None:
            from skywrite.app.occurrences import Occurrences

            # The post is cancelled even if the next one fails: a worker makes that one too.
            with suppress(SkywriteError):
                Occurrences(self._ctx, self._drafting).sweep(post.recurrence_id)
        return self.get(post_id)

    def retry(self, post_id: int, *, version: int | None = None) -> Entry:
        """Try a failed post again. Raises Conflict, ChangedMeanwhile."""
        self._ctx.store.posts.retry(post_id, version=version, undoable=True)
        return self.get(post_id)

    def release(self, post_id: int, *, version: int | None = None) -> Entry:
        """Release a held post: it goes out at its time, or now if late. Raises Conflict, ChangedMeanwhile."""
        post = self._ctx.store.posts.get(post_id)
        self._ctx.store.posts.release(post_id, version=version, undoable=True)
        if post.problem is not None and post.problem.code == DELETED_BY_HAND:
            self._ctx.tombstones.lift(f"at://{post.account_did}/{POST}/{post.root_rkey}")
        return self.get(post_id)

    def hold(self, post_id: int, *, version: int | None = None) -> Entry:
        """Hold a post back until it is released. Raises Conflict, ChangedMeanwhile."""
        self._ctx.store.posts.hold(post_id, version=version, undoable=True)
        return self.get(post_id)

    def undo(self, change: str | None = None) -> Undone:
        """Undo the last change to the queue. It removes posts that were scheduled or imported, and restores posts that
        were edited, moved, cancelled, held, released or retried. All changes of one command count as one.

        `change`: the name of another one than the last, which `bulk` answered with.

        All or nothing. A post that would have gone out meanwhile comes back as held (`Undone.held`): it goes out when
        it is released. Raises InputError if one of the posts was changed, attempted or published since.
        """
        journal = self._ctx.store.journal
        return journal.undo_last() if change is None else journal.undo(change)

    def count(self, account: str | None = None) -> dict[State, int]:
        """How many posts there are in each state."""
        return self._ctx.store.listing.count(self._ctx.did(account))

    def last_published(self, *, account: str | None = None) -> str | None:
        """The at-uri of the last post from this queue that still exists; of a thread, its last post."""
        did = self._ctx.account(account).did
        for post in self._ctx.store.listing.all_finished(("published",), account_did=did, page=LAST_SOUGHT):
            if post.uri is None or (post.problem and post.problem.code == DELETED):
                continue
            records = Frozen.from_json(post.frozen).posts if post.frozen else ()
            return f"{post.uri.rpartition('/')[0]}/{records[-1].rkey}" if records else post.uri
        return None

    def count_due(self, *, before: datetime | None = None, account: str | None = None) -> int:
        """How many posts are due and not published: scheduled, or left unfinished by a worker."""
        due_before, did = before or self._ctx.clock.now(), account and self._ctx.account(account).did
        states: tuple[State, ...] = ("scheduled", "publishing")
        return len(self._ctx.store.listing.posts(states, account_did=did, due_before=due_before, limit=DUE_COUNTED_MAX))

    def receipt(self, target: str | int, *, account: str | None = None) -> Receipt:
        """A proof that a post is published, by its number, at-uri or link. See `posting.receipts`."""
        from skywrite.app.published import receipt

        return receipt(self._ctx, target, account)

    def delete(self, target: str | int, *, account: str | None = None) -> str:
        """Delete a published post from the network, by its number, at-uri or link; returns its at-uri.

        The number of a thread deletes the whole thread. Raises InputError for posts of other accounts, and NotThere if
        the network has no such post.
        """
        from skywrite.app.published import delete

        return delete(self._ctx, target, account)


def _known(states: State | Sequence[State]) -> tuple[State, ...]:
    """The states that somebody asked for; one is a list of one. Raises InputError for one that does not exist."""
    all_states = (states,) if isinstance(states, str) else tuple(states)
    for state in all_states:
        if state not in STATES:
            raise InputError(f"There is no state {state!r}.", hint=f"The states are: {', '.join(STATES)}.")
    return all_states


def _check_together(
    *,
    every: str | None,
    at: object,
    key: str | None,
    until: object,
    skip: object,
    pool: object,
    grammar: object,
    zone: object,
    draft: bool,
) -> None:
    """Raise InputError for options that exclude each other, rather than ignore one."""
    if isinstance(every, str) and not every.strip():
        raise InputError("The recurrence is empty.", hint="Give one, such as weekdays 9:00.")
    if every is not None and key is not None:
        raise InputError("A recurrence cannot have a key: each of its posts is a new one.", hint="Leave the key out.")
    if every is not None and draft:
        raise InputError("A recurrence cannot be a draft.", hint="Set its start with at, or leave out draft.")
    for words, value in (("A pool", pool), ("A grammar", grammar), ("An end", until), ("A day to leave out", skip)):
        if every is None and value is not None:
            raise InputError(f"{words} needs a recurrence.", hint="Set it with every.")
    if zone is not None and every is None and not isinstance(at, str):
        raise InputError("A zone needs a time or a recurrence.", hint="Set it with at or every.")
    if draft and at is not None:
        raise InputError("A draft has no time.", hint="Leave out either the time or draft.")


def _zone_name(zone: str) -> str:
    """The zone as the IANA database writes it. Raises UnknownZone."""
    from skywrite.posting.schedule.localtime import zone_of

    return zone_of(zone).key


def _is_same(post: Post, seen: Post) -> bool:
    """Whether a post is still what the user saw: everything that an edit is based on."""
    return post == seen._replace(
        version=post.version,
        updated_at=post.updated_at,
        attempts=post.attempts,
        attempt_at=post.attempt_at,
        problem=post.problem,
        frozen=post.frozen,
        free_at=post.free_at,
        lease_token=post.lease_token,
    )
