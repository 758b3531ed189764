"""What commands say that they did, where no value of the queue says it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from skywrite.app.reports import TriedCommand
from skywrite.app.results import Sent
from skywrite.app.shapes.base import ErrorShape, Output, problem_shape, shaped
from skywrite.app.shapes.posts import PreviewShape, preview_shape
from skywrite.posting.publish.worker import Tally
from skywrite.posting.receipts import Receipt
from skywrite.queue.rekey import Resealed
from skywrite.queue.timers import Timer
from skywrite.queue.undo import Undone


class CommandShape(Output):
    """A scheduled command, or a function of a program."""

    id: int
    kind: str
    name: str
    rule: str
    zone: str
    next_at: datetime | None
    ran_at: datetime | None
    outcome: str | None
    error: ErrorShape | None
    settings: dict[str, Any]


class TriedShape(Output):
    """A trial run of a command: what it printed, and what would be posted."""

    printed: str
    posts: list[PreviewShape]


class PostedCommand(Output):
    """A scheduled command that was run, and the posts that it made."""

    outcome: str
    posts: list[dict[str, Any]]


class UndoneShape(Output):
    """A change that was taken back: what it was, of how many posts, the first few of them, and which are held because
    their time had passed.
    """

    verb: str
    posts: int
    ids: list[int]
    made_at: datetime
    held: list[int]


class RunShape(Output):
    """What one run of the worker did, and how many posts are still due."""

    published: int
    retried: int
    failed: int
    held: int
    skipped: int
    due_unpublished: int


class ExportedRows(Output):
    """Rows that were written to a file."""

    rows: int
    path: str


class WrittenFile(Output):
    """A file that was written."""

    file: str


class WrittenReceipt(Output):
    """A receipt that was written to a file."""

    file: str
    uri: str
    cid: str


class VerifiedReceipt(Output):
    """A receipt that is valid; `key` says what the public directory says about its key."""

    valid: bool
    uri: str
    cid: str
    rev: str
    key: str


class DeletedPost(Output):
    """A published post that was deleted."""

    deleted: str


class Removed(Output):
    """A scheduled command or a notice channel that was removed."""

    removed: int


class Version(Output):
    """The version of Skywrite that is running."""

    version: str


class TestedChannel(Output):
    """A notice channel to which a test was sent."""

    tested: int


class InboxDone(Output):
    """Items of the inbox that were marked as done."""

    done: list[int]


class BotSaid(Output):
    """Whether an account says that it is a bot."""

    account: str
    bot: bool


class FilesWritten(Output):
    """Files that were written."""

    written: list[str]


class ResealedShape(Output):
    """How many values are under a new key."""

    sessions: int
    secrets: int
    webhooks: int
    commands: int


class WrittenClient(Output):
    """An OAuth client whose files were written."""

    client_id: str
    files: list[str]


class TurnedClient(Output):
    """An OAuth client whose keys were rotated: the ids of its keys, and the files that were written."""

    client_id: str
    keys: list[str]
    files: list[str]


class ChosenClient(Output):
    """The OAuth client of new sign-ins; null is the loopback client."""

    client_id: str | None


def command_shape(timer: Timer) -> CommandShape:
    """A command as JSON."""
    values = {"error": problem_shape(timer.problem), "settings": dict(timer.settings)}
    return shaped(CommandShape, {**timer._asdict(), **values})


def tried_shape(tried: TriedCommand) -> TriedShape:
    """A trial run as JSON."""
    return TriedShape(tried.printed, [preview_shape(ready) for ready in tried.posts])


def posted_command(outcome: str, sent: Iterable[Sent]) -> PostedCommand:
    """A command that was run, as JSON."""
    return PostedCommand(outcome, [item.as_dict() for item in sent])


def called_function(sent: Sent | None) -> dict[str, Any]:
    """A program's function that was called: its post, or null everywhere if it returned nothing."""
    return sent.as_dict() if sent else dict.fromkeys(("id", "uri", "cid", "url", "warnings", "notices"))


def undone_shape(undone: Undone) -> UndoneShape:
    """A change that was taken back, as JSON."""
    return UndoneShape(undone.operation, undone.posts, list(undone.ids), undone.made_at, list(undone.held))


def resealed_shape(resealed: Resealed) -> ResealedShape:
    """How many values are under a new key, as JSON."""
    return ResealedShape(*resealed)


def run_shape(tally: Tally, due_unpublished: int) -> RunShape:
    """A run of the worker as JSON."""
    return RunShape(tally.published, tally.retried, tally.failed, tally.held, tally.skipped, due_unpublished)


def written_receipt(path: Path, receipt: Receipt) -> WrittenReceipt:
    """A receipt in a file, as JSON."""
    return WrittenReceipt(str(path), receipt.uri, receipt.cid)


def verified_receipt(receipt: Receipt, key: str) -> VerifiedReceipt:
    """A valid receipt as JSON."""
    return VerifiedReceipt(True, receipt.uri, receipt.cid, receipt.rev, key)


def written_client(client_id: str, files: Sequence[Path]) -> WrittenClient:
    """A client whose files were written, as JSON."""
    return WrittenClient(client_id, [str(path) for path in files])


def turned_client(client_id: str, keys: Iterable[str], files: Sequence[Path]) -> TurnedClient:
    """A client whose keys were rotated, as JSON."""
    return TurnedClient(client_id, list(keys), [str(path) for path in files])
