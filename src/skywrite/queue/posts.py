"""Reading posts and changing those that may be changed: edit, move, cancel, retry, hold, release."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from skywrite.errors import Do, Hint
from skywrite.queue.database import Transaction, moment_of
from skywrite.queue.events import note_post_event
from skywrite.queue.listing import ListVerbs
from skywrite.queue.model import (
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


class PostVerbs(ListVerbs):
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
                raise WrongState(f"Post {post_id} is not due.", hint=Hint("See: ", Do("posts.get", post_id)))
            return self._changed(tx, post)

    def hold(self, post_id: int, problem: Problem | None = None, *, version: int | None = None) -> Post:
        """Keep a scheduled post from being published until it is released."""
        reason = problem or Problem(
            "HeldByUser", "It is held on request.", Hint("Let it go out: ", Do("posts.release", post_id))
        )
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
                raise WrongState(
                    f"Post {post_id} is {post.state}, not {was}.", hint=Hint("See: ", Do("posts.get", post_id))
                )
            return self._changed(tx, post)

    def _get(self, tx: Transaction, post_id: int) -> Post:
        row = tx.row("get_post", id=post_id)
        if row is None:
            raise UnknownPost(f"There is no post {post_id}.", hint=Hint("See the numbers: ", Do("posts.list")))
        return post_of(row)

    def _get_locked(self, tx: Transaction, post_id: int) -> Post:
        """The post as it is once its account is locked: nobody changes it until the transaction ends."""
        self._locked(tx, self._get(tx, post_id).account_did)
        return self._get(tx, post_id)

    def _changed(self, tx: Transaction, post: Post) -> Post:
        self._update_ready(tx, post.account_did)
        return self._get(tx, post.id)


def _check_version(post: Post, version: int | None) -> None:
    if version is not None and post.version != version:
        raise ChangedMeanwhile(
            f"Post {post.id} was changed by somebody else meanwhile; it is {post.state} now. Nothing was changed.",
            hint=Hint("Look at it and try again: ", Do("posts.get", post.id)),
        )


def _why_fixed(post: Post) -> str:
    if post.state in ("scheduled", "held") and post.frozen is not None:
        return f"{post.state} with records that may be on the network already"
    return {"publishing": "being published at this moment"}.get(post.state, post.state)


def _hint(post: Post) -> str:
    if post.state == "published":
        return Hint("Take it off the network: ", Do("posts.delete", post.id))
    if post.free_at is not None and post.frozen is not None:
        return f"Nothing of it was found there. It may be changed after {post.free_at:%Y-%m-%d %H:%M:%S} UTC."
    if post.state == "held" and post.frozen is not None:
        return Hint("Release it, and Skywrite looks whether it is on the network: ", Do("posts.release", post.id))
    if post.state in ("scheduled", "publishing"):
        return Hint("The next attempt settles it; see: ", Do("posts.get", post.id))
    return Hint("See: ", Do("posts.get", post.id))
