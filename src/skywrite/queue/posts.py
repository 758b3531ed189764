"""Reading and changing posts: edit, move, cancel, retry, hold, release."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from skywrite.core.errors import Conflict, Do, Hint
from skywrite.queue.adding import KnownKey, add_posts
from skywrite.queue.base import StoreBase, locked, repeated
from skywrite.queue.changing import (
    DELETED,
    cancel_post,
    changed,
    check_version,
    edit_post,
    get_locked,
    get_post,
    way_out,
    why_fixed,
)
from skywrite.queue.database import time_of
from skywrite.queue.events import note_post_event
from skywrite.queue.journal import media_of, note_added, note_changed, note_final
from skywrite.queue.media import put_bytes
from skywrite.queue.model import AddResult, Attempt, Changes, NewMedia, NewPost, Post, Problem, State
from skywrite.queue.reading import readable, time_in
from skywrite.queue.rows import attempt_of, post_of, problem_values, text_hash


class Posts:
    """Operations on posts for users."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    @repeated
    def add(
        self, posts: Sequence[NewPost], media: Sequence[NewMedia] = (), *, operation: str | None = None
    ) -> list[AddResult]:
        """Store posts and media in one transaction; the results are in the order of the posts.

        A post whose key its account has used before (or whose occurrence exists) is not added again: its result has the
        number of the existing one, and whether that was a different draft. Raises NotFound,
        Busy; then nothing is stored. With an `operation`, this can be undone.
        """
        with self._store.accepting() as tx:
            for item in media:
                put_bytes(tx, item, self._store.clock.now())
            results = add_posts(tx, self._store.clock, posts)
            if operation is not None:
                note_added(tx, operation, self._store.clock.now(), results)
            return results

    def known_keys(self, account_did: str, keys: Sequence[str]) -> dict[str, KnownKey]:
        """The posts that the account has stored under any of these keys, by key."""
        with self._store.reading() as tx:
            rows = tx.rows("posts_with_keys", did=account_did, keys=json.dumps(keys)) if keys else []
            return {row["key"]: KnownKey(row["id"], time_of(row["due_at"]), row["state"]) for row in rows}

    def get(self, post_id: int) -> Post:
        """One post; raises NotFound."""
        with self._store.reading() as tx:
            return get_post(tx, post_id)

    def of_occurrence(self, recurrence_id: int, occurrence: datetime) -> Post | None:
        """The post that a recurrence made for one of its occurrences."""
        with self._store.reading() as tx:
            row = tx.row("post_of_occurrence", recurrence_id=recurrence_id, occurrence=occurrence)
            return None if row is None else get_post(tx, row["id"])

    def made_occurrences(self, recurrence_id: int, start: datetime, stop: datetime) -> set[datetime]:
        """The occurrences from `start` to before `stop` that have a post."""
        with self._store.reading() as tx:
            rows = tx.rows("made_occurrences", recurrence_id=recurrence_id, start=start, stop=stop)
        return {at for row in rows if (at := time_of(row["occurrence"])) is not None}

    def attempts(self, post_id: int) -> list[Attempt]:
        """All attempts to publish a post, in order."""
        with self._store.reading() as tx:
            return readable(tx.rows("list_attempts", id=post_id), attempt_of)

    def same_text(self, account_did: str, text: str, since: datetime) -> list[Post]:
        """Posts of the account with this text that are waiting, or were published since `since`."""
        with self._store.reading() as tx:
            rows = tx.rows("posts_with_text", text_hash=text_hash({"text": text}), did=account_did, since=since)
        return [post for post in map(post_of, rows) if post.text.strip() == text.strip()]

    def waiting_with_text(self, account_did: str, text: str, source: str) -> list[Post]:
        """Posts of the account from this source with this text that are waiting, or are being published."""
        values = {"text_hash": text_hash({"text": text}), "did": account_did, "source": source}
        with self._store.reading() as tx:
            rows = tx.rows("waiting_posts_of_source", **values)
        return [post for post in map(post_of, rows) if post.text.strip() == text.strip()]

    def same_texts(self, account_did: str, texts: Iterable[str], since: datetime) -> dict[str, Post]:
        """`same_text` for many texts at once: the first such post, by its text without blanks at its ends."""
        hashes = json.dumps(sorted({text_hash({"text": text}) for text in texts}))
        with self._store.reading() as tx:
            rows = tx.rows("posts_with_texts", hashes=hashes, did=account_did, since=since)
        by_text: dict[str, Post] = {}
        for post in map(post_of, rows):
            by_text.setdefault(post.text.strip(), post)
        return by_text

    def same_minute(self, account_did: str, due_at: datetime) -> list[int]:
        """The first two scheduled posts of the account that are due in the same minute."""
        start = due_at.replace(second=0, microsecond=0)
        with self._store.reading() as tx:
            stop = start + timedelta(minutes=1)
            return [row["id"] for row in tx.rows("posts_due_between", did=account_did, start=start, stop=stop)]

    def due_times(self, account_did: str, start: datetime, stop: datetime) -> list[datetime]:
        """When the account's scheduled posts are due, from `start` to before `stop`: the slots that are taken."""
        with self._store.reading() as tx:
            rows = tx.rows("due_times_between", did=account_did, start=start, stop=stop)
        return [at for row in rows if (at := time_in(row["due_at"])) is not None]

    def due_before(self, post: Post, limit: int, reach: Callable[[int], datetime]) -> list[datetime] | None:
        """When those scheduled posts of its account are due that go out before a post: of all `n`, those that are due
        at `reach(n)` or later. None if there are `limit` or more.
        """
        place = {"did": post.account_did, "due_at": post.due_at, "id": post.id}
        with self._store.reading() as tx:
            [counted] = tx.rows("count_due_before", **place, limit=limit)
            if counted["posts"] >= limit:
                return None
            rows = tx.rows("due_times_before", **place, start=reach(counted["posts"]))
        return [at for row in rows if (at := time_in(row["due_at"])) is not None]

    @repeated
    def edit(self, post_id: int, changes: Changes, *, version: int | None = None, operation: str | None = None) -> Post:
        """Change a post that is certainly not on the network; with a `due_at` it is scheduled, whatever it was.

        `version`, here and in the other operations, is the post's version that the change is based on: if somebody has
        changed the post since, nothing happens. Frozen records of a failed post were rejected, and are dropped. With an
        `operation` (elsewhere: `undoable`), the change can be undone. Raises NotFound, Conflict,
        ChangedMeanwhile.
        """
        now = self._store.clock.now()
        with self._store.writing() as tx:
            if operation is None:
                return edit_post(tx, post_id, changes, version, now=now)
            before, media = get_locked(tx, post_id), media_of(tx, post_id)
            after = edit_post(tx, post_id, changes, version, now=now)
            note_changed(tx, operation, now, before, after, media)
            return after

    def move(self, post_id: int, due_at: datetime, *, version: int | None = None, undoable: bool = False) -> Post:
        """Schedule a post for another time; raises as `edit` does."""
        return self.edit(post_id, Changes(due_at=due_at), version=version, operation="move" if undoable else None)

    @repeated
    def cancel(
        self,
        post_id: int,
        *,
        follow: NewPost | None = None,
        version: int | None = None,
        undoable: bool = False,
        keeps_turn: bool = False,
    ) -> Post:
        """Cancel a post permanently; when this returns, it will never be published. A cancelled post stays cancelled.

        With `keeps_turn`, the next post of its recurrence gets its text from the pool. `follow`, the next occurrence of
        a recurrence, is added in the same transaction. Raises NotFound, Conflict, ChangedMeanwhile.
        """
        with self._store.writing() as tx:
            post = get_locked(tx, post_id)
            if post.state == "cancelled":
                return post
            check_version(post, version)
            cancelled = cancel_post(tx, post, self._store.clock.now())
            if keeps_turn and post.recurrence_id is not None:
                tx.run("give_turn_back", id=post.recurrence_id)
            if undoable:
                note_changed(tx, "cancel", self._store.clock.now(), post, cancelled)
            if follow is not None:
                add_posts(tx, self._store.clock, [follow])
            return cancelled

    def retry(self, post_id: int, *, version: int | None = None, undoable: bool = False) -> Post:
        """Schedule a failed post again, to be tried now, with the frozen records that it has."""
        return self._schedule_again(post_id, "failed", version, "retry" if undoable else None)

    def release(self, post_id: int, *, version: int | None = None, undoable: bool = False) -> Post:
        """Schedule a held post again: at its time, or now if that has passed, however late it is."""
        return self._schedule_again(post_id, "held", version, "release" if undoable else None)

    def published_as(self, account_did: str, uri: str) -> Post | None:
        """The post that is published under this address; None where it is none of the queue's."""
        with self._store.reading() as tx:
            row = tx.row("published_with_uri", did=account_did, uri=uri, rkey=uri.rpartition("/")[2])
        return None if row is None else post_of(row)

    @repeated
    def note_deleted(self, account_did: str, uri: str) -> int | None:
        """Record that a post was deleted from the network.

        Returns its number, or None if it is not ours. It stays published, because it did go out; its problem is
        `DELETED`.
        """
        now = self._store.clock.now()
        problem = Problem(DELETED, f"It was deleted from the network on {now:%Y-%m-%d at %H:%M} UTC.")
        with self._store.writing() as tx:
            locked(tx, account_did)
            row = tx.row("published_with_uri", did=account_did, uri=uri, rkey=uri.rpartition("/")[2])
            if row is None:
                return None
            tx.run("note_deleted", id=row["id"], **problem_values(problem))
            note_final(tx, f"the deletion of post {row['id']}", now, Hint("What it said: ", Do("posts.get", row["id"])))
            return int(row["id"])

    @repeated
    def make_due_now(self, post_id: int) -> Post:
        """Make a due post that waits for its next attempt ready now. Raises Conflict."""
        with self._store.writing() as tx:
            post = get_locked(tx, post_id)
            if tx.run("make_post_due_now", id=post_id, now=self._store.clock.now()) != 1:
                raise Conflict(
                    f"Post {post_id} is not due.", code="post.wrong_state", hint=Hint("See: ", Do("posts.get", post_id))
                )
            return changed(tx, post)

    @repeated
    def hold(
        self,
        post_id: int,
        problem: Problem | None = None,
        *,
        version: int | None = None,
        undoable: bool = False,
    ) -> Post:
        """Keep a scheduled post from being published until it is released."""
        reason = problem or Problem(
            "post.held", "It is held on request.", Hint("Release it: ", Do("posts.release", post_id))
        )
        with self._store.writing() as tx:
            post = get_locked(tx, post_id)
            check_version(post, version)
            if tx.run("hold_post", id=post_id, now=self._store.clock.now(), **problem_values(reason)) != 1:
                why = (
                    f"{why_fixed(post)} already" if post.state == "held" else f"{why_fixed(post)}, so it cannot be held"
                )
                raise Conflict(f"Post {post_id} is {why}.", code="post.wrong_state", hint=way_out(post))
            note_post_event(tx, "post.held", self._store.clock.now(), post, problem=reason)
            held = changed(tx, post)
            if undoable:
                note_changed(tx, "hold", self._store.clock.now(), post, held)
            return held

    @repeated
    def _schedule_again(self, post_id: int, was: State, version: int | None, operation: str | None) -> Post:
        with self._store.writing() as tx:
            post = get_locked(tx, post_id)
            if post.state == was:
                check_version(post, version)
            if tx.run("schedule_post", id=post_id, was=was, now=self._store.clock.now()) != 1:
                raise Conflict(
                    f"Post {post_id} is {post.state}, not {was}.",
                    code="post.wrong_state",
                    hint=Hint("See: ", Do("posts.get", post_id)),
                )
            again = changed(tx, post)
            if operation is not None:
                note_changed(tx, operation, self._store.clock.now(), post, again)
            return again
