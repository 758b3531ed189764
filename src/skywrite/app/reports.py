"""What the operations of other nouns than posts return.

What does not live here: results of posting (`results`), and how all of it looks as JSON (`shapes`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from skywrite.app.results import Ready, Sent
from skywrite.core.errors import Do, Hint, InputError, Notice, SkywriteError
from skywrite.queue.model import Account, Recurrence

if TYPE_CHECKING:
    from skywrite.queue.timers import TimerResult


class LoggedIn(NamedTuple):
    """An account that was signed in."""

    account: Account
    warnings: list[Notice]


class RecurrenceStatus(NamedTuple):
    """A recurrence with its account's handle and its next times (none if its rule can no longer be read)."""

    recurrence: Recurrence
    account: str
    next_times: Sequence[datetime]


class RowReport(NamedTuple):
    """The result for one row: the number and time of its post, what was `sent` at once, or what is wrong.

    `existed`: its post already exists, so nothing was added. `account` is the handle, `zone` the one to show the time
    in, `draft` the post as stored, and `rule` the text of a recurrence; they are empty if the row is wrong.
    """

    row: int
    id: int | None = None
    due_at: datetime | None = None
    existed: bool = False
    warnings: tuple[Notice, ...] = ()
    error: SkywriteError | None = None
    sent: Sent | None = None
    recurrence_id: int | None = None
    account: str = ""
    zone: str = ""
    draft: Mapping[str, Any] = MappingProxyType({})
    rule: str = ""


FileAction = Literal[
    "scheduled", "edited", "cancelled", "unchanged", "published", "missed", "draft", "kept", "busy", "wrong"
]
CHANGES: tuple[FileAction, ...] = ("scheduled", "edited", "cancelled")


@dataclass(frozen=True, slots=True)
class FileReport:
    """The result for one file. scheduled, edited, cancelled: the queue was changed. unchanged: nothing to do.
    published: it is on the network, and left alone. missed: its time had passed when it was first seen. draft: the file
    says so. kept: the file is gone, but its post was to be kept. busy: its post is being published right now. wrong:
    see `error`.
    """

    path: str
    action: FileAction
    id: int | None = None
    due_at: datetime | None = None
    uri: str | None = None
    warnings: tuple[Notice, ...] = ()
    error: SkywriteError | None = None
    line: int | None = None


DraftAction = Literal["pulled", "updated", "unchanged", "yours", "empty", "wrong"]


@dataclass(frozen=True, slots=True)
class PulledDraft:
    """The result for one draft of the app. pulled: new here. updated: changed in the app, so updated here. unchanged:
    nothing to do. yours: changed in the app, but also here (edited, scheduled, cancelled, published), so it was left
    alone. empty: it contains only media, which stay on their device. wrong: see `error`.

    `notes` say what could not be copied.
    """

    id: str
    action: DraftAction
    text: str = ""
    post_id: int | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[Notice, ...] = ()
    error: SkywriteError | None = None


@dataclass(frozen=True, slots=True)
class TriedCommand:
    """A trial run of a command: what it printed, and what would be posted."""

    printed: str
    posts: tuple[Ready, ...]


class CommandRun(NamedTuple):
    """An extra run of a command: its result, and the numbers of its posts, which are due now."""

    result: TimerResult
    post_ids: list[int]


_PARTIAL = Do("argument", "partial")


class ImportFailed(InputError):
    """Some rows of an import are wrong; nothing was imported."""

    code = "import.failed"


def check_reports(reports: list[RowReport], *, can_skip: bool = False) -> None:
    """Raise ImportFailed if a row is wrong. `can_skip`: the caller may import only the others (`partial`)."""
    wrong = [report for report in reports if report.error]
    if wrong:
        error = wrong[0].error
        assert error is not None
        parts = error.hint.parts if isinstance(error.hint, Hint) else (error.hint,)
        if can_skip and len(wrong) < len(reports):
            parts = (*parts, " Import only the others: " if error.hint else "Import only the others: ", _PARTIAL)
        raise ImportFailed(
            f"{len(wrong)} of {len(reports)} rows are wrong, so nothing was imported. "
            f"Row {wrong[0].row}: {error.message}",
            hint=Hint(*parts),
        )
