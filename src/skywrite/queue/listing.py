"""Listing posts: pages by time and number, filtered and counted, for queues of any size. A page ends with a `Cursor`:
the place after its last post. A list that continues from a cursor shows each post that existed all the time exactly
once, whatever was added, published or moved meanwhile.

What does not live here: changing posts (`posts.py`).
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, NamedTuple, Self

from skywrite.core.digits import row_number
from skywrite.core.errors import BadRequest
from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row, Transaction, time_of, time_text
from skywrite.queue.model import FINAL_STATES, STATES, WAITING_STATES, Post, State
from skywrite.queue.rows import post_of

PAGE_POSTS = 500


class Cursor(NamedTuple):
    """The place after a post in a list: its time in that list (None: without a time) and its number."""

    at: datetime | None
    id: int

    @classmethod
    def due(cls, post: Post) -> Self:
        """After this post in `posts`."""
        return cls(post.due_at, post.id)

    @classmethod
    def changed(cls, post: Post) -> Self:
        """After this post in `history`."""
        return cls(post.updated_at, post.id)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The cursor that `str` wrote; raises BadRequest."""
        at, _, number = text.rpartition("~")
        try:
            due = datetime.fromisoformat(at).astimezone(UTC) if at else None
            after = row_number(number)
            if after is None or (at and datetime.fromisoformat(at).tzinfo is None):
                raise ValueError
            return cls(due, after)
        except (ValueError, OverflowError):
            raise BadRequest(
                "The page cursor is not valid.",
                code="cursor.invalid",
                hint="Use it exactly as you received it, or leave it out.",
            ) from None

    def __str__(self) -> str:
        return f"{time_text(self.at) if self.at else ''}~{self.id}"


class QueueSize(NamedTuple):
    """How many posts there are and are due until a time; `version` grows with each change of one."""

    posts: int
    version: int
    due: int


class PlannedPost(NamedTuple):
    """What a plan shows of a post. `text` is the beginning of what readers will see; `media` counts its images and its
    video, `image` is the CID of the first image, and `campaign` the label that its author gave it.
    """

    id: int
    version: int
    state: State
    due_at: datetime
    text: str
    media: int
    recurrence_id: int | None
    image: str | None
    campaign: str


class PostFilter(NamedTuple):
    """Which posts a list shows. Times are half-open intervals.

    `text`: what the first post's text contains, ignoring case. `due_*` leave out posts without a time.
    """

    account_did: str | None = None
    recurrence_id: int | None = None
    source: str | None = None
    text: str | None = None
    campaign: str | None = None
    due_from: datetime | None = None
    due_before: datetime | None = None
    changed_from: datetime | None = None
    changed_before: datetime | None = None

    def parts(self) -> tuple[list[str], dict[str, Any]]:
        """The conditions in SQL, and their values."""
        values = {name: value for name, value in self._asdict().items() if value is not None}
        if self.text is not None:
            values["text"] = f"%{_escaped(self.text.lower())}%"
        return [_CONDITIONS[name] for name in values], values

    @property
    def timed(self) -> bool:
        """Whether posts without a time are excluded."""
        return self.due_from is not None or self.due_before is not None


_CONDITIONS = {
    "account_did": "AND account_did = :account_did",
    "recurrence_id": "AND recurrence_id = :recurrence_id",
    "source": "AND source = :source",
    "text": "AND lower(draft ->> 'text') LIKE :text ESCAPE '!'",
    "campaign": "AND draft ->> 'campaign' = :campaign",
    "due_from": "AND due_at >= :due_from",
    "due_before": "AND due_at < :due_before",
    "changed_from": "AND updated_at >= :changed_from",
    "changed_before": "AND updated_at < :changed_before",
}
# The states are repeated literally, so that the planner uses the partial index.
_HISTORY = "AND state IN ('published', 'failed', 'cancelled')"


class Listing:
    """Operations that list posts."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def posts(
        self,
        states: Sequence[State] = WAITING_STATES,
        *,
        account_did: str | None = None,
        recurrence_id: int | None = None,
        source: str | None = None,
        text: str | None = None,
        campaign: str | None = None,
        due_from: datetime | None = None,
        due_before: datetime | None = None,
        after: Cursor | Post | None = None,
        limit: int = 100,
    ) -> list[Post]:
        """Posts in these states by (due_at, id), those without a time last; `after` is where to continue."""
        chosen = PostFilter(account_did, recurrence_id, source, text, campaign, due_from, due_before)
        if isinstance(after, Post):
            after = Cursor.due(after)
        with self._store.reading() as tx:
            posts: list[Post] = []
            if after is None or after.at is not None:
                dated = [self._dated(tx, state, chosen, after, limit) for state in states]
                posts = sorted(chain.from_iterable(dated), key=lambda post: (post.due_at, post.id))[:limit]
            if len(posts) < limit and not chosen.timed:
                after_id = after.id if after is not None and after.at is None else 0
                undated = [self._undated(tx, state, chosen, after_id, limit - len(posts)) for state in states]
                posts += sorted(chain.from_iterable(undated), key=lambda post: post.id)[: limit - len(posts)]
            return posts

    def all_posts(
        self,
        states: Sequence[State] = STATES,
        *,
        account_did: str | None = None,
        source: str | None = None,
        campaign: str | None = None,
        page: int | None = None,
    ) -> Iterator[Post]:
        """Every post in these states in the order of `posts`, read page by page: for exports of any size.

        `page` is the page size, for callers that want fewer posts.
        """
        after: Cursor | None = None
        size = PAGE_POSTS if page is None else min(page, PAGE_POSTS)
        while posts := self.posts(
            states, account_did=account_did, source=source, campaign=campaign, after=after, limit=size
        ):
            after = Cursor.due(posts[-1])
            yield from posts
            if len(posts) < size:
                return

    def history(
        self,
        states: Sequence[State] = FINAL_STATES,
        *,
        account_did: str | None = None,
        source: str | None = None,
        text: str | None = None,
        campaign: str | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
        after: Cursor | Post | None = None,
        limit: int = 100,
    ) -> list[Post]:
        """Finished posts, the latest change first, changed from `since` to before `before`."""
        chosen = PostFilter(account_did, None, source, text, campaign, changed_from=since, changed_before=before)
        if isinstance(after, Post):
            after = Cursor.changed(after)
        parts, values = chosen.parts()
        if after is not None:
            parts.append("AND updated_at <= :after_at AND (updated_at, id) < (:after_at, :after_id)")
            values.update(after_at=after.at, after_id=after.id)
        parts.append(f"{_HISTORY} ORDER BY updated_at DESC, id DESC LIMIT :limit")
        query = self._store.database.compose("list_posts", *parts)
        with self._store.reading() as tx:
            pages = [tx.select(query, {**values, "state": state, "limit": limit}) for state in states]
        posts = [post_of(row) for page in pages for row in page]
        return sorted(posts, key=lambda post: (post.updated_at, post.id), reverse=True)[:limit]

    def drafts(
        self, *, account_did: str | None = None, text: str | None = None, before_id: int | None = None, limit: int = 100
    ) -> list[Post]:
        """Drafts, the newest first; `before_id` is where to continue."""
        parts, values = PostFilter(account_did, text=text).parts()
        if before_id is not None:
            parts.append("AND id < :before_id")
            values["before_id"] = before_id
        parts.append("AND due_at IS NULL ORDER BY id DESC LIMIT :limit")
        query = self._store.database.compose("list_posts", *parts)
        with self._store.reading() as tx:
            return [post_of(row) for row in tx.select(query, {**values, "state": "draft", "limit": limit})]

    def planned(
        self, account_did: str, start: datetime, stop: datetime, *, limit: int, length: int
    ) -> list[PlannedPost]:
        """The account's posts that are due from `start` to before `stop`, by time, with so much of their texts."""
        with self._store.reading() as tx:
            rows = tx.rows("planned_posts", did=account_did, start=start, stop=stop, limit=limit, length=length)
        return [_planned_of(row) for row in rows]

    def all_finished(
        self,
        states: Sequence[State] = FINAL_STATES,
        *,
        account_did: str | None = None,
        campaign: str | None = None,
        page: int | None = None,
    ) -> Iterator[Post]:
        """Every post in these states in the order of `history`, read page by page."""
        after: Cursor | None = None
        size = PAGE_POSTS if page is None else min(page, PAGE_POSTS)
        while posts := self.history(states, account_did=account_did, campaign=campaign, after=after, limit=size):
            after = Cursor.changed(posts[-1])
            yield from posts
            if len(posts) < size:
                return

    def count(self, account_did: str | None = None) -> dict[State, int]:
        """How many posts are in each state."""
        counts: dict[State, int] = dict.fromkeys(STATES, 0)
        with self._store.reading() as tx:
            rows = tx.rows("count_posts") if account_did is None else tx.rows("count_account_posts", did=account_did)
        counts.update({row["state"]: row["count"] for row in rows})
        return counts

    def queue_size(self, until: datetime, limit: int) -> QueueSize:
        """How much there is to rehearse until a time, counted up to a limit."""
        with self._store.reading() as tx:
            all_of_it, due = tx.row("size_of_queue", limit=limit), tx.row("count_due_until", until=until, limit=limit)
        assert all_of_it is not None and due is not None
        return QueueSize(int(all_of_it["posts"]), int(all_of_it["version"]), int(due["due"]))

    def _dated(self, tx: Transaction, state: State, chosen: PostFilter, after: Cursor | None, limit: int) -> list[Post]:
        parts, values = chosen.parts()
        if after is not None:
            parts.append("AND due_at >= :after_due AND (due_at, id) > (:after_due, :after_id)")
            values.update(after_due=after.at, after_id=after.id)
        parts.append("AND due_at IS NOT NULL ORDER BY due_at, id LIMIT :limit")
        query = self._store.database.compose("list_posts", *parts)
        return [post_of(row) for row in tx.select(query, {**values, "state": state, "limit": limit})]

    def _undated(self, tx: Transaction, state: State, chosen: PostFilter, after_id: int, limit: int) -> list[Post]:
        parts, values = chosen.parts()
        parts.append("AND due_at IS NULL AND id > :after_id ORDER BY id LIMIT :limit")
        query = self._store.database.compose("list_posts", *parts)
        return [
            post_of(row) for row in tx.select(query, {**values, "state": state, "after_id": after_id, "limit": limit})
        ]


def _planned_of(row: Row) -> PlannedPost:
    due_at = time_of(row["due_at"])
    assert due_at is not None
    images = json.loads(row["images"]) if row["images"] else []
    return PlannedPost(
        row["id"],
        row["version"],
        row["state"],
        due_at,
        row["text"] or "",
        len(images) + bool(row["video"]),
        row["recurrence_id"],
        images[0].get("cid") if images else None,
        row["campaign"] or "",
    )


def _escaped(text: str) -> str:
    for sign in "!%_":
        text = text.replace(sign, f"!{sign}")
    return text
