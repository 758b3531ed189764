"""Accepting posts: one, or many thousands, with the bytes they need, all or nothing."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from skywrite.core.clock import Clock
from skywrite.core.digits import row_number
from skywrite.core.errors import Busy
from skywrite.queue import identities
from skywrite.queue.approval_rules import ask_for_approvals
from skywrite.queue.authors import note_author
from skywrite.queue.base import ACCEPTED_KEY, locked, update_ready
from skywrite.queue.database import Accepted, Transaction, time_of
from skywrite.queue.media import require_media
from skywrite.queue.model import AddResult, NewPost, State
from skywrite.queue.record_keys import RecordKeys
from skywrite.queue.requests import note_request
from skywrite.queue.rows import draft_hash, dump_json, text_hash
from skywrite.queue.templates import note_templates

if TYPE_CHECKING:
    pass


class _Taken(NamedTuple):
    """The post that has a key, and the hash of the draft that came with it."""

    id: int
    key_hash: int | None


class KnownKey(NamedTuple):
    """The post that an account has stored under a key."""

    id: int
    due_at: datetime | None
    state: State


def add_posts(tx: Transaction, clock: Clock, posts: Sequence[NewPost]) -> list[AddResult]:
    """Store posts: see `Store.add`. Their accounts are locked first."""
    accounts = {did: locked(tx, did) for did in sorted({post.account_did for post in posts})}
    taken = _taken_keys(tx, posts)
    ids = _new_ids(tx, len(posts))
    results: list[AddResult] = []
    fresh: list[tuple[int, NewPost]] = []
    for new_id, post in zip(ids, posts, strict=True):
        existing = _existing(tx, post, taken)
        if existing is None:
            fresh.append((new_id, post))
            existing = AddResult(new_id, existed=False)
            if post.key is not None:
                taken[post.account_did, post.key] = _Taken(new_id, draft_hash(post.draft))
        results.append(existing)
    _check_slots(tx, (post for _, post in fresh if post.exclusive_slot))
    _insert(tx, clock, _identified(tx, fresh))
    _link_media(tx, fresh)
    note_author(tx, (post_id for post_id, _ in fresh))
    note_request(tx, (post_id for post_id, _ in fresh))
    note_templates(tx, fresh)
    ask_for_approvals(tx, accounts, fresh, clock.now())
    for _, post in fresh:
        if post.recurrence_id is not None:
            tx.run("count_occurrence", id=post.recurrence_id)
    for did in sorted({post.account_did for _, post in fresh if post.due_at is not None}):
        update_ready(tx, did)
    return results


def _identified(tx: Transaction, posts: list[tuple[int, NewPost]]) -> list[tuple[int, NewPost]]:
    """The posts with the identities of those that are occurrences."""
    recurrences = {post.recurrence_id for _, post in posts if post.recurrence_id is not None}
    if not recurrences:
        return posts
    rows = {number: tx.row("get_recurrence", id=number) for number in recurrences}
    created = {number: time_of(row["created_at"]) for number, row in rows.items() if row is not None}
    return [
        (
            post_id,
            post._replace(
                identity=identities.of_occurrence(post.recurrence_id, created[post.recurrence_id], post.occurrence)
            ),
        )
        if post.recurrence_id in created and post.occurrence is not None
        else (post_id, post)
        for post_id, post in posts
    ]


def _insert(tx: Transaction, clock: Clock, posts: Sequence[tuple[int, NewPost]]) -> None:
    """Store the rows, and assign their record keys."""
    if not posts:
        return
    (number, first), now = posts[0], clock.now()
    keys = RecordKeys(now, clock.random, number)
    accepted_at = tx.time_value(now)
    tx.insert(
        "insert_posts",
        (_post_values(tx, post_id, post, accepted_at, keys.root(post)) for post_id, post in posts),
    )
    assert keys.first is not None
    tx.accepted = Accepted(number, first.account_did, keys.first, len(posts))


def _new_ids(tx: Transaction, count: int) -> list[int]:
    if not count:
        return []
    runs = tx.rows("new_post_ids", count=count)
    return [new_id for run in runs for new_id in range(run["first"], run["first"] + run["count"])]


def _taken_keys(tx: Transaction, posts: Sequence[NewPost]) -> dict[tuple[str, str], _Taken]:
    """The posts that already have keys of these, by account and key."""
    keys: dict[str, set[str]] = {}
    for post in posts:
        if post.key is not None:
            keys.setdefault(post.account_did, set()).add(post.key)
    by_key: dict[tuple[str, str], _Taken] = {}
    for did, mine in keys.items():
        for key in mine:
            if (post_id := _accepted_under(tx, did, key)) is not None:
                by_key[did, key] = _Taken(post_id, None)
        for row in tx.rows("posts_with_keys", did=did, keys=json.dumps(sorted(mine))):
            by_key[did, row["key"]] = _Taken(row["id"], row["key_hash"])
    return by_key


def _accepted_under(tx: Transaction, did: str, key: str) -> int | None:
    """The post with this key from an error message about a commit in doubt."""
    if not key.startswith(ACCEPTED_KEY):
        return None
    number, _, root_rkey = key.removeprefix(ACCEPTED_KEY).partition(":")
    accepted = row_number(number)
    if accepted is None:
        return None
    row = tx.row("post_accepted_as", id=accepted, account_did=did, root_rkey=root_rkey)
    return None if row is None else int(row["id"])


def _check_slots(tx: Transaction, posts: Iterable[NewPost]) -> None:
    for post in posts:
        assert post.due_at is not None
        stop = post.due_at + timedelta(microseconds=1)
        if tx.rows("due_times_between", did=post.account_did, start=post.due_at, stop=stop):
            raise Busy(
                f"The slot {post.due_at:%Y-%m-%d %H:%M} UTC was taken by another process in the meantime.",
                code="slot.taken",
                hint="Nothing was stored; try again.",
            )


def _existing(tx: Transaction, post: NewPost, taken: dict[tuple[str, str], _Taken]) -> AddResult | None:
    """The post that was stored before under the same key or for the same occurrence."""
    if post.key is not None and (known := taken.get((post.account_did, post.key))) is not None:
        return AddResult(known.id, existed=True, other_draft=known.key_hash != draft_hash(post.draft))
    if post.recurrence_id is not None and post.occurrence is not None:
        row = tx.row("post_of_occurrence", recurrence_id=post.recurrence_id, occurrence=post.occurrence)
        if row is not None:
            return AddResult(int(row["id"]), existed=True)
    return None


def _link_media(tx: Transaction, posts: Iterable[tuple[int, NewPost]]) -> None:
    links = [(post_id, cid) for post_id, post in posts for cid in post.media]
    if not links:
        return
    require_media(tx, {cid for _, cid in links})
    tx.run_many("insert_post_media", ({"post_id": post_id, "cid": cid} for post_id, cid in links))


def _post_values(tx: Transaction, post_id: int, post: NewPost, now: object, root_rkey: str) -> tuple[object, ...]:
    """A row in the order of the columns in the query `insert_posts`."""
    return (
        post_id,
        post.account_did,
        "draft" if post.due_at is None else "scheduled",
        tx.time_value(post.due_at),
        now,
        now,
        post.key,
        dump_json(post.draft),
        text_hash(post.draft),
        dump_json(post.prepared),
        post.late_policy,
        post.late_seconds,
        post.source,
        post.recurrence_id,
        tx.time_value(post.occurrence),
        root_rkey,
        None if post.key is None else draft_hash(post.draft),
    )
