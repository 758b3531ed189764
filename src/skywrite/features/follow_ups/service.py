"""Follow-ups: a reply or a repost once a post reaches a number of likes, reposts, replies, quotes or bookmarks.

What lives here: accepting them, and the worker's task that decides and does them. What does not: counting (`marks`),
which this waits for, and what is stored (`queue.follow_ups`).
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.nouns import checked, final
from skywrite.app.work import Periodic, WorkParts
from skywrite.core.errors import Do, Hint, InputError, RejectedError, SkywriteError, Unexpected
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.publish.rounds import Turn
from skywrite.posting.schedule.policy import parse_duration
from skywrite.queue import identities
from skywrite.queue.authors import written_by
from skywrite.queue.changing import DELETED
from skywrite.queue.database import is_about_one
from skywrite.queue.follow_ups import ONE, FollowUp, FollowUps, Kind, Open, counted
from skywrite.queue.marks import AGES_HOURS, COUNTS, LATE_PART
from skywrite.queue.model import Account, Post

PAGE = 200
SOURCE = "follow-up"
_ENDS_AFTER = timedelta(hours=AGES_HOURS[-1]) * (1 + LATE_PART)


class Condition(NamedTuple):
    """So many of something."""

    threshold: int
    metric: str

    def __str__(self) -> str:
        return counted(self.threshold, self.metric)


def parse_condition(text: str) -> Condition:
    """`50 likes`, `1 reply`. Raises InputError for anything else."""
    match = re.fullmatch(r"(\d{1,9}) *([a-z]+)", text.strip().lower())
    metrics = {name: name for name in COUNTS} | {one: many for many, one in ONE.items()}
    if match is None or match[2] not in metrics or int(match[1]) < 1:
        raise InputError(
            f"{text!r} is not a number that can be reached.",
            hint=f"Write it like: 50 likes. These are counted: {', '.join(COUNTS)}.",
        )
    return Condition(int(match[1]), metrics[match[2]])


@checked("follow_ups")
class Following:
    """The follow-ups of a queue's posts."""

    def __init__(self, ctx: Context, drafting: Drafting) -> None:
        self._ctx = ctx
        self._drafting = drafting

    @final("the new follow-up {done.id}", "Cancel it: ", Do("follow_ups.cancel", "{done.id}"))
    def add(
        self, post_id: int, *, when: str, reply: str | None = None, repost: bool = False, undo_after: str | None = None
    ) -> FollowUp:
        """Reply to a post of the queue, or repost it, once it reaches `when`, such as "50 likes".

        `undo_after`: take the repost back after a duration. The worker counts posts at fixed ages up to 30 days; what
        is not reached by then expires. Adding the same follow-up again adds nothing. Raises InputError, Conflict.
        """
        condition = parse_condition(when)
        if (reply is None) == (not repost):
            ways = (Do("argument", "reply"), " or ", Do("argument", "repost"))
            raise InputError("A follow-up is a reply or a repost.", hint=Hint("Give ", *ways, "."))
        if undo_after is not None and not repost:
            raise InputError("Only a repost is taken back.", hint=Hint("Leave out ", Do("argument", "undo_after")))
        post = self._ctx.store.posts.get(post_id)
        account = self._ctx.store.accounts.get(post.account_did)
        if account.settings.get("marks") is False:
            raise InputError(
                f"Nothing is counted for {account.handle}, so nothing would ever be reached.",
                hint=Hint("Count them: ", Do("accounts.set", "marks=yes")),
            )
        if reply is not None:
            self._check(account, reply)
        seconds = None if undo_after is None else parse_duration(undo_after)
        kind: Kind = "repost" if repost else "reply"
        return FollowUps(self._ctx.store).add(
            post_id, condition.metric, condition.threshold, kind, reply or "", seconds
        )

    def list(self, post_id: int | None = None, *, account: str | None = None) -> builtins.list[FollowUp]:
        """Those that wait, and those of which nothing came, of all accounts or of one; or all of one post."""
        stored = FollowUps(self._ctx.store)
        if post_id is not None:
            return stored.of(self._ctx.store.posts.get(post_id).id)
        return stored.list(account_did=None if account is None else self._ctx.account(account).did)

    def get(self, follow_up_id: int) -> FollowUp:
        """One of them. Raises NotFound."""
        return FollowUps(self._ctx.store).get(follow_up_id)

    @final("the end of follow-up {follow_up_id}", "What still waits: ", Do("follow_ups.list"))
    def cancel(self, follow_up_id: int) -> FollowUp:
        """Do not do it. Raises NotFound, Conflict."""
        return FollowUps(self._ctx.store).cancel(follow_up_id)

    def _check(self, account: Account, text: str) -> None:
        """Raise what is wrong with a text now, and not in a month."""
        self._drafting.prepare(self._drafting.draft(account, {"text": text, "card": "none"}), account)


class Verdict(NamedTuple):
    """What is to be done about a follow-up now."""

    state: str
    note: str


def verdict(item: Open, now: datetime) -> Verdict | None:
    """Whether a follow-up is reached or expired; None while it waits."""
    condition = Condition(item.follow_up.threshold, item.follow_up.metric)
    if item.post_state == "cancelled":
        return Verdict("expired", "Its post was cancelled.")
    if item.post_error == DELETED:
        return Verdict("expired", "Its post was deleted.")
    if item.follow_up.state == "reached":
        return Verdict("reached", item.follow_up.note or "")
    if item.best is not None and item.best >= condition.threshold:
        return Verdict("reached", f"It had {Condition(item.best, condition.metric)} after {item.last_age} hours.")
    over = item.published_at is not None and now > item.published_at + _ENDS_AFTER
    if item.last_age == AGES_HOURS[-1] or over:
        counted = "was never counted" if item.best is None else f"had {Condition(item.best, condition.metric)}"
        return Verdict("expired", f"It {counted} within {AGES_HOURS[-1]} hours, and waited for {condition}.")
    return None


@dataclass
class FollowUpTask(Periodic):
    """The worker's work (`publish.rounds.Work`) of doing what is reached. `kinds`: which follow-ups it looks at.

    `made` counts the replies and reposts that it has added.
    """

    every = timedelta(minutes=1)
    ctx: Context
    drafting: Drafting
    log: Log = silent
    kinds: Collection[str] = ("reply", "repost")
    kind: str = field(default="follow-ups", init=False)
    made: int = field(default=0, init=False)

    def due(self) -> builtins.list[Turn]:
        """Settle those that expired. Returns the accounts for which something is reached, with what."""
        self.begin()
        by_did: dict[str, builtins.list[tuple[FollowUp, str]]] = {}
        for follow_up, note in self._reached():
            try:
                did = self.ctx.store.posts.get(follow_up.post_id).account_did
            except Exception as error:
                self._fail(follow_up, error)
                continue
            by_did.setdefault(did, []).append((follow_up, note))
        servers = (
            {account.did: account.pds_url for account in self.ctx.store.accounts.with_dids(by_did)} if by_did else {}
        )
        return [Turn(did, servers.get(did, ""), items) for did, items in by_did.items()]

    def take(self, turn: Turn) -> SkywriteError | None:
        """Do what is reached for an account. What goes wrong with one follow-up stops no other."""
        failed: SkywriteError | None = None
        for follow_up, note in turn.what:
            try:
                failed = self._do(FollowUps(self.ctx.store), follow_up, note) or failed
            except Exception as error:
                failed = self._fail(follow_up, error)
        return failed

    def _reached(self) -> Iterator[tuple[FollowUp, str]]:
        stored, after = FollowUps(self.ctx.store), 0
        while page := stored.open(after, PAGE):
            after = page[-1].follow_up.id
            for item in [item for item in page if item.follow_up.kind in self.kinds]:
                if (note := self._looked_at(stored, item)) is not None:
                    yield item.follow_up, note

    def _looked_at(self, stored: FollowUps, item: Open) -> str | None:
        """Why a follow-up is reached, if it is; one that expired is settled."""
        try:
            outcome = verdict(item, self.ctx.clock.now())
            if outcome is not None and outcome.state == "reached":
                return outcome.note
            if outcome is not None:
                stored.settle(item.follow_up, outcome.state, outcome.note)
                self.log("follow_up_expired", follow_up=item.follow_up.id, message=outcome.note)
        except Exception as error:
            self._fail(item.follow_up, error)
        return None

    def _fail(self, follow_up: FollowUp, error: Exception) -> SkywriteError:
        """Log what is about one follow-up; raise anything else."""
        if not is_about_one(error):
            raise error
        problem = Unexpected.of(error)
        self.log("follow_up_failed", follow_up=follow_up.id, **problem.facts)
        return problem

    def _do(self, stored: FollowUps, follow_up: FollowUp, note: str) -> SkywriteError | None:
        if not stored.reach(follow_up, note):
            return None
        post = self.ctx.store.posts.get(follow_up.post_id)
        what = (follow_up.kind, follow_up.goal, follow_up.text, follow_up.created_at)
        identity = identities.of_follow_up(str(post.uri), *what)
        try:
            if follow_up.kind == "repost":
                stored.repost(follow_up, post, identities.key_of(identity), note)
            else:
                stored.settle(follow_up, "done", note, self._reply(post, follow_up, identity))
        except (InputError, RejectedError) as error:
            stored.settle(follow_up, "failed", error.message)
            self.log("follow_up_failed", follow_up=follow_up.id, **error.facts)
            return error
        except SkywriteError as error:
            self.log("follow_up_failed", follow_up=follow_up.id, **error.facts)
            return error
        self.log("follow_up", follow_up=follow_up.id, post=post.id, message=note)
        self.made += 1
        return None

    def _reply(self, post: Post, follow_up: FollowUp, identity: identities.Identity) -> int:
        """Put the reply into the queue under a key of its own: once, however often this is done."""
        author = nullcontext() if follow_up.who is None else written_by(follow_up.who, agent=follow_up.agent)
        account = self.ctx.store.accounts.get(post.account_did)
        fields = {"text": follow_up.text, "card": "none", "reply_to": post.uri}
        ready = self.drafting.prepare(self.drafting.draft(account, fields), account)
        key = f"follow-up:{post.id}:{follow_up.id}"
        new = self.drafting.new_post(ready, due_at=self.ctx.clock.now(), key=key, source=SOURCE)
        with author:
            return self.ctx.store.posts.add([new._replace(identity=identity)])[0].id


def works(parts: WorkParts) -> FollowUpTask:
    """The work of a worker."""
    return FollowUpTask(parts.context, parts.drafting, parts.log)


def rehearsed(parts: WorkParts) -> FollowUpTask:
    """The work of a rehearsal, in which nobody replies: only reposts that are reached already."""
    return FollowUpTask(parts.context, parts.drafting, kinds=("repost",))
