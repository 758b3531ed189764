"""Reading posts and changing those that may be changed: edit, move, cancel, retry, hold, release."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple

from skywrite.queue.adding import AddVerbs
from skywrite.queue.database import Transaction, moment_of
from skywrite.queue.events import note_post_event
from skywrite.queue.model import (
    FINAL_STATES,
    STATES,
    WAITING_STATES,
    Attempt,
    ChangedMeanwhile,
    Changes,
    NewPost,
    NotCancellable,
    NotEditable,
    Post,
    Problem,
    State,
    UnknownPost,
    Unset,
    WrongState,
)
from skywrite.queue.rows import attempt_of, dump_json, post_of, problem_values, text_hash

EDITABLE_STATES: tuple[State, ...] = ("draft", "scheduled", "held", "failed")


class _Filter(NamedTuple):
    """Which posts of a state a listing shows."""

    account_did: str | None
    recurrence_id: int | None
    due_from: datetime | None = None
    due_before: datetime | None = None

    def parts(self) -> tuple[list[str], dict[str, Any]]:
        conditions = {
            "account_did": "AND account_did = :account_did",
            "recurrence_id": "AND recurrence_id = :recurrence_id",
            "due_from": "AND due_at >= :due_from",
            "due_before": "AND due_at < :due_before",
        }
        values = {name: getattr(self, name) for name in conditions if getattr(self, name) is not None}
        return [conditions[name] for name in values], values


class PostVerbs(AddVerbs):
    """Verbs about posts that the user sees."""

    def get(self, post_id: int) -> Post:
        """One post; raises UnknownPost."""
        with self._reading() as tx:
            return self._get(tx, post_id)

    def occurrence_post(self, recurrence_id: int, occurrence: datetime) -> Post | None:
        """The post that a rule made for one of its occurrences."""
        with self._reading() as tx:
            row = tx.row("post_of_occurrence", recurrence_id=recurrence_id, occurrence=occurrence)
            return None if row is None else self._get(tx, row["id"])

    def attempts(self, post_id: int) -> list[Attempt]:
        """Every attempt at publishing a post, the first one first."""
        with self._reading() as tx:
            return [attempt_of(row) for row in tx.rows("list_attempts", id=post_id)]

    def posts(
        self,
        states: Sequence[State] = WAITING_STATES,
        *,
        account_did: str | None = None,
        recurrence_id: int | None = None,
        due_from: datetime | None = None,
        due_before: datetime | None = None,
        after: Post | None = None,
        limit: int = 100,
    ) -> list[Post]:
        """Posts in these states by (due_at, id), those without a time last; `after` is the last of a page."""
        chosen = _Filter(account_did, recurrence_id, due_from, due_before)
        with self._reading() as tx:
            found: list[Post] = []
            if after is None or after.due_at is not None:
                dated = [self._dated(tx, state, chosen, after, limit) for state in states]
                found = sorted(chain.from_iterable(dated), key=lambda post: (post.due_at, post.id))[:limit]
            if len(found) < limit and due_from is None and due_before is None:
                after_id = after.id if after is not None and after.due_at is None else 0
                undated = [self._undated(tx, state, chosen, after_id, limit - len(found)) for state in states]
                found += sorted(chain.from_iterable(undated), key=lambda post: post.id)[: limit - len(found)]
            return found

    def all_posts(self, states: Sequence[State] = STATES, *, account_did: str | None = None) -> Iterator[Post]:
        """Every post in these states in the order of `posts`, read page by page: for exports of any size."""
        after: Post | None = None
        while page := self.posts(states, account_did=account_did, after=after, limit=1000):
            yield from page
            after = page[-1]

    def history(
        self,
        states: Sequence[State] = FINAL_STATES,
        *,
        account_did: str | None = None,
        before: datetime | None = None,
        limit: int = 100,
    ) -> list[Post]:
        """Posts that are done with, the latest change first; with `before`, only those changed earlier than that."""
        parts, values = _Filter(account_did, None).parts()
        if before is not None:
            parts.append("AND updated_at < :before")
            values["before"] = before
        # The states are repeated in the text, so that the planner sees that the partial index fits.
        parts.append("AND state IN ('published', 'failed', 'cancelled') ORDER BY updated_at DESC, id DESC LIMIT :limit")
        query = self._database.compose("list_posts", *parts)
        with self._reading() as tx:
            pages = [tx.select(query, {**values, "state": state, "limit": limit}) for state in states]
        found = [post_of(row) for page in pages for row in page]
        return sorted(found, key=lambda post: (post.updated_at, post.id), reverse=True)[:limit]

    def count(self, account_did: str | None = None) -> dict[State, int]:
        """How many posts are in each state."""
        counts: dict[State, int] = dict.fromkeys(STATES, 0)
        with self._reading() as tx:
            rows = tx.rows("count_posts") if account_did is None else tx.rows("count_account_posts", did=account_did)
        counts.update({row["state"]: row["count"] for row in rows})
        return counts

    def same_text(self, account_did: str, text: str, since: datetime) -> list[Post]:
        """Posts of the account with this text that are waiting, or were published at `since` or later."""
        with self._reading() as tx:
            rows = tx.rows("posts_with_text", text_hash=text_hash({"text": text}), did=account_did, since=since)
        return [post for post in map(post_of, rows) if post.text == text]

    def waiting_with_text(self, account_did: str, text: str, source: str) -> list[Post]:
        """Posts of the account from this source with this text that are waiting, or are being published."""
        values = {"text_hash": text_hash({"text": text}), "did": account_did, "source": source}
        with self._reading() as tx:
            rows = tx.rows("waiting_posts_of_source", **values)
        return [post for post in map(post_of, rows) if post.text == text]

    def same_texts(self, account_did: str, texts: Iterable[str], since: datetime) -> dict[str, Post]:
        """`same_text` for many texts at once: the first such post, by its text."""
        hashes = json.dumps(sorted({text_hash({"text": text}) for text in texts}))
        with self._reading() as tx:
            rows = tx.rows("posts_with_texts", hashes=hashes, did=account_did, since=since)
        found: dict[str, Post] = {}
        for post in map(post_of, rows):
            found.setdefault(post.text, post)
        return found

    def same_minute(self, account_did: str, due_at: datetime) -> list[Post]:
        """Scheduled posts of the account that are due in the same minute."""
        start = due_at.replace(second=0, microsecond=0)
        with self._reading() as tx:
            stop = start + timedelta(minutes=1)
            return [post_of(row) for row in tx.rows("posts_due_between", did=account_did, start=start, stop=stop)]

    def due_times(self, account_did: str, start: datetime, stop: datetime) -> list[datetime]:
        """When the account's scheduled posts are due, from `start` to before `stop`: the slots that are taken."""
        with self._reading() as tx:
            rows = tx.rows("due_times_between", did=account_did, start=start, stop=stop)
        return [moment for row in rows if (moment := moment_of(row["due_at"])) is not None]

    def edit(self, post_id: int, changes: Changes, *, version: int | None = None) -> Post:
        """Change a post that is certainly not on the network; with a `due_at` it is scheduled, whatever it was.

        `version`, here and in the other verbs, is that of the post which the change was made from: where somebody
        has changed it since, nothing happens. Frozen records of a failed post were rejected, and are dropped.
        Raises UnknownPost, NotEditable, UnknownMedia, ChangedMeanwhile.
        """
        with self._writing() as tx:
            return self._edit(tx, post_id, changes, version)

    def _edit(self, tx: Transaction, post_id: int, changes: Changes, version: int | None = None) -> Post:
        post = self._get_locked(tx, post_id)
        if post.state not in EDITABLE_STATES or (post.state != "failed" and not post.is_free(self._clock.now())):
            raise NotEditable(f"Post {post_id} is {_why_fixed(post)}.", hint=_hint(post))
        _check_version(post, version)
        draft = post.draft if isinstance(changes.draft, Unset) else changes.draft
        moved = not isinstance(changes.due_at, Unset)
        policy, seconds = changes.late_policy, changes.late_seconds
        tx.run(
            "update_post",
            id=post_id,
            was=post.state,
            state="scheduled" if moved else post.state,
            due_at=post.due_at if isinstance(changes.due_at, Unset) else changes.due_at,
            draft=dump_json(draft),
            text_hash=text_hash(draft),
            prepared=dump_json(post.prepared if isinstance(changes.prepared, Unset) else changes.prepared),
            late_policy=post.late_policy if isinstance(policy, Unset) else policy,
            late_seconds=post.late_seconds if isinstance(seconds, Unset) else seconds,
            now=self._clock.now(),
            **problem_values(None if moved else post.problem),
        )
        if not isinstance(changes.media, Unset):
            tx.run("forget_post_media", post_id=post_id)
            self._require_media(tx, set(changes.media))
            tx.run_many("insert_post_media", ({"post_id": post_id, "cid": cid} for cid in changes.media))
        return self._changed(tx, post)

    def move(self, post_id: int, due_at: datetime, *, version: int | None = None) -> Post:
        """Schedule a post for another time; raises as `edit` does."""
        return self.edit(post_id, Changes(due_at=due_at), version=version)

    def cancel(self, post_id: int, *, follow: NewPost | None = None, version: int | None = None) -> Post:
        """Cancel a post permanently; when this returns, it will never be published. A cancelled post stays cancelled.

        `follow` is added with it: the next occurrence of a recurrence. Raises UnknownPost, NotCancellable,
        ChangedMeanwhile.
        """
        with self._writing() as tx:
            post = self._get_locked(tx, post_id)
            if post.state == "cancelled":
                return post
            _check_version(post, version)
            cancelled = self._cancel(tx, post)
            if follow is not None:
                self._add(tx, [follow])
            return cancelled

    def _cancel(self, tx: Transaction, post: Post) -> Post:
        if post.state == "cancelled":
            return post
        if tx.run("cancel_post", id=post.id, now=self._clock.now()) != 1:
            raise NotCancellable(f"Post {post.id} is {_why_fixed(post)}, so it cannot be cancelled.", hint=_hint(post))
        note_post_event(tx, "post.cancelled", self._clock.now(), post)
        return self._changed(tx, post)

    def retry(self, post_id: int, *, version: int | None = None) -> Post:
        """Schedule a failed post again, to be tried now, with the frozen records that it has."""
        return self._schedule_again(post_id, "failed", version)

    def release_post(self, post_id: int, *, version: int | None = None) -> Post:
        """Schedule a held post again: at its time, or now and however late where that has passed."""
        return self._schedule_again(post_id, "held", version)

    def make_due_now(self, post_id: int) -> Post:
        """Let a post whose time has come, and which waits for its next attempt, be tried now. Raises WrongState."""
        with self._writing() as tx:
            post = self._get_locked(tx, post_id)
            if tx.run("make_post_due_now", id=post_id, now=self._clock.now()) != 1:
                raise WrongState(f"Post {post_id} is not due.", hint=f"See: skywrite show {post_id}")
            return self._changed(tx, post)

    def hold(self, post_id: int, problem: Problem | None = None, *, version: int | None = None) -> Post:
        """Keep a scheduled post from being published until it is released."""
        reason = problem or Problem("HeldByUser", "It is held on request.", f"skywrite release {post_id}")
        with self._writing() as tx:
            post = self._get_locked(tx, post_id)
            _check_version(post, version)
            if tx.run("hold_post", id=post_id, now=self._clock.now(), **problem_values(reason)) != 1:
                raise WrongState(f"Post {post_id} is {_why_fixed(post)}, so it cannot be held.", hint=_hint(post))
            note_post_event(tx, "post.held", self._clock.now(), post, problem=reason)
            return self._changed(tx, post)

    def _schedule_again(self, post_id: int, was: State, version: int | None) -> Post:
        with self._writing() as tx:
            post = self._get_locked(tx, post_id)
            if post.state == was:
                _check_version(post, version)
            if tx.run("schedule_post", id=post_id, was=was, now=self._clock.now()) != 1:
                raise WrongState(f"Post {post_id} is {post.state}, not {was}.", hint=f"See: skywrite show {post_id}")
            return self._changed(tx, post)

    def _get(self, tx: Transaction, post_id: int) -> Post:
        row = tx.row("get_post", id=post_id)
        if row is None:
            raise UnknownPost(f"There is no post {post_id}.", hint="See the numbers with: skywrite queue")
        return post_of(row)

    def _get_locked(self, tx: Transaction, post_id: int) -> Post:
        """The post as it is once its account is locked: nobody changes it until the transaction ends."""
        self._locked(tx, self._get(tx, post_id).account_did)
        return self._get(tx, post_id)

    def _changed(self, tx: Transaction, post: Post) -> Post:
        self._update_ready(tx, post.account_did)
        return self._get(tx, post.id)

    def _dated(self, tx: Transaction, state: State, chosen: _Filter, after: Post | None, limit: int) -> list[Post]:
        parts, values = chosen.parts()
        if after is not None:
            parts.append("AND due_at >= :after_due AND (due_at, id) > (:after_due, :after_id)")
            values.update(after_due=after.due_at, after_id=after.id)
        parts.append("AND due_at IS NOT NULL ORDER BY due_at, id LIMIT :limit")
        query = self._database.compose("list_posts", *parts)
        return [post_of(row) for row in tx.select(query, {**values, "state": state, "limit": limit})]

    def _undated(self, tx: Transaction, state: State, chosen: _Filter, after_id: int, limit: int) -> list[Post]:
        parts, values = chosen.parts()
        parts.append("AND due_at IS NULL AND id > :after_id ORDER BY id LIMIT :limit")
        query = self._database.compose("list_posts", *parts)
        return [
            post_of(row) for row in tx.select(query, {**values, "state": state, "after_id": after_id, "limit": limit})
        ]


def _check_version(post: Post, version: int | None) -> None:
    if version is not None and post.version != version:
        raise ChangedMeanwhile(
            f"Post {post.id} was changed by somebody else meanwhile; it is {post.state} now. Nothing was changed.",
            hint=f"Look at it and try again: skywrite show {post.id}",
        )


def _why_fixed(post: Post) -> str:
    if post.state in ("scheduled", "held") and post.frozen is not None:
        return f"{post.state} with records that may be on the network already"
    return {"publishing": "being published at this moment"}.get(post.state, post.state)


def _hint(post: Post) -> str:
    if post.state == "published":
        return f"To take it off the network: skywrite delete {post.uri}"
    if post.free_at is not None and post.frozen is not None:
        return f"Nothing of it was found there. It may be changed after {post.free_at:%Y-%m-%d %H:%M:%S} UTC."
    if post.state == "held" and post.frozen is not None:
        return f"Release it, and it is settled by looking on the network: skywrite release {post.id}"
    if post.state in ("scheduled", "publishing"):
        return f"Its end is settled by the next attempt; see: skywrite show {post.id}"
    return f"See: skywrite show {post.id}"
