"""Events: what happened, written in the same transaction as what it reports (a transactional outbox).

What lives here: the kinds of events, recording one together with the messages for webhooks, and reading them. What does
not: sending messages (`features.webhooks`), streaming events to browsers (`server.events`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal, NamedTuple, get_args

from skywrite.core.clock import to_iso
from skywrite.queue.base import StoreBase, items_of
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.model import Post, Problem, facts_of
from skywrite.queue.reading import json_of, readable, reads
from skywrite.queue.rows import dump_json

EventKind = Literal[
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
    "inbox.received",
    "answers.trial_ended",
    "approval.requested",
    "approval.given",
    "approval.rejected",
    "worker.late",
]
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
# Only for testing a webhook: nothing in the queue creates it.
TEST_KIND = "webhook.test"
TEXT_MAX = 3000


# What of an event that concerns several accounts may be told to those who may know of some of them only.
SHARED_DATA = ("feed",)


class Event(NamedTuple):
    """Something that happened. `subject_id` is the number of what it is about: a post, a feed.

    `account_dids`: the accounts that it concerns; None is all of them. `account_did` is that of an event of one.
    """

    id: int
    kind: str
    account_did: str | None
    subject_id: int | None
    data: dict[str, Any]
    created_at: datetime
    account_dids: tuple[str, ...] | None = None

    def told_to(self, accounts: Collection[str] | None) -> Event | None:
        """The event as those get it who may know of these accounts (None: of all); None where it does not concern them.

        Of what belongs to others, too, they hear only that it happened.
        """
        if accounts is None:
            return self
        concerned = sorted(accounts) if self.account_dids is None else self.account_dids
        mine = tuple(did for did in concerned if did in accounts)
        if not mine:
            return None
        whole = self.account_dids is not None and len(mine) == len(self.account_dids)
        data = {name: value for name, value in self.data.items() if whole or name in SHARED_DATA}
        return self._replace(account_did=mine[0] if len(mine) == 1 else None, account_dids=mine, data=data)


class PostEvent(NamedTuple):
    """Something that happened to a post, with the reason or with where it is now."""

    kind: EventKind
    post: Post
    problem: Problem | None = None
    uri: str | None = None


def note_event(
    tx: Transaction,
    kind: EventKind,
    now: datetime,
    data: Mapping[str, Any],
    *,
    account_did: str | None = None,
    account_dids: Sequence[str] | None = None,
    subject_id: int | None = None,
) -> None:
    """Record an event, and a message for each webhook that subscribes to it, in the caller's transaction.

    `account_did`: whom it concerns; `account_dids` where that may be several; without both, it concerns all accounts.
    """
    _note(tx, now, [_Noted(kind, data, account_did, subject_id, account_dids)])


def note_post_event(
    tx: Transaction,
    kind: EventKind,
    now: datetime,
    post: Post,
    *,
    problem: Problem | None = None,
    uri: str | None = None,
) -> None:
    """Record an event about a post."""
    note_post_events(tx, now, [PostEvent(kind, post, problem, uri)])


def note_post_events(tx: Transaction, now: datetime, events: Sequence[PostEvent]) -> None:
    """Note events about posts."""
    _note(
        tx,
        now,
        [_Noted(one.kind, _data_of(one), one.post.account_did, one.post.id, None, _records_of(one)) for one in events],
    )


class _Noted(NamedTuple):
    kind: str
    data: Mapping[str, Any]
    account_did: str | None
    subject_id: int | None
    account_dids: Sequence[str] | None = None
    # What only messages carry, because it is too much for every row: looked up where a webhook listens.
    more: Callable[[Transaction], Mapping[str, Any]] | None = None

    def event(self, now: datetime) -> Event:
        """The event, before it has a number."""
        dids = self.account_dids if self.account_did is None else (self.account_did,)
        known = (self.account_did, self.subject_id, dict(self.data), now)
        return Event(0, self.kind, *known, None if dids is None else tuple(dids))


def _data_of(event: PostEvent) -> dict[str, Any]:
    post, problem = event.post, event.problem
    return {
        "id": post.id,
        "text": post.text[:TEXT_MAX],
        "due_at": to_iso(post.due_at) if post.due_at else None,
        "key": post.key,
        "source": post.source,
        "uri": event.uri,
        **facts_of(problem),
    }


def _records_of(event: PostEvent) -> Callable[[Transaction], Mapping[str, Any]] | None:
    """What looks up everything that a published post says."""
    return partial(_published, event.post) if event.kind == "post.published" else None


def _published(post: Post, tx: Transaction) -> dict[str, Any]:
    """The records as they are in the repository; none of those that a hand has damaged."""
    from skywrite.protocol.bsky.contents import parts_of

    row, account = tx.row("get_post", id=post.id), tx.row("get_account", did=post.account_did)
    try:
        assert row is not None and account is not None
        parts = parts_of(json.loads(row["frozen"])["writes"], post.account_did, account["pds_url"])
        return {"url": parts[0]["url"], "langs": parts[0]["langs"], "parts": parts}
    except (LookupError, TypeError, ValueError, AttributeError):
        return {"url": None, "langs": [], "parts": []}


def _note(tx: Transaction, now: datetime, events: Sequence[_Noted]) -> None:
    """Store events, with a message for each webhook that listens; those that nobody listens to, all at once."""
    if not events:
        return
    hooks = tx.rows("webhooks_that_listen")
    unheard = []
    for event in events:
        told = {hook["id"]: _told(hook, event.event(now)) for hook in hooks}
        heard = {hook_id: event for hook_id, event in told.items() if event is not None}
        dids = None if event.account_dids is None else dump_json(list(event.account_dids))
        values = {"kind": event.kind, "account_did": event.account_did, "account_dids": dids}
        if heard:
            _note_heard(tx, now, event, {**values, "subject_id": event.subject_id}, heard)
        else:
            unheard.append({**values, "subject_id": event.subject_id, "data": event.data})
    if unheard:
        tx.run("insert_events", items=items_of(unheard), now=now)


def _note_heard(
    tx: Transaction, now: datetime, event: _Noted, values: Mapping[str, object], heard: Mapping[int, Event]
) -> None:
    """Store an event, and what each of these webhooks is told of it."""
    row = tx.row("insert_event", **values, data=dump_json(event.data), now=now)
    assert row is not None
    known = {"event_id": row["id"], "kind": event.kind, "now": now}
    more = {} if event.more is None else event.more(tx)
    for hook_id, told in heard.items():
        body = message(event.kind, now, {**told.data, **more, **_account_names(tx, told.account_dids)})
        tx.row("insert_delivery", webhook_id=hook_id, body=body, **known)


def message(kind: str, now: datetime, data: Mapping[str, Any]) -> str:
    """The body of a webhook's message, as in Standard Webhooks."""
    return dump_json({"type": kind, "timestamp": to_iso(now), "data": data})


# How much longer than others messages are kept that wait for a webhook which is paused or disabled.
WAITING_KEPT = timedelta(days=23)


class Events:
    """The events of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def note(
        self,
        kind: EventKind,
        data: Mapping[str, Any],
        *,
        account_did: str | None = None,
        account_dids: Sequence[str] | None = None,
    ) -> None:
        """Record an event in its own transaction."""
        with self._store.writing() as tx:
            now = self._store.clock.now()
            note_event(tx, kind, now, data, account_did=account_did, account_dids=account_dids)

    def after(self, event_id: int, limit: int = 500) -> list[Event]:
        """The events after this one, the oldest first."""
        with self._store.reading() as tx:
            return readable(tx.rows("events_after", after=event_id, limit=limit), event_of)

    def last_id(self) -> int:
        """The number of the last event, 0 without any."""
        with self._store.reading() as tx:
            row = tx.row("last_event")
        return int(row["id"]) if row is not None else 0

    def prune(self, before: datetime) -> int:
        """Drop events and finished messages from before a time, and messages that have waited much longer. Returns how
        many events.
        """
        with self._store.writing(wake=False) as tx:
            tx.run("forget_deliveries", before=before, waiting_before=before - WAITING_KEPT)
            return tx.run("forget_events", before=before)


def _told(hook: Row, event: Event) -> Event | None:
    """What a webhook is told of an event; None if it does not listen to it."""
    # Found in the text, so that a list that cannot be read stops only its webhook.
    if hook["kinds"] is not None and f'"{event.kind}"' not in hook["kinds"]:
        return None
    return event.told_to(None if hook["account_did"] is None else (hook["account_did"],))


def _account_names(tx: Transaction, account_dids: Sequence[str] | None) -> dict[str, Any]:
    """Whom a message is about: one account by its handle and DID, or several by their DIDs."""
    named = () if account_dids is None else account_dids
    if len(named) > 1:
        return {"dids": list(named)}
    rows = [tx.row("get_account", did=did) for did in named]
    return next(({"account": row["handle"], "did": row["did"]} for row in rows if row is not None), {})


@reads("event")
def event_of(row: Row) -> Event:
    """A row of `event`."""
    created_at = time_of(row["created_at"])
    assert created_at is not None
    account_did = row["account_did"]
    several = row["account_dids"] and tuple(json.loads(row["account_dids"]))
    dids = several if account_did is None else (account_did,)
    data = json_of(row["data"], dict)
    return Event(row["id"], row["kind"], account_did, row["subject_id"], data, created_at, dids)
