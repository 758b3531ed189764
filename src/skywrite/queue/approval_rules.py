"""What an approval covers, and which posts need one.

What lives here: the digest, the rule, and the check in a claim. What does not: approving and rejecting
(`approvals.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from skywrite.core.digits import row_number
from skywrite.core.errors import Do, Hint
from skywrite.queue.authors import Author, authors_of
from skywrite.queue.database import Row, Transaction
from skywrite.queue.events import note_event
from skywrite.queue.model import NewPost, Post, Problem
from skywrite.queue.rows import post_of, settings_of
from skywrite.queue.templates import template_of

SETTING = "approval"
# What a bot answers is looked at first, unless this setting says that it was let go on: not on trial, nor while it is
# paused, when what it has queued waits, too.
ANSWERS, TRIAL, LET_GO, ANSWER_SOURCE = "answers", "trial", "on", "answer"
AGENT_SOURCES = ("api", "mcp")
# Where posts come from; those that a person made by hand have none.
SOURCES = (
    *("api", "mcp", "page", "now", "import", "feed", "folder"),
    *("command", "function", "hook", "inbox", ANSWER_SOURCE, "drafts", "follow-up", "demo"),
)
# Sources of which there are several, by name: `import:plan.csv`. Feeds have numbers: `feed:3`.
_NAMED = ("folder", "import", "hook")
NOT_APPROVED = "post.not_approved"
REJECTED = "post.rejected"
DRIFTED = "post.drifted"


def digest_of(post: Post) -> str:
    """The SHA-256 of what will be published and when: records, blobs, card, gates, account, due time and lateness."""
    # Imported here, because most posts need no approval.
    from hashlib import sha256

    return sha256(json.dumps(content_of(post), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def content_of(post: Post) -> dict[str, Any]:
    """What an approval of a post covers."""
    return {
        "account": post.account_did,
        "due": post.due_at and post.due_at.isoformat(),
        "late": [post.late_policy, post.late_seconds],
        "prepared": {name: value for name, value in post.prepared.items() if value is not None},
    }


def texts_of(post: Post) -> list[str]:
    """The texts of a post and its thread, as they will be published."""
    return [str(record.get("text", "")) for record in post.prepared.get("records", ())] or [post.text]


def needs_approval(settings: Mapping[str, Any], source: str | None, authors: Sequence[Author] = ()) -> bool:
    """Whether an account requires approval of a post from this source, by these authors."""
    if source == ANSWER_SOURCE and settings.get(ANSWERS) != LET_GO:
        return True
    stored = settings.get(SETTING)
    if stored is None:
        return False
    asked = approval_words([stored] if isinstance(stored, str) else stored)
    if asked is None or asked == "all":
        return True
    by_agent = source in AGENT_SOURCES or any(author.agent for author in authors)
    if asked == "agents":
        return by_agent
    names = () if source is None else (source, source.partition(":")[0])
    return any(name in asked for name in names) or ("agents" in asked and by_agent)


def wants_approvals(settings: Mapping[str, Any]) -> bool:
    """Whether an account requires approval of any post."""
    return settings.get(SETTING) is not None or settings.get(ANSWERS) not in (None, LET_GO)


def approval_words(words: Any) -> str | list[str] | None:
    """What the words of the setting say: `all`, `agents`, or sources; None if they say nothing.

    What nobody can read requires approval of every post: a gate that does not understand its orders stays shut.
    """
    if not isinstance(words, list | tuple) or not words or not all(map(_is_word, words)):
        return None
    if "all" in words:
        return "all"
    unique = list(dict.fromkeys(words))
    return "agents" if unique == ["agents"] else unique


def _is_word(word: object) -> bool:
    if not isinstance(word, str):
        return False
    kind, colon, which = word.partition(":")
    if colon:
        if kind == "feed":
            return row_number(which) is not None and which == str(int(which))
        return kind in _NAMED and bool(which.strip()) and which.isprintable()
    return word in ("all", "agents", *SOURCES)


def demanded_digest(tx: Transaction, settings: Mapping[str, Any], post: Post, now: datetime) -> str:
    """The digest that must be approved before a post may be claimed; "" if its account requires none.

    A post that may be on the network was approved before its first attempt, and must be settled.
    """
    if not (wants_approvals(settings) or post.source == ANSWER_SOURCE) or not post.is_free(now):
        return ""
    return digest_of(post) if needs_approval(settings, post.source, authors_of(tx, post.id)) else ""


def is_approved(tx: Transaction, post: Post, digest: str) -> bool:
    """Whether exactly this was approved, or the template that exactly this comes from."""
    return tx.row("approval_with", post_id=post.id, digest=digest) is not None or bool(covering_template(tx, post))


def covering_template(tx: Transaction, post: Post) -> str:
    """The digest of the approved template that covers a post as it is now; "" where none does."""
    return _covered(tx, post)[0]


def approver_of_template(tx: Transaction, post: Post) -> str | None:
    """Who approved the template that covers a post as it is now; None where none does."""
    return _covered(tx, post)[1]


def _covered(tx: Transaction, post: Post) -> tuple[str, str | None]:
    template = template_of(tx, post)
    values = {"recurrence_id": post.recurrence_id, "post_id": post.id, "template": template}
    row = tx.row("template_covers", **values) if template else None
    return ("", None) if row is None else (template, row["by_name"])


def has_drifted(post: Post) -> bool:
    """Whether it is held because a mention means somebody else than when it was approved."""
    return post.state == "held" and post.problem is not None and post.problem.code == DRIFTED


def not_approved(post: Post) -> Problem:
    """Why a due post is held."""
    hint = Hint("See it and approve it: ", Do("posts.approve", post.id), ". Drop it: ", Do("posts.cancel", post.id))
    if post.recurrence_id is not None:
        whole = Do("recurrences.approve", post.recurrence_id)
        hint = Hint(*hint.parts, ". Approve all that are still to come: ", whole)
    return Problem(NOT_APPROVED, "This version has not been approved.", hint)


def ask_for_approvals(
    tx: Transaction, accounts: Mapping[str, Row], posts: Sequence[tuple[int, NewPost]], now: datetime
) -> None:
    """Record which added posts need an approval: one event for a post, or for many posts of an account."""
    for did, row in accounts.items():
        settings = settings_of(row)
        if not wants_approvals(settings):
            continue
        pairs = [
            (post_id, post)
            for post_id, post in posts
            if post.account_did == did
            and post.due_at is not None
            and needs_approval(settings, post.source, authors_of(tx, post_id))
            and not covering_template(tx, _stored(tx, post_id))
        ]
        if pairs:
            first_id, first = pairs[0]
            data = {"id": first_id, "text": str(first.draft.get("text") or ""), "posts": len(pairs)}
            note_event(tx, "approval.requested", now, data, account_did=did, subject_id=first_id)


def _stored(tx: Transaction, post_id: int) -> Post:
    row = tx.row("get_post", id=post_id)
    assert row is not None
    return post_of(row)
