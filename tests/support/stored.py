"""What the store's tests share: accounts, posts and decisions, made in one line."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from skywrite.core.clock import Clock, FakeClock
from skywrite.core.errors import StorageError
from skywrite.protocol.atproto.session import Session
from skywrite.queue.base import items_of
from skywrite.queue.database import Row
from skywrite.queue.model import AccountView, Claim, Decide, Decision, NewMedia, NewPost, Post, Problem, Take
from skywrite.queue.store import Store, open_store
from skywrite.queue.vault import Vault
from tests.support.claims import claim_next
from tests.support.processes import FAST_FOLDER

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ALICE = "did:plc:alice"
BOB = "did:plc:bob"
LEASE_SECONDS = 60
PROBLEM = Problem("server.failed", "The server said 503.", "Skywrite tries again.")
KEY = "A" * 43 + "="


def session(did: str = ALICE, handle: str = "", mark: str = "a") -> Session:
    """A session whose tokens hold a mark."""
    return Session(
        did, handle or f"{did.rpartition(':')[2]}.test", "http://127.0.0.1:1", f"access.{mark}.x", f"refresh.{mark}.x"
    )


def post(text: str = "Hello", *, did: str = ALICE, due: datetime | None = NOON, **values: Any) -> NewPost:
    """A post that is due at noon."""
    return NewPost(did, {"text": text}, {"posts": [{"text": text}]}, due, **values)


def media(data: bytes, cid: str = "bafymedia", mime: str = "image/png", size: int | None = None) -> NewMedia:
    """Bytes to store, in one piece."""
    return NewMedia(cid, mime, len(data) if size is None else size, iter([data]))


def take(frozen: str | None = '{"records":[]}', points: int = 3) -> Decide:
    """A decision that takes everything."""
    return lambda post, view, now: Take(frozen, points)


def decide_with(*decisions: Decision) -> tuple[Decide, list[Post]]:
    """Decisions to be given one after the other (the last one for ever), and the posts that were asked about."""
    left, seen = list(decisions), []

    def decide(post: Post, view: AccountView, now: datetime) -> Decision:
        seen.append(post)
        return left.pop(0) if len(left) > 1 else left[0]

    return decide, seen


def claimed(store: Store, decide: Decide | None = None, worker: str = "worker-1") -> Claim:
    """A claim that must succeed."""
    claim = claim_next(store, worker, LEASE_SECONDS, decide or take())
    assert claim is not None
    return claim


def may_start(store: Store, **item: object) -> bool:
    """Whether the database would let a program that has checked nothing start an attempt; nothing is stored."""
    values = {"id": 1, "token": 1, "frozen": None, "version": 1, "approval": "", "template": ""} | item
    started: list[Row] = []
    with suppress(StorageError), store.writing() as tx:
        started = tx.rows("take_posts", items=items_of([values]), now=NOON)
        raise StorageError("taken back")
    return bool(started)


def later(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def raw(store: Store, query: str) -> list[Row]:
    """The rows of a plain SQL query, as a user may ask it."""
    with store.reading() as tx:
        return tx.select(store.database.translate(query), {})


@contextmanager
def fast_folder() -> Iterator[Path]:
    """A folder in memory where there is one, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="skywrite-store-", dir=FAST_FOLDER))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def with_schema(url: str, schema: str) -> str:
    """The address of one schema in a PostgreSQL database."""
    return f"{url}?options={quote(f'-csearch_path={schema}')}"


def opened(address: str, home: Path, clock: Clock | None = None) -> Store:
    """A store whose vault has a fixed key."""
    return open_store(address, Vault(home, KEY), clock or FakeClock(NOON))


OpenStore = Callable[[], Store]
OpenAt = Callable[..., Store]
