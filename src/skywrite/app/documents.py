"""How the values of the queue look as JSON, and what small operations report: one shape for each.

What lives here: functions for values that lower layers define (accounts, keys, recurrences, ...), and results that only
confirm what was done. What does not: reports that operations build (`reports`), results of posting (`results`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from skywrite.app.results import Entry, Sent, iso, messages, problem_dict
from skywrite.clock import to_iso
from skywrite.errors import Notice, SkywriteError
from skywrite.queue.model import Account, Recurrence, Slot

if TYPE_CHECKING:
    from skywrite.app.sessions import SessionFacts
    from skywrite.insight.receipts import Receipt
    from skywrite.publish.worker import Tally
    from skywrite.queue.actions import Action
    from skywrite.queue.api_keys import ApiKey
    from skywrite.queue.feed_model import Feed
    from skywrite.queue.follow_ups import FollowUp
    from skywrite.queue.inbox import InboxItem
    from skywrite.queue.notices import Channel
    from skywrite.queue.rekey import Resealed
    from skywrite.queue.timers import Timer, TimerOutcome
    from skywrite.queue.undo import Undone
    from skywrite.sources.post_file import FileProblem


def account_dict(account: Account) -> dict[str, Any]:
    """An account."""
    return {
        "did": account.did,
        "handle": account.handle,
        "pds": account.pds_url,
        "default": account.is_default,
        "state": account.state,
        "settings": account.settings,
    }


def slot_dict(slot: Slot) -> dict[str, Any]:
    """A weekly time."""
    return {"weekday": slot.weekday, "minute": slot.minute, "zone": slot.zone}


def command_dict(timer: Timer) -> dict[str, Any]:
    """A scheduled command, or a function of a program."""
    return {
        "id": timer.id,
        "kind": timer.kind,
        "name": timer.name,
        "rule": timer.rule,
        "zone": timer.zone,
        "next_at": iso(timer.next_at),
        "ran_at": iso(timer.ran_at),
        "outcome": timer.outcome,
        "error": problem_dict(timer.problem),
        "settings": dict(timer.settings),
    }


def channel_dict(channel: Channel) -> dict[str, Any]:
    """Where notices go."""
    return {"id": channel.id, "kind": channel.kind, **channel.config, "error": channel.error}


def inbox_dict(item: InboxItem) -> dict[str, Any]:
    """A reply, mention or quote."""
    times = {
        "indexed_at": to_iso(item.indexed_at),
        "snoozed_until": iso(item.snoozed_until),
        "answered_at": iso(item.answered_at),
    }
    return {**item._asdict(), **times}


def action_dict(action: Action) -> dict[str, Any]:
    """A repost or a pin."""
    times = {"due_at": to_iso(action.due_at), "until": iso(action.until), "done_at": iso(action.done_at)}
    return {**action._asdict(), **times}


def follow_up_dict(item: FollowUp) -> dict[str, Any]:
    """A reply or repost that waits until a post has so many likes."""
    return {**item._asdict(), "created_at": to_iso(item.created_at)}


def key_dict(key: ApiKey) -> dict[str, Any]:
    """An API key, without the key itself."""
    return {
        "id": key.id,
        "name": key.name,
        "shown": key.shown,
        "scopes": list(key.scopes),
        "accounts": None if key.accounts is None else list(key.accounts),
        "created_at": to_iso(key.created_at),
        "expires_at": iso(key.expires_at),
        "last_used_at": iso(key.last_used_at),
        "revoked_at": iso(key.revoked_at),
    }


def undone_dict(undone: Undone) -> dict[str, Any]:
    """A change that was taken back."""
    return {
        "verb": undone.operation,
        "posts": undone.posts,
        "ids": list(undone.ids),
        "made_at": to_iso(undone.made_at),
    }


def resealed_dict(resealed: Resealed) -> dict[str, int]:
    """How many values are under a new key."""
    return resealed._asdict()


def file_problem_dict(folder: Path, problem: FileProblem) -> dict[str, Any]:
    """What is wrong in a file of a folder."""
    return {
        "file": os.fspath(folder / problem.path),
        "line": problem.line,
        "error": problem.error,
        "message": problem.message,
        "hint": problem.hint,
    }


class LoggedOut(NamedTuple):
    """An account that was signed out."""

    account: Account

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"did": self.account.did, "handle": self.account.handle}


class CurrentAccount(NamedTuple):
    """An account with what is known about its session."""

    account: Account
    session: SessionFacts | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**account_dict(self.account), "session": self.session.as_dict() if self.session else None}


class NewKey(NamedTuple):
    """An API key that was made; `secret` is the key itself, shown only now."""

    key: ApiKey
    secret: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"key": self.secret, **key_dict(self.key)}


class RecurrenceStatus(NamedTuple):
    """A recurrence with its account's handle and its next times (none if its rule can no longer be read)."""

    recurrence: Recurrence
    account: str
    next_times: Sequence[datetime]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        recurrence = self.recurrence
        return {
            "id": recurrence.id,
            "state": recurrence.state,
            "account": self.account,
            "rule": recurrence.rule,
            "zone": recurrence.zone,
            "text": recurrence.draft.get("text", ""),
            "exceptions": recurrence.exceptions,
            "next": [to_iso(at) for at in self.next_times],
        }


class EditedRecurrence(NamedTuple):
    """A recurrence after a change, with warnings about it."""

    status: RecurrenceStatus
    warnings: Sequence[Notice]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**self.status.as_dict(), "warnings": messages(self.warnings)}


class StoppedRecurrence(NamedTuple):
    """A recurrence that was stopped, and how many of its waiting posts were cancelled."""

    id: int
    cancelled: int

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return self._asdict()


class OccurrenceChange(NamedTuple):
    """A recurrence, one occurrence of which was skipped or moved; `exceptions` are all that it has."""

    id: int
    exceptions: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return self._asdict()


class ChangedPost(NamedTuple):
    """One of the posts that were to be changed together, or why it was not changed."""

    id: int
    result: Entry | SkywriteError

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"id": self.id, **self.result.as_dict()}


class ShownPost(NamedTuple):
    """A post with its follow-ups."""

    entry: Entry
    follow_ups: Sequence[FollowUp]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**self.entry.as_dict(), "follow_ups": [follow_up_dict(item) for item in self.follow_ups]}


class ExportedRows(NamedTuple):
    """Rows that were written to a file."""

    rows: int
    path: Path

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"rows": self.rows, "path": str(self.path)}


class DeletedPost(NamedTuple):
    """A published post that was deleted."""

    uri: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"deleted": self.uri}


class RemovedFeed(NamedTuple):
    """A feed that was removed."""

    feed: Feed

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"id": self.feed.id, "url": self.feed.url}


class Removed(NamedTuple):
    """A scheduled command or a notice channel that was removed."""

    id: int

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"removed": self.id}


class TestedChannel(NamedTuple):
    """A notice channel to which a test was sent."""

    id: int

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"tested": self.id}


class InboxDone(NamedTuple):
    """Items of the inbox that were marked as done."""

    ids: Sequence[int]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"done": list(self.ids)}


class CalledFunction(NamedTuple):
    """A program's function that was called: its post, or None if it returned nothing."""

    sent: Sent | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON: always the fields of a sent post."""
        return self.sent.as_dict() if self.sent else dict.fromkeys(("id", "uri", "cid", "url", "warnings", "notices"))


class PostedCommand(NamedTuple):
    """A scheduled command that was run, and the posts that it made."""

    outcome: TimerOutcome
    sent: Sequence[Sent]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"outcome": self.outcome, "posts": [sent.as_dict() for sent in self.sent]}


class RunReport(NamedTuple):
    """What one run of the worker did, and how many posts are still due."""

    tally: Tally
    due_unpublished: int

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        tally = self.tally
        return {
            "published": tally.published,
            "retried": tally.retried,
            "failed": tally.failed,
            "held": tally.held,
            "skipped": tally.skipped,
            "due_unpublished": self.due_unpublished,
        }


class WrittenFile(NamedTuple):
    """A file that was written."""

    path: Path

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"file": str(self.path)}


class WrittenReceipt(NamedTuple):
    """A receipt that was written to a file."""

    path: Path
    receipt: Receipt

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"file": str(self.path), "uri": self.receipt.uri, "cid": self.receipt.cid}


class VerifiedReceipt(NamedTuple):
    """A receipt that is valid; `key` says what the public directory says about its key."""

    receipt: Receipt
    key: str

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        receipt = self.receipt
        return {"valid": True, "uri": receipt.uri, "cid": receipt.cid, "rev": receipt.rev, "key": self.key}


class WrittenClient(NamedTuple):
    """An OAuth client whose files were written. `keys` are the ids of its keys, after a rotation."""

    client_id: str
    files: Sequence[Path]
    keys: Sequence[str] | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        keys = {} if self.keys is None else {"keys": list(self.keys)}
        return {"client_id": self.client_id, **keys, "files": [str(path) for path in self.files]}


class ChosenClient(NamedTuple):
    """The OAuth client of new sign-ins; None is the loopback client."""

    client_id: str | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return self._asdict()
