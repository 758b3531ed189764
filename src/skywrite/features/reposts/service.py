"""Scheduled reposts and pins, which can also be undone after some time.

What lives here: accepting them, and the worker's task that performs them. What does not: what is stored
(`queue.actions`). Performing one twice is harmless: its record key is chosen when it is accepted.
"""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.nouns import checked, final
from skywrite.app.occurrences import whole_day
from skywrite.app.work import Periodic, WorkParts
from skywrite.core.clock import to_iso
from skywrite.core.digits import row_number
from skywrite.core.errors import Do, Hint, InputError, RateLimited, RejectedError, SkywriteError, Unexpected
from skywrite.posting.compose.references import parse_reference
from skywrite.posting.publish.beside import Notes
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.publish.outcome import retry_seconds
from skywrite.posting.publish.rounds import Turn
from skywrite.posting.publish.tombstones import Tombstones
from skywrite.posting.schedule.policy import DURATION_MAX_SECONDS, parse_duration
from skywrite.protocol.atproto.repo import Record, RecordConflict, Repo, Write
from skywrite.protocol.atproto.tid import tid_from
from skywrite.protocol.atproto.xrpc_errors import RecordNotFound
from skywrite.protocol.bsky.limits import POST
from skywrite.queue import identities
from skywrite.queue.actions import Action, Actions, Repeat
from skywrite.queue.changing import DELETED, why_fixed
from skywrite.queue.model import Account

REPOST = "app.bsky.feed.repost"
LIKE = "app.bsky.feed.like"
PROFILE = "app.bsky.actor.profile"
EVERY_ARGUMENT = Do("argument", "every")

CANCEL_IT = ("Cancel it: ", Do("reposts.cancel", "{done.id}"))


@checked("reposts")
class Reposts:
    """Scheduled reposts and pins."""

    def __init__(self, ctx: Context, drafting: Drafting) -> None:
        self._ctx = ctx
        self._drafting = drafting

    @final("the new {done.kind} {done.id}", *CANCEL_IT)
    def repost(
        self,
        target: str | int,
        *,
        at: str | datetime = "now",
        undo_after: str | None = None,
        account: str | None = None,
        every: str | None = None,
        until: str | datetime | None = None,
        zone: str | None = None,
        key: str | None = None,
    ) -> Action:
        """Repost a post (its number here, its link or at-uri) at a time, and undo that after a duration.

        `every`: repeat it by a recurrence, from `at` on and up to `until`. The repost before is taken back first,
        because the network shows only one of a post. `key`: the same key again adds nothing. Raises InputError.
        """
        from skywrite.posting.schedule.recurrence import check_minute, parse_rule

        if every is None:
            if until is not None or zone is not None:
                raise InputError("Only what is repeated has an end and a zone.", hint=Hint("Add ", EVERY_ARGUMENT))
            return self._add("repost", target, at, undo_after, account, key)
        owner, uri, cid = self._found(target, account)
        start = None if at == "now" else self._drafting.when(owner, at)
        ends = None if until is None else self._drafting.when(owner, whole_day(until))
        repeat = Repeat(every, self._ctx.zone(owner) if zone is None else zone, ends)
        check_minute(parse_rule(every, zone=repeat.zone or "UTC", start=start))
        due_at = following(repeat, self._ctx.clock.now(), start)
        if due_at is None:
            raise InputError(f"{every!r} has no further occurrences.", hint="Check the recurrence and its end.")
        seconds = None if undo_after is None else parse_duration(undo_after)
        known = (owner.did, "repost", uri, cid, _key_at(owner.did, uri, due_at))
        return Actions(self._ctx.store).add(*known, due_at, seconds, repeat=repeat, key=key)

    @final("the new {done.kind} {done.id}", *CANCEL_IT)
    def pin(
        self,
        target: str | int,
        *,
        at: str | datetime = "now",
        undo_after: str | None = None,
        account: str | None = None,
        key: str | None = None,
    ) -> Action:
        """Pin a post of the account to its profile at a time, and unpin it after a duration."""
        return self._add("pin", target, at, undo_after, account, key)

    @final("the new {done.kind} {done.id}", *CANCEL_IT)
    def unpin(
        self, target: str | int, *, at: str | datetime = "now", account: str | None = None, key: str | None = None
    ) -> Action:
        """Unpin a post of the account at a time, if it is still the pinned one then."""
        return self._add("unpin", target, at, None, account, key)

    def list(self, *, account: str | None = None) -> builtins.list[Action]:
        """Those that are waiting or have failed, of all accounts or of one."""
        did = None if account is None else self._ctx.account(account).did
        return Actions(self._ctx.store).list(account_did=did)

    @final("the end of {done.kind} {done.id}", "What still waits: ", Do("reposts.list"))
    def cancel(self, action_id: int) -> Action:
        """Cancel one. Raises NotFound, Conflict."""
        return Actions(self._ctx.store).cancel(action_id)

    def _add(
        self,
        kind: str,
        target: str | int,
        at: str | datetime,
        undo_after: str | None,
        account: str | None,
        key: str | None,
    ) -> Action:
        owner, uri, cid = self._found(target, account)
        if kind != "repost" and not uri.startswith(f"at://{owner.did}/"):
            raise InputError(f"{uri} is not a post of {owner.handle}.", hint="Only posts of one's own can be pinned.")
        due_at = self._drafting.when(owner, at)
        seconds = None if undo_after is None else parse_duration(undo_after)
        known = (owner.did, kind, uri, cid, self._ctx.tids.next())
        return Actions(self._ctx.store).add(*known, due_at, seconds, key=key)

    def _found(self, target: str | int, account: str | None) -> tuple[Account, str, str]:
        """The account that acts, and the post, which must exist."""
        if isinstance(target, int) or row_number(target) is not None:
            post = self._ctx.store.posts.get(int(target))
            if post.uri is None or post.cid is None:
                raise InputError(f"Post {post.id} is {why_fixed(post)}, not published.", hint="Wait until it is out.")
            if post.problem is not None and post.problem.code == DELETED:
                raise InputError(f"Post {post.id} was deleted.", hint="Name a post that is there.")
            return self._ctx.account(post.account_did if account is None else account), post.uri, post.cid
        owner = self._ctx.account(account)
        authority, collection, rkey = parse_reference(target)
        if collection != POST:
            raise InputError(f"{target} is not a post.", hint="Paste the link of a post.")
        try:
            record = Repo(self._ctx.agent(owner)).get(collection, rkey, repo=authority)
        except RecordNotFound as error:
            raise InputError(f"There is no post at {target}.", hint="Check the link; it may be deleted.") from error
        return owner, record.uri, record.cid


class Noted(Protocol):
    """What was done, in files beside the database."""

    @property
    def tombstones(self) -> Tombstones:
        """What was taken back."""
        ...

    @property
    def done(self) -> Notes:
        """Which pins were set and removed."""
        ...


@dataclass
class RepostTask(Periodic):
    """The worker's work (`publish.rounds.Work`) of performing what is due: for each account, one after the other."""

    every = timedelta(seconds=15)
    ctx: Context
    log: Log = silent
    kind: str = field(default="reposts", init=False)

    def due(self) -> builtins.list[Turn]:
        """The accounts for which something is due."""
        self.begin()
        return [Turn(did, pds_url) for did, pds_url in Actions(self.ctx.store).waiting()]

    def take(self, turn: Turn) -> SkywriteError | None:
        """Perform what is due for an account. After a problem that may pass, the rest waits for another time."""
        actions = Actions(self.ctx.store)
        while (action := actions.claim(turn.name, worker=self.ctx.worker_name)) is not None:
            try:
                account = self.ctx.store.accounts.get(action.account_did)
                action, since = self._current(action), action.due_at
                do(Repo(self.ctx.agent(account)), action, to_iso(self.ctx.clock.now()), since, self.ctx)
            except Exception as exception:
                error = Unexpected.of(exception)
                again_at = self._again_at(action, error)
                actions.not_done(action, error.message, again_at)
                self.log("repost_failed", action=action.id, **error.facts)
                if again_at is not None:
                    return error
            else:
                actions.done(action, self._next(action))
                self.log(action.kind, action=action.id, uri=action.uri)
        return None

    def _current(self, action: Action) -> Action:
        """A repost that is repeated and late stands for all it missed: it is the latest of them."""
        if action.rule is None:
            return action
        from skywrite.posting.schedule.recurrence import catch_up, parse_rule

        rule = parse_rule(action.rule, zone=action.zone or "UTC", start=action.due_at)
        late = DURATION_MAX_SECONDS
        occurrence = catch_up(rule, action.due_at, self.ctx.clock.now(), until=action.until, late_seconds=late)
        if occurrence is None or occurrence.at > self.ctx.clock.now():
            return action
        return action._replace(due_at=occurrence.at, rkey=_key_at(action.account_did, action.uri, occurrence.at))

    def _next(self, action: Action) -> tuple[datetime, str] | None:
        """When a repost that is repeated comes next, and its record key."""
        try:
            repeat = Repeat(action.rule, action.zone, action.until)
            due_at = following(repeat, self.ctx.clock.now(), action.due_at)
        except SkywriteError as error:
            self.log("repost_failed", action=action.id, **error.facts)
            return None
        return None if due_at is None else (due_at, _key_at(action.account_did, action.uri, due_at))

    def _again_at(self, action: Action, error: SkywriteError) -> datetime | None:
        now = self.ctx.clock.now()
        if isinstance(error, RateLimited):
            return max(error.until, now + timedelta(seconds=1))
        if isinstance(error, RejectedError | InputError):
            return None
        return now + timedelta(seconds=retry_seconds(action.tries, self.ctx.clock.random()))


def following(repeat: Repeat, now: datetime, start: datetime | None = None) -> datetime | None:
    """The next time of a recurrence; None where it has none, or there is no recurrence."""
    if repeat.rule is None:
        return None
    from skywrite.posting.schedule.recurrence import parse_rule

    occurrence = parse_rule(repeat.rule, zone=repeat.zone or "UTC", start=start).next_after(now, until=repeat.until)
    return None if occurrence is None else occurrence.at


def _key_at(account_did: str, uri: str, due_at: datetime) -> str:
    return identities.key_of(identities.of_repost(account_did, uri, due_at))


def do(repo: Repo, action: Action, now: str, since: datetime, noted: Noted) -> None:
    """Perform one action; if it was already done, nothing happens.

    `since`: the time of the first occurrence that it stands for. What is taken back is `noted`, and so is what was
    pinned: an older database, restored, neither brings it back nor pins again what another one has followed.
    """
    deleted = noted.tombstones
    match action.kind:
        case "repost":
            for rkey in _before(repo, action, since):
                _take_back(repo, rkey, deleted)
            if f"at://{repo.did}/{REPOST}/{action.rkey}" not in deleted and not _is_there(repo, action):
                repo.put(Write.of(REPOST, action.rkey, _about(REPOST, action, now)))
        case "like":
            if not _is_there(repo, action, LIKE):
                repo.put(Write.of(LIKE, action.rkey, _about(LIKE, action, now)))
        case "unrepost":
            _take_back(repo, action.rkey, deleted)
        case _:
            name = f"{action.kind} at://{repo.did}/{PROFILE}/self {action.rkey}"
            if noted.done.get(name) is None:
                _pin(repo, action)
                noted.done.put(name, "done")


def _pin(repo: Repo, action: Action) -> None:
    if action.kind == "pin":
        _set_pin(repo, {"uri": action.uri, "cid": action.cid}, None)
    else:
        _set_pin(repo, None, action.uri)


def _about(collection: str, action: Action, now: str) -> dict[str, Any]:
    return {"$type": collection, "subject": {"uri": action.uri, "cid": action.cid}, "createdAt": now}


def _take_back(repo: Repo, rkey: str, deleted: Tombstones) -> None:
    deleted.add(f"at://{repo.did}/{REPOST}/{rkey}")
    repo.delete(REPOST, rkey)


def _before(repo: Repo, action: Action, since: datetime) -> list[str]:
    """The reposts of the post that this one follows. After a restore there may be others than the one that is known."""
    rkeys = [] if action.replaces is None else [action.replaces]
    if since < action.due_at:
        first = tid_from(int(since.timestamp()) * 1_000_000, 0)
        for record in repo.list_records(REPOST):
            rkey = record.uri.rpartition("/")[2]
            if rkey < first:
                break
            if rkey != action.rkey and _subject(record) == action.uri:
                rkeys.append(rkey)
    return rkeys


def _is_there(repo: Repo, action: Action, collection: str = REPOST) -> bool:
    """Whether the repost or like was made before. Raises RecordConflict if its key holds another one."""
    try:
        record = repo.get(collection, action.rkey)
    except RecordNotFound:
        return False
    if _subject(record) != action.uri:
        raise RecordConflict(
            f"{record.uri} is about {_subject(record)}, not about {action.uri}.", hint="Nothing was written."
        )
    return True


def _subject(record: Record) -> object:
    subject = record.value.get("subject")
    return subject.get("uri") if isinstance(subject, dict) else None


def _set_pin(repo: Repo, pinned: dict[str, str] | None, only: str | None) -> None:
    """Change only the pinned post of the profile; with `only`, only if that one is still pinned."""
    try:
        record = repo.get(PROFILE, "self")
    except RecordNotFound:
        if pinned is not None:
            repo.put(Write.of(PROFILE, "self", {"$type": PROFILE, "pinnedPost": pinned}), only_new=True)
        return
    value: dict[str, Any] = dict(record.value)
    if value.get("pinnedPost") == pinned or (only is not None and (value.get("pinnedPost") or {}).get("uri") != only):
        return
    value.pop("pinnedPost", None)
    if pinned is not None:
        value["pinnedPost"] = pinned
    repo.put(Write.of(PROFILE, "self", value), swap_record=record.cid)


def works(parts: WorkParts) -> RepostTask:
    """The work of a worker."""
    return RepostTask(parts.context, parts.log)
