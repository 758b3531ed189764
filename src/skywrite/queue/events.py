"""Events: what happened, written in the same transaction as what it reports (a transactional outbox).

What lives here: the kinds of events, recording one together with the messages for webhooks, and reading them. What does
not: sending messages (`publish.webhooks`), streaming events to browsers (`server.events`).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from skywrite.clock import to_iso
from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.model import Post, Problem
from skywrite.queue.rows import dump_json
from skywrite.queue.steps import items_of

EVENT_KINDS = (
    "post.published",
    "post.failed",
    "post.held",
    "post.skipped",
    "post.cancelled",
    "account.needs_login",
    "account.session_ends",
    "feed.failing",
    "repost.failed",
    "follow_up.failed",
    "follow_up.expired",
    "approval.requested",
    "approval.given",
    "approval.rejected",
    "worker.late",
)
# Only for testing a webhook: nothing in the queue creates it.
TEST_KIND = "webhook.test"
TEXT_MAX = 3000


class Event(NamedTuple):
    """Something that happened. `subject_id` is the number of what it is about: a post, a feed."""

    id: int
    kind: str
    account_did: str | None
    subject_id: int | None
    data: dict[str, Any]
    created_at: datetime


class PostEvent(NamedTuple):
    """Something that happened to a post, with the reason or with where it is now."""

    kind: str
    post: Post
    problem: Problem | None = None
    uri: str | None = None


def note_event(
    tx: Transaction,
    kind: str,
    now: datetime,
    data: Mapping[str, Any],
    *,
    account_did: str | None = None,
    subject_id: int | None = None,
) -> None:
    """Record an event, and a message for each webhook that subscribes to it, in the caller's transaction."""
    _note(tx, now, [_Noted(kind, data, account_did, subject_id)])


def note_post_event(
    tx: Transaction, kind: str, now: datetime, post: Post, *, problem: Problem | None = None, uri: str | None = None
) -> None:
    """Record an event about a post."""
    note_post_events(tx, now, [PostEvent(kind, post, problem, uri)])


def note_post_events(tx: Transaction, now: datetime, events: Sequence[PostEvent]) -> None:
    """Note events about posts."""
    _note(tx, now, [_Noted(one.kind, _data_of(one), one.post.account_did, one.post.id) for one in events])


class _Noted(NamedTuple):
    kind: str
    data: Mapping[str, Any]
    account_did: str | None
    subject_id: int | None


def _data_of(event: PostEvent) -> dict[str, Any]:
    post, problem = event.post, event.problem
    return {
        "id": post.id,
        "text": post.text[:TEXT_MAX],
        "due_at": to_iso(post.due_at) if post.due_at else None,
        "key": post.key,
        "source": post.source,
        "uri": event.uri,
        "error": None if problem is None else problem.name,
        "message": None if problem is None else problem.message,
    }


def _note(tx: Transaction, now: datetime, events: Sequence[_Noted]) -> None:
    """Store events, with a message for each webhook that listens; those that nobody listens to, all at once."""
    if not events:
        return
    hooks = tx.rows("webhooks_that_listen")
    unheard = []
    for event in events:
        listening = [hook for hook in hooks if _listens(hook, event.kind, event.account_did)]
        values = {"kind": event.kind, "account_did": event.account_did, "subject_id": event.subject_id}
        if listening:
            _note_heard(tx, now, event, values, listening)
        else:
            unheard.append({**values, "data": event.data})
    if unheard:
        tx.run("insert_events", items=items_of(unheard), now=now)


def _note_heard(
    tx: Transaction, now: datetime, event: _Noted, values: Mapping[str, object], listening: Sequence[Row]
) -> None:
    row = tx.row("insert_event", **values, data=dump_json(event.data), now=now)
    assert row is not None
    body = message(event.kind, now, {**event.data, **_account_names(tx, event.account_did)})
    for hook in listening:
        tx.row("insert_delivery", webhook_id=hook["id"], event_id=row["id"], kind=event.kind, body=body, now=now)


def message(kind: str, now: datetime, data: Mapping[str, Any]) -> str:
    """The body of a webhook's message, as in Standard Webhooks."""
    return dump_json({"type": kind, "timestamp": to_iso(now), "data": data})


class Events:
    """The events of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def note(self, kind: str, data: Mapping[str, Any], *, account_did: str | None = None) -> None:
        """Record an event in its own transaction."""
        with self._store._writing() as tx:
            note_event(tx, kind, self._store._clock.now(), data, account_did=account_did)

    def after(self, event_id: int, limit: int = 500) -> list[Event]:
        """The events after this one, the oldest first."""
        with self._store._reading() as tx:
            return [event_of(row) for row in tx.rows("events_after", after=event_id, limit=limit)]

    def last_id(self) -> int:
        """The number of the last event, 0 without any."""
        with self._store._reading() as tx:
            row = tx.row("last_event")
        return int(row["id"]) if row is not None else 0

    def prune(self, before: datetime) -> int:
        """Drop events and finished messages from before a time. Returns how many events."""
        with self._store._writing(wake=False) as tx:
            tx.run("forget_deliveries", before=before)
            return tx.run("forget_events", before=before)


def _listens(hook: Row, kind: str, account_did: str | None) -> bool:
    kinds = None if hook["kinds"] is None else json.loads(hook["kinds"])
    if kinds is not None and kind not in kinds:
        return False
    return hook["account_did"] is None or hook["account_did"] == account_did


def _account_names(tx: Transaction, account_did: str | None) -> dict[str, str]:
    row = None if account_did is None else tx.row("get_account", did=account_did)
    return {} if row is None else {"account": row["handle"], "did": row["did"]}


def event_of(row: Row) -> Event:
    """A row of `event`."""
    created_at = time_of(row["created_at"])
    assert created_at is not None
    return Event(row["id"], row["kind"], row["account_did"], row["subject_id"], json.loads(row["data"]), created_at)
