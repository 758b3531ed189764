"""The journal of changes: what users recently did to posts, with the previous values, recorded in the same transaction.
Changes by workers are not recorded.

What does not live here: undoing a change (`undo.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from skywrite.core.clock import secret_bytes
from skywrite.core.errors import Do, Hint
from skywrite.queue.authors import current_author, is_unattended
from skywrite.queue.database import Transaction
from skywrite.queue.model import AddResult, Post
from skywrite.queue.rows import dump_json, problem_values

CHANGES_KEPT = 1000
_batch: ContextVar[str | None] = ContextVar("skywrite_batch", default=None)


@contextmanager
def together() -> Iterator[str]:
    """Changes by this thread inside the `with` block are undone together. Gives the name of all of them."""
    name = secret_bytes(16).hex()
    token = _batch.set(name)
    try:
        yield name
    finally:
        _batch.reset(token)


def media_of(tx: Transaction, post_id: int) -> list[str]:
    """The CIDs of the bytes that a post needs."""
    return [row["cid"] for row in tx.rows("media_of_post", post_id=post_id)]


def note_changed(
    tx: Transaction,
    operation: str,
    now: datetime,
    before: Post,
    after: Post,
    media: Sequence[str] | None = None,
    approved: int | None = None,
) -> None:
    """Record that a post was changed, in the same transaction; `media` is what it needed before, if that changed, and
    `approved` the number of an approval that it got.
    """
    content = {
        "id": before.id,
        "version": after.version,
        "version_before": before.version,
        "state": before.state,
        "due_at": before.due_at and before.due_at.isoformat(),
        "attempt_at": before.attempt_at and before.attempt_at.isoformat(),
        "draft": before.draft,
        "prepared": before.prepared,
        "late": [before.late_policy, before.late_seconds],
        "problem": problem_values(before.problem),
        "media": None if media is None else list(media),
        "approved": approved,
    }
    _note(tx, operation, now, content)


def note_added(
    tx: Transaction, operation: str, now: datetime, results: Sequence[AddResult], recurrences: Sequence[int] = ()
) -> None:
    """Record that posts were stored, in the same transaction."""
    runs = _runs([result.id for result in results if not result.existed])
    if runs or recurrences:
        _note(tx, operation, now, {"added": runs, "recurrences": list(recurrences)})


def note_final(tx: Transaction, what: str, now: datetime, way_back: Hint | None = None) -> None:
    """Record that a user did what cannot be undone, so that undoing does not reach what was done before it.

    `way_back`: what to do instead.
    """
    parts = [] if way_back is None else [list(part) if isinstance(part, Do) else part for part in way_back.parts]
    _note(tx, what, now, {"final": True, "way_back": parts})


def way_back_of(content: Mapping[str, Any]) -> tuple[str | Do, ...]:
    """The parts of the hint that `note_final` recorded."""
    return tuple(part if isinstance(part, str) else Do(*part) for part in content.get("way_back", ()))


def _note(tx: Transaction, operation: str, now: datetime, content: Mapping[str, Any]) -> None:
    signed = {**content, "by": author_name(), "unattended": is_unattended()}
    row = tx.row("insert_change", now=now, verb=operation, batch=_batch.get(), content=dump_json(signed))
    assert row is not None
    tx.run("forget_changes", last=int(row["id"]) - CHANGES_KEPT)


def author_name() -> str | None:
    """Who changes something now: a person on the page or a key; None at the command line and in programs."""
    author = current_author()
    return None if author is None else author.who


def _runs(ids: Sequence[int]) -> list[list[int]]:
    """Numbers as runs of neighbours, first and last."""
    runs: list[list[int]] = []
    for number in sorted(ids):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return runs
