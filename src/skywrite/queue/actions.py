"""Scheduled reposts and pins, the actions that undo them, and a bot's likes.

What lives here: what is stored, and which is next. What does not: performing them (`features.reposts`).
"""

from __future__ import annotations

import builtins
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from skywrite.core.errors import Conflict, Do, Hint, InputError, NotFound
from skywrite.core.shown import named
from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.events import note_event
from skywrite.queue.reading import SET_ASIDE, UnreadableRow, count_of, mended, readable, reads, seconds_of

LEASE = timedelta(minutes=2)
# The action that undoes a repost or pin.
UNDONE_BY = {"repost": "unrepost", "pin": "unpin"}
_STORED = (
    *("account_did", "kind", "uri", "cid", "rkey", "due_at", "undo_seconds"),
    *("rule", "zone", "until", "replaces", "key"),
)
# What must be the same in a request that repeats a key.
_SAME = ("kind", "uri", "undo_seconds", "rule", "zone", "until")


class Action(NamedTuple):
    """A repost, pin or like, or an action that undoes one. `undo_seconds`: how long after it is done to undo it.

    `rule`: the recurrence by which it is repeated, in `zone` and up to `until`. `replaces`: the record key of the
    previous repost, which is deleted first. `key`: the caller's own name for it.
    """

    id: int
    account_did: str
    kind: str
    uri: str
    cid: str
    rkey: str
    due_at: datetime
    undo_seconds: int | None
    state: str
    tries: int
    error: str | None
    rule: str | None = None
    zone: str | None = None
    until: datetime | None = None
    replaces: str | None = None
    key: str | None = None
    done_at: datetime | None = None

    @property
    def author(self) -> str:
        """The DID of who wrote the post."""
        return self.uri.split("/")[2]


class Repeat(NamedTuple):
    """A recurrence of reposts."""

    rule: str | None = None
    zone: str | None = None
    until: datetime | None = None


def unknown_action(action_id: int) -> NotFound:
    """The error about a number that no repost or pin has."""
    return NotFound(
        f"There is no repost or pin {named(action_id)}.", code="action.unknown", hint=Hint("See: ", Do("reposts.list"))
    )


class Actions:
    """The reposts and pins of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def add(
        self,
        account_did: str,
        kind: str,
        uri: str,
        cid: str,
        rkey: str,
        due_at: datetime,
        undo_seconds: int | None,
        *,
        repeat: Repeat | None = None,
        key: str | None = None,
    ) -> Action:
        """Add one, or the first of those that are repeated; with the same key again, nothing. Raises InputError."""
        values: dict[str, Any] = {"account_did": account_did, "kind": kind, "uri": uri, "cid": cid, "rkey": rkey}
        values |= (repeat or Repeat())._asdict() | {"undo_seconds": undo_seconds, "replaces": None, "key": key}
        with self._store.writing() as tx:
            row = tx.row("insert_action", due_at=due_at, now=self._store.clock.now(), **values)
            if row is not None:
                return _action_of(row)
            row = tx.row("action_with_key", account_did=account_did, key=key)
        assert row is not None
        action = _action_of(row)
        if any(getattr(action, name) != values[name] for name in _SAME):
            raise InputError(
                f"The key {key!r} was already used for {action.kind} {action.id}. Nothing was stored.",
                code="post_key.reused",
                hint="Use a new key for a new one, and repeat a request unchanged.",
            )
        return action

    def with_key(self, account_did: str, key: str) -> Action | None:
        """The one that was added with a key."""
        with self._store.reading() as tx:
            row = tx.row("action_with_key", account_did=account_did, key=key)
        return None if row is None else _action_of(row)

    def list(self, limit: int = 500, account_did: str | None = None, *, state: str = "") -> list[Action]:
        """Those that are waiting or have failed, or of these in one `state`, of all accounts or of one."""
        with self._store.reading() as tx:
            if account_did is None:
                rows = tx.rows("list_actions", state=state, limit=limit)
            else:
                rows = tx.rows("list_account_actions", did=account_did, state=state, limit=limit)
            return readable(rows, _action_of)

    def since(self, start: datetime) -> builtins.list[Action]:
        """Those that were done since a time, are waiting or have failed."""
        with self._store.reading() as tx:
            return readable(tx.rows("actions_since", since=start), _action_of)

    def next_at(self) -> datetime | None:
        """When the next one is due, or is tried again."""
        with self._store.reading() as tx:
            row = tx.row("next_action_at")
        return None if row is None else time_of(mended(row)[0]["attempt_at"])

    def get(self, action_id: int) -> Action:
        """One of them. Raises NotFound."""
        with self._store.reading() as tx:
            row = tx.row("get_action", id=action_id)
        if row is None:
            raise unknown_action(action_id)
        return _action_of(row)

    def cancel(self, action_id: int) -> Action:
        """Cancel one. Raises NotFound, Conflict."""
        self.get(action_id)
        with self._store.writing(wake=False) as tx:
            changed = tx.run("cancel_action", id=action_id)
        if changed != 1:
            raise Conflict(f"It is {self.get(action_id).state}, so it cannot be cancelled.", code="post.wrong_state")
        return self.get(action_id)

    def prune(self, before: datetime) -> int:
        """Forget those that were over before a time. Returns how many."""
        with self._store.writing(wake=False) as tx:
            return tx.run("forget_actions", before=before)

    def waiting(self) -> builtins.list[tuple[str, str]]:
        """The accounts for which something is due, and their servers."""
        with self._store.reading() as tx:
            rows = tx.rows("accounts_with_actions", now=self._store.clock.now())
        return [(row["did"], row["pds_url"]) for row in rows]

    def claim(self, account_did: str | None = None, *, worker: str = "") -> Action | None:
        """Claim the next one that is due, of one account or of any, for two minutes."""
        now = self._store.clock.now()
        while True:
            with self._store.reading() as tx:
                row = tx.row("next_action", now=now, account_did=account_did or "")
            if row is None:
                return None
            try:
                _action_of(row)
            except UnreadableRow as error:
                with self._store.writing(wake=False) as tx:
                    tx.run("set_aside_action", id=row["id"], until=now + SET_ASIDE, error=error.message)
                continue
            with self._store.writing(wake=False) as tx:
                taken = tx.row("take_action", id=row["id"], tries=row["tries"], until=now + LEASE, worker=worker)
            return None if taken is None else _action_of(taken)

    def done(self, action: Action, following: tuple[datetime, str] | None = None) -> None:
        """Record that it was done, and add the action that undoes it, and its next one at a time with a record key."""
        now = self._store.clock.now()
        values = {"state": "done", "attempt_at": now, "error": None, "done_at": now}
        with self._store.writing(wake=False) as tx:
            if tx.run("settle_action", id=action.id, tries=action.tries, **values) != 1:
                return
            if action.undo_seconds is not None:
                undo = action._replace(kind=UNDONE_BY[action.kind], undo_seconds=None, replaces=None, key=None)
                _insert(tx, undo._replace(rule=None, due_at=now + timedelta(seconds=action.undo_seconds)), now)
            if following is not None:
                due_at, rkey = following
                _insert(tx, action._replace(due_at=due_at, rkey=rkey, replaces=action.rkey, key=None), now)

    def not_done(self, action: Action, error: str, again_at: datetime | None) -> None:
        """Record a failed attempt: it is retried at that time, or has failed permanently."""
        state = "failed" if again_at is None else "waiting"
        values = {"state": state, "attempt_at": again_at or action.due_at, "error": error, "done_at": None}
        with self._store.writing(wake=False) as tx:
            settled = tx.run("settle_action", id=action.id, tries=action.tries, **values) == 1
            if settled and again_at is None:
                data = {"id": action.id, "action": action.kind, "uri": action.uri, "message": error}
                now, account_did = self._store.clock.now(), action.account_did
                note_event(tx, "repost.failed", now, data, account_did=account_did, subject_id=action.id)


def act_on(tx: Transaction, account_did: str, kind: str, uri: str, cid: str, rkey: str, now: datetime) -> None:
    """Add one that is due at once, in somebody's transaction. With a key that was used before, nothing."""
    values = {"account_did": account_did, "kind": kind, "uri": uri, "cid": cid, "rkey": rkey, "key": f"{kind} {rkey}"}
    rest = dict.fromkeys(name for name in _STORED if name not in values)
    tx.row("insert_action", now=now, **{**rest, **values, "due_at": now})


def _insert(tx: Transaction, action: Action, now: datetime) -> None:
    tx.row("insert_action", now=now, **{name: getattr(action, name) for name in _STORED})


@reads("action")
def _action_of(row: Row) -> Action:
    due_at = time_of(row["due_at"])
    assert due_at is not None
    until, done_at = time_of(row["until"]), time_of(row["done_at"])
    names = set(Action._fields) - {"due_at", "until", "done_at"}
    count_of(row["tries"]), seconds_of(row["undo_seconds"])
    action = Action(**{name: row[name] for name in names}, due_at=due_at, until=until, done_at=done_at)
    if not action.author:
        raise ValueError("not the address of a post")
    return action
