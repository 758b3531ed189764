"""Marks: the counts of likes and so on of our posts at fixed ages.

What lives here: which posts are to be counted, and the results. What does not: counting (`features.insight`), and
statistics (`insight.stats`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row, time_of
from skywrite.queue.reading import json_of, readable, reads
from skywrite.queue.rows import dump_json

AGES_HOURS = (1, 6, 24, 72, 168, 720)
# How a label begins that the author of a post gave; others are of moderation services.
SELF = "self:"
COUNTS = ("likes", "reposts", "replies", "quotes", "bookmarks")
# A count that is later than this part of its age would not be comparable.
LATE_PART = 0.25
LATE_MIN = timedelta(minutes=30)


class ToMark(NamedTuple):
    """A post that is to be counted, for one of its ages."""

    post_id: int
    uri: str
    account_did: str
    age_hours: int
    kind: str
    # After this a count would say something else.
    late_at: datetime


class Mark(NamedTuple):
    """The counts of a post at an age; None if the AppView did not show the post."""

    post_id: int
    uri: str
    account_did: str
    source: str | None
    published_at: datetime
    age_hours: int
    taken_at: datetime
    kind: str
    likes: int | None
    reposts: int | None
    replies: int | None
    quotes: int | None
    bookmarks: int | None
    labels: tuple[str, ...] = ()
    # Whether this queue deleted the post.
    deleted: bool = False
    campaign: str = ""

    @property
    def is_shown(self) -> bool:
        """Whether the AppView showed the post."""
        return self.likes is not None

    @property
    def seen(self) -> str:
        """shown; deleted (by this queue); or not shown: deleted elsewhere or taken down, which nobody can see."""
        return "shown" if self.is_shown else "deleted" if self.deleted else "not shown"


class Marks:
    """The marks of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def due(self, limit: int) -> list[ToMark]:
        """What to count now: posts that have reached an age, and not passed it by much."""
        now, marks = self._store.clock.now(), list[ToMark]()
        with self._store.reading() as tx:
            for age in AGES_HOURS:
                until = now - timedelta(hours=age)
                patience = max(timedelta(hours=age) * LATE_PART, LATE_MIN)
                since = until - patience
                rows = tx.rows("posts_to_mark", age_hours=age, since=since, until=until, limit=limit - len(marks))
                marks += [_to_mark(row, age, patience) for row in rows]
        return marks

    def note(self, marks: Iterable[tuple[ToMark, dict[str, int] | None, list[str]]]) -> None:
        """Store counts and labels; None for a post that was not shown."""
        now = self._store.clock.now()
        with self._store.writing(wake=False) as tx:
            for item, counts, labels in marks:
                values: dict[str, Any] = {name: None if counts is None else counts[name] for name in COUNTS}
                known = {"post_id": item.post_id, "age_hours": item.age_hours, "kind": item.kind}
                tx.run("insert_mark", now=now, labels=dump_json(labels), **known, **values)

    def at(self, age_hours: int, since: datetime) -> list[Mark]:
        """All counts at one age, of posts since a time."""
        with self._store.reading() as tx:
            return readable(tx.rows("marks_at", age_hours=age_hours, since=since), _mark_of)

    def of(self, post_id: int) -> list[Mark]:
        """The counts of one post."""
        with self._store.reading() as tx:
            return readable(tx.rows("marks_of_post", post_id=post_id), _mark_of)


def kind_of(prepared: dict[str, Any]) -> str:
    """What sort of post it is: its first post decides, unless it is a thread."""
    records = prepared.get("records") or [{}]
    if len(records) > 1:
        return "thread"
    embed = records[0].get("embed") or {}
    name = str(embed.get("$type", "")).rpartition(".")[2]
    names = {"images": "images", "gallery": "images", "video": "video", "external": "link", "record": "quote"}
    return names.get(name, "quote" if name == "recordWithMedia" else "text")


def _to_mark(row: Row, age: int, patience: timedelta) -> ToMark:
    published_at, kind = time_of(row["updated_at"]), kind_of(json_of(row["prepared"], dict))
    assert published_at is not None
    late_at = published_at + timedelta(hours=age) + patience
    return ToMark(row["id"], row["uri"], row["account_did"], age, kind, late_at)


@reads("mark", "post_id")
def _mark_of(row: Row) -> Mark:
    published_at, taken_at = time_of(row["published_at"]), time_of(row["taken_at"])
    assert published_at is not None and taken_at is not None
    labels = row["labels"] if isinstance(row["labels"], list) else json_of(row["labels"], list)
    return Mark(
        post_id=row["post_id"],
        uri=row["uri"],
        account_did=row["account_did"],
        source=row["source"],
        published_at=published_at,
        age_hours=row["age_hours"],
        taken_at=taken_at,
        kind=row["kind"],
        labels=tuple(labels),
        deleted=bool(row["deleted"]),
        campaign=row["campaign"] or "",
        **{name: row[name] for name in COUNTS},
    )
