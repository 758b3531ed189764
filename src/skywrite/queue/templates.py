"""A recurrence's template, as one approval covers it, and the occurrences that come from exactly that template.

What lives here: what a template is, its digest, and the comparison of an occurrence with it. What does not: giving an
approval (`approvals.py`), and the claim that demands one (`claims.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from skywrite.queue.database import Transaction
from skywrite.queue.model import NewPost, Post, Recurrence
from skywrite.queue.rows import recurrence_of


def template_content(recurrence: Recurrence) -> dict[str, Any]:
    """What an approval of a recurrence covers: what it publishes, for whom, when, and what happens if it is late.

    Single occurrences that are skipped or moved are not part of it: fewer posts need no approval, and one that was
    moved needs its own.
    """
    return {
        "account": recurrence.account_did,
        "rule": recurrence.rule,
        "zone": recurrence.zone,
        "starts": recurrence.starts_at and recurrence.starts_at.isoformat(),
        "until": recurrence.until and recurrence.until.isoformat(),
        "jitter": recurrence.jitter_seconds,
        "late": [recurrence.late_policy, recurrence.late_seconds],
        "posts": [_bare(prepared) for prepared in _prepared(recurrence)],
    }


def template_digest(recurrence: Recurrence) -> str:
    """The SHA-256 of that."""
    # Not on the path of a post that comes once.
    from hashlib import sha256

    return sha256(json.dumps(template_content(recurrence), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def comes_from(post: Post, recurrence: Recurrence) -> bool:
    """Whether a post is what the template says: one of its posts, at its own time, with its lateness."""
    if post.occurrence is None or post.due_at is None or post.recurrence_id != recurrence.id:
        return False
    latest = post.occurrence + timedelta(seconds=recurrence.jitter_seconds)
    return (
        post.account_did == recurrence.account_did
        and post.occurrence <= post.due_at <= latest
        and (post.late_policy, post.late_seconds) == (recurrence.late_policy, recurrence.late_seconds)
        and _bare(post.prepared) in [_bare(prepared) for prepared in _prepared(recurrence)]
    )


def template_of(tx: Transaction, post: Post) -> str:
    """The digest of the template that a post comes from as it is now; "" where it comes from none."""
    row = None if post.recurrence_id is None else tx.row("get_recurrence", id=post.recurrence_id)
    if row is None:
        return ""
    recurrence = recurrence_of(row)
    return template_digest(recurrence) if comes_from(post, recurrence) else ""


def note_templates(tx: Transaction, posts: Iterable[tuple[int, NewPost]]) -> None:
    """Note from which templates new posts are made."""
    digests: dict[int, str] = {}
    for post_id, post in posts:
        number = post.recurrence_id
        if number is None:
            continue
        if number not in digests:
            row = tx.row("get_recurrence", id=number)
            digests[number] = "" if row is None else template_digest(recurrence_of(row))
        if digests[number]:
            tx.run("insert_occurrence_template", post_id=post_id, digest=digests[number])


def _prepared(recurrence: Recurrence) -> list[Mapping[str, Any]]:
    return [item["prepared"] for item in recurrence.pool if "prepared" in item] or [recurrence.prepared]


def _bare(prepared: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in prepared.items() if value is not None}
