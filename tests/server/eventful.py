"""What happens in the world of the rights walk besides: what workers, feeds, hooks and people do.

What lives here: what puts a value into fields that are empty at first, so that `answers` sees them.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

from tests.server.rights_world import DIDS, World, picture

EARLIER, NOW, LATER = (f"2026-11-24T{hour}:00:00.000000Z" for hour in ("11", "12", "23"))
WRONG = {"error_code": "a.code", "error_message": "It failed.", "error_hint": "Try again."}
# What an account has that asks for approvals, and waits.
PAUSED = {"state": "paused", "paused_until": LATER, "pause_reason": "Too fast", "last_published_at": EARLIER}


def make_eventful(world: World) -> None:
    """Zones of their own, a thread with an image, 200 occurrences in 50 days, and a trace of all that may happen."""
    alice = DIDS["alice"]
    with world.opened() as sky:
        sky.accounts.set("alice.test", {"zone": "Europe/Berlin"})
        sky.accounts.set("bob.test", {"zone": "America/New_York", "approval": "all"})
        image: Any = {"data": picture("gold"), "alt": "The sun"}
        parts: list[Any] = [{"text": "second of alice", "images": [image], "tags": ["two"], "langs": ["de"]}, "third"]
        thread = sky.posts.schedule("first of alice", account=alice, draft=True, images=[image], thread=parts)
        world.note("thread", "alice", thread.post_id)
        world.note("cid", "alice", sky.posts.get(thread.post_id).post.draft["images"][0]["cid"])
        sky.posts.schedule("often, by alice", account=alice, every="0 */6 * * *", zone="UTC")
        approved, rejected = world.of("scheduled", "bob")[0], world.of("held", "bob")[0]
        sky.approvals.approve(approved, sky.approvals.look(approved).digest, "A person", note="Fine")
        sky.approvals.reject(rejected, "A person", note="Not so")
    with closing(sqlite3.connect(world.database)) as connection, connection:
        _happen(connection, world)


def _happen(connection: sqlite3.Connection, world: World) -> None:
    failed, published, draft = (world.of(state, "alice")[0] for state in ("failed", "published", "draft"))
    alice, bob = DIDS["alice"], DIDS["bob"]
    tried = [(failed, 1, "w", EARLIER, NOW, "retry", *WRONG.values()), (failed, 2, "w", NOW, *[None] * 5)]
    connection.executemany(f"INSERT INTO attempt VALUES ({', '.join('?' * 9)})", tried)
    done = {"state": "done", "answer_id": draft, "answered_at": NOW, "answers": 2, "handled_at": NOW}
    _put(connection, "post", "id", failed, attempt_at=NOW, **WRONG)
    _put(connection, "account", "did", bob, **PAUSED)
    _put(
        connection, "inbox", "account_did", bob, **done, snoozed_until=LATER, labels=json.dumps(["spam"]), passed="old"
    )
    _put(connection, "inbox", "account_did", alice, answer_id=published, answered_at=EARLIER, answers=1)
    _put(connection, "way", "account_did", bob, asked_at=NOW, outcome="failed", **WRONG)
    _put(connection, "hook", "account_did", bob, delivered_at=NOW, outcome="failed", post_id=draft, **WRONG)
    _put(connection, "feed", "id", world.of("feeds", "bob")[0], checked_at=NOW, failures=2, **WRONG)
    _put(connection, "action", "state", "failed", tries=3, error="gone", done_at=NOW, until=LATER, key="a key")
    _put(connection, "delivery", "id", 1, state="failed", tries=3, ended_at=NOW, status=500, error="It said 500.")


def _put(connection: sqlite3.Connection, table: str, column: str, wanted: object, /, **values: object) -> None:
    names = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE {table} SET {names} WHERE {column} = ?", (*values.values(), wanted))
