"""Follow-ups: a reply or a repost once a post reaches a number of likes, reposts, replies, quotes or bookmarks.

What lives here: what is stored. What does not: counting (`features.insight`), and deciding and doing
(`features.follow_ups`).
"""

from __future__ import annotations

import builtins
from datetime import datetime
from typing import Any, Literal, NamedTuple

from skywrite.core.errors import Conflict, Do, Hint, NotFound
from skywrite.core.shown import named
from skywrite.queue.authors import current_author
from skywrite.queue.base import StoreBase, repeated
from skywrite.queue.changing import get_locked, get_post
from skywrite.queue.database import Row, time_of
from skywrite.queue.events import TEXT_MAX, EventKind, note_event
from skywrite.queue.model import Post
from skywrite.queue.reading import readable, reads, seconds_of

Kind = Literal["reply", "repost"]
ONE = {"likes": "like", "reposts": "repost", "replies": "reply", "quotes": "quote", "bookmarks": "bookmark"}


def counted(number: int, metric: str) -> str:
    """So many of something, in words."""
    return f"{number} {metric if number != 1 else ONE[metric]}"


class FollowUp(NamedTuple):
    """A reply or repost that waits for a number. `who` and `agent`: who added it, where that is authenticated.

    `note` says what was counted, or why nothing comes of it. `made_id`: the reply's post, or the repost's action.
    """

    id: int
    post_id: int
    metric: str
    threshold: int
    kind: Kind
    text: str
    undo_seconds: int | None
    state: str
    note: str | None
    made_id: int | None
    who: str | None
    agent: bool
    created_at: datetime

    @property
    def goal(self) -> str:
        """What it waits for, in words: 50 likes."""
        return counted(self.threshold, self.metric)


class Open(NamedTuple):
    """A follow-up that is not done, with what is known of its post. `best`: the highest count so far.

    `last_age`: the age in hours of the latest count.
    """

    follow_up: FollowUp
    post_state: str
    post_error: str | None
    published_at: datetime | None
    best: int | None
    last_age: int | None


def unknown_follow_up(follow_up_id: int) -> NotFound:
    """The error about a number that no follow-up has."""
    return NotFound(
        f"There is no follow-up {named(follow_up_id)}.",
        code="follow_up.unknown",
        hint=Hint("See: ", Do("follow_ups.list")),
    )


class FollowUps:
    """The follow-ups of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store
        # What `repeated` looks for.

    @repeated
    def add(
        self, post_id: int, metric: str, threshold: int, kind: Kind, text: str, undo_seconds: int | None
    ) -> FollowUp:
        """Add one; the same one again adds nothing. Raises NotFound, Conflict."""
        values = {"post_id": post_id, "metric": metric, "threshold": threshold, "kind": kind, "text": text}
        author = current_author()
        with self._store.writing(wake=False) as tx:
            _check_coming(get_locked(tx, post_id))
            row = tx.row("same_follow_up", **values) or tx.row(
                "insert_follow_up",
                undo_seconds=undo_seconds,
                who=author and author.who,
                agent=author is not None and author.agent,
                now=self._store.clock.now(),
                **values,
            )
            assert row is not None
            return _follow_up_of(row)

    def get(self, follow_up_id: int) -> FollowUp:
        """One of them. Raises NotFound."""
        with self._store.reading() as tx:
            row = tx.row("get_follow_up", id=follow_up_id)
        if row is None:
            raise unknown_follow_up(follow_up_id)
        return _follow_up_of(row)

    def of(self, post_id: int) -> builtins.list[FollowUp]:
        """Every follow-up of a post."""
        with self._store.reading() as tx:
            return readable(tx.rows("follow_ups_of_post", post_id=post_id), _follow_up_of)

    def list(self, limit: int = 500, account_did: str | None = None, *, state: str = "") -> builtins.list[FollowUp]:
        """Those that wait or are under way, and those of which nothing came, or of these in one `state`; the latest
        first. Of all accounts, or of the posts of one.
        """
        with self._store.reading() as tx:
            if account_did is None:
                rows = tx.rows("list_follow_ups", state=state, limit=limit)
            else:
                rows = tx.rows("list_account_follow_ups", did=account_did, state=state, limit=limit)
            return readable(rows, _follow_up_of)

    def open(self, after: int, limit: int) -> builtins.list[Open]:
        """Those that are not done, of posts that are published or never will be, by number."""
        with self._store.reading() as tx:
            while rows := tx.rows("open_follow_ups", after=after, limit=limit):
                if items := readable(rows, _open_of):
                    return items
                after = rows[-1]["id"]
        return []

    def reach(self, follow_up: FollowUp, note: str) -> bool:
        """Its number is reached; False where somebody cancelled it meanwhile."""
        with self._store.writing(wake=False) as tx:
            return tx.run("reach_follow_up", id=follow_up.id, note=note) == 1

    def settle(self, follow_up: FollowUp, state: str, note: str, made_id: int | None = None) -> None:
        """Note what it came to: done, expired or failed. Of the latter two, an event reports."""
        now = self._store.clock.now()
        with self._store.writing(wake=False) as tx:
            values: dict[str, Any] = {"state": state, "note": note, "made_id": made_id, "now": now}
            if tx.run("settle_follow_up", id=follow_up.id, **values) == 1 and state != "done":
                post = get_post(tx, follow_up.post_id)
                data = {"id": follow_up.id, "post": post.id, "text": post.text[:TEXT_MAX], "message": note}
                kind: EventKind = "follow_up.failed" if state == "failed" else "follow_up.expired"
                note_event(tx, kind, now, data, account_did=post.account_did, subject_id=follow_up.id)

    def repost(self, follow_up: FollowUp, post: Post, rkey: str, note: str) -> None:
        """Add its repost and note that, in one transaction: once, whoever else tries."""
        now = self._store.clock.now()
        with self._store.writing() as tx:
            values: dict[str, Any] = {"state": "done", "note": note, "made_id": None, "now": now}
            if tx.run("settle_follow_up", id=follow_up.id, **values) == 1:
                known = {"account_did": post.account_did, "kind": "repost", "uri": post.uri, "cid": post.cid}
                none = dict.fromkeys(("rule", "zone", "until", "replaces", "key"))
                seconds = follow_up.undo_seconds
                tx.row("insert_action", rkey=rkey, due_at=now, undo_seconds=seconds, now=now, **known, **none)

    def cancel(self, follow_up_id: int) -> FollowUp:
        """Do not do it, or take one of which nothing came off the list. Raises NotFound, Conflict."""
        self.get(follow_up_id)
        with self._store.writing(wake=False) as tx:
            changed = tx.run("cancel_follow_up", id=follow_up_id, now=self._store.clock.now())
        follow_up = self.get(follow_up_id)
        if changed != 1:
            raise Conflict(
                f"Follow-up {follow_up_id} is {follow_up.state}, so it cannot be cancelled.", code="post.wrong_state"
            )
        return follow_up


def _check_coming(post: Post) -> None:
    if post.state in ("failed", "cancelled") or (post.state == "published" and post.problem is not None):
        state = "deleted" if post.state == "published" else post.state
        raise Conflict(f"Post {post.id} is {state}, so nothing can follow it.", code="post.wrong_state")


@reads("follow_up")
def _follow_up_of(row: Row) -> FollowUp:
    created_at = time_of(row["created_at"])
    assert created_at is not None
    seconds_of(row["undo_seconds"])
    names = set(FollowUp._fields) - {"created_at", "agent"}
    return FollowUp(**{name: row[name] for name in names}, agent=bool(row["agent"]), created_at=created_at)


@reads("follow_up")
def _open_of(row: Row) -> Open:
    published_at = time_of(row["post_published_at"])
    return Open(_follow_up_of(row), row["post_state"], row["post_error"], published_at, row["best"], row["last_age"])
