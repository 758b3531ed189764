"""Accepting posts: one, or many thousands, with the bytes they need, all or nothing."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from skywrite.core.clock import Clock
from skywrite.core.errors import Busy, NotFound
from skywrite.queue import identities
from skywrite.queue.approval_rules import ask_for_approvals
from skywrite.queue.authors import note_author
from skywrite.queue.base import ACCEPTED_KEY, StoreBase, repeated
from skywrite.queue.database import Accepted, DiskFull, Transaction, time_of
from skywrite.queue.journal import note_added
from skywrite.queue.model import AddResult, MediaInfo, NewMedia, NewPost, State
from skywrite.queue.numbers import row_number
from skywrite.queue.record_keys import RecordKeys
from skywrite.queue.rows import draft_hash, dump_json, text_hash
from skywrite.queue.steps import locked, update_ready
from skywrite.queue.templates import note_templates

if TYPE_CHECKING:
    from tempfile import SpooledTemporaryFile

CHUNK_BYTES = 1 << 20
SPOOL_BYTES = 4 << 20


class _Taken(NamedTuple):
    """The post that has a key, and the hash of the draft that came with it."""

    id: int
    key_hash: int | None


class KnownKey(NamedTuple):
    """The post that an account has stored under a key."""

    id: int
    due_at: datetime | None
    state: State


class AddOperations(StoreBase):
    """Operations that add posts and their media."""

    @repeated
    def add(
        self, posts: Sequence[NewPost], media: Sequence[NewMedia] = (), *, operation: str | None = None
    ) -> list[AddResult]:
        """Store posts and media in one transaction; the results are in the order of the posts.

        A post whose key its account has used before (or whose occurrence exists) is not added again: its result has the
        number of the existing one, and whether that was a different draft. Raises NotFound,
        Busy; then nothing is stored. With an `operation`, this can be undone.
        """
        with self._accepting() as tx:
            for item in media:
                put_bytes(tx, item, self._clock.now())
            results = add_posts(tx, self._clock, posts)
            if operation is not None:
                note_added(tx, operation, self._clock.now(), results)
            return results

    def known_keys(self, account_did: str, keys: Sequence[str]) -> dict[str, KnownKey]:
        """The posts that the account has stored under any of these keys, by key."""
        with self._reading() as tx:
            rows = tx.rows("posts_with_keys", did=account_did, keys=json.dumps(keys)) if keys else []
            return {row["key"]: KnownKey(row["id"], time_of(row["due_at"]), row["state"]) for row in rows}

    def put_media(self, media: NewMedia) -> MediaInfo:
        """Store bytes under their CID; bytes that are already there are neither read nor stored.

        They are read before the transaction, so that others can write meanwhile. Bytes that no post needs within a day
        are dropped by `prune`. Raises DiskFull.
        """
        with self._writing(wake=False) as tx:
            known = tx.run("touch_media", cid=media.cid, now=self._clock.now()) == 1
        if not known:
            from tempfile import SpooledTemporaryFile

            # Next to the database, where the bytes need room anyway.
            folder = str(Path(self.place).parent) if self.dialect == "sqlite" else None
            with SpooledTemporaryFile(SPOOL_BYTES, dir=folder) as file:
                whole = media._replace(pieces=_spooled(file, media))
                with self._writing(wake=False) as tx:
                    put_bytes(tx, whole, self._clock.now())
        return MediaInfo(media.cid, media.mime, media.size)


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
    found: dict[tuple[str, str], _Taken] = {}
    for did, mine in keys.items():
        for key in mine:
            if (post_id := _accepted_under(tx, did, key)) is not None:
                found[did, key] = _Taken(post_id, None)
        for row in tx.rows("posts_with_keys", did=did, keys=json.dumps(sorted(mine))):
            found[did, row["key"]] = _Taken(row["id"], row["key_hash"])
    return found


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


def require_media(tx: Transaction, cids: Iterable[str]) -> None:
    """Keep stored bytes from being dropped until the transaction ends. Raises NotFound."""
    for cid in sorted(cids):
        if tx.row("lock_media", cid=cid) is None:
            raise NotFound(
                f"The bytes {cid} are not in the store.", code="media.unknown", hint="Add the image or video again."
            )


def put_bytes(tx: Transaction, media: NewMedia, now: datetime) -> None:
    """Store bytes, unless they are already there."""
    while tx.run("insert_media", cid=media.cid, mime=media.mime, size=media.size, now=now) == 0:
        # Another process may be pruning it right now: then it is stored again.
        if tx.run("touch_media", cid=media.cid, now=now) == 1:
            return
    stored = 0
    for number, chunk in enumerate(_chunks(media.pieces)):
        tx.run("insert_media_chunk", cid=media.cid, number=number, data=chunk)
        stored += len(chunk)
    if stored != media.size:
        raise ValueError(f"{media.cid} has {stored} bytes, not {media.size}")


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


def _spooled(file: "SpooledTemporaryFile[bytes]", media: NewMedia) -> Iterator[bytes]:
    """The same bytes, after reading all of them into `file`."""
    for piece in media.pieces:
        try:
            file.write(piece)
        except OSError as error:
            raise DiskFull(
                f"There is no room to keep {media.size} bytes of {media.mime} for now: {error.strerror}.",
                hint="Free some space on the disk and try again.",
            ) from error
    file.seek(0)
    return iter(partial(file.read, CHUNK_BYTES), b"")


def _chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of one size, so that a row stays small and reading needs little memory."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while len(buffer) >= CHUNK_BYTES:
            yield bytes(buffer[:CHUNK_BYTES])
            del buffer[:CHUNK_BYTES]
    if buffer:
        yield bytes(buffer)
