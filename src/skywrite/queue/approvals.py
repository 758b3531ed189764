"""Approvals: bound by a digest to what will be published, so that any edit voids them.

What lives here: approving and rejecting. What does not: what an approval covers (`approval_rules.py`), the claim that
demands it (`claims.py`), and how people see what they approve (`app.approvals`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from skywrite.core.errors import Conflict, Do, Hint, InputError, NotAllowed
from skywrite.queue.approval_rules import (
    AGENT_SOURCES,
    DRIFTED,
    NOT_APPROVED,
    REJECTED,
    SETTING,
    approver_of_template,
    content_of,
    digest_of,
    has_drifted,
    needs_approval,
    texts_of,
    wants_approvals,
)
from skywrite.queue.authors import Author, authors_of
from skywrite.queue.base import StoreBase, repeated
from skywrite.queue.changing import changed, edit_post, get_locked, get_post, why_fixed
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.events import note_post_event
from skywrite.queue.model import Changes, Post, Problem, Standing
from skywrite.queue.reading import UnreadableRow, json_of, object_with, readable, reads
from skywrite.queue.rows import dump_json, problem_values, settings_of

_HELD_FOR_APPROVAL = (NOT_APPROVED, REJECTED, DRIFTED)


class Approval(NamedTuple):
    """A verdict on a post as it was. An approval that a rejection followed is `withdrawn`.

    `content`: what the verdict covers; None for one from before that was kept.
    """

    id: int
    post_id: int
    digest: str
    verdict: str
    by: str
    note: str
    texts: tuple[str, ...]
    created_at: datetime
    content: dict[str, Any] | None = None


def as_approved(post: Post, now: datetime, at: datetime | None = None) -> Post:
    """The post as it will be after approval: with its time, or due now if that has passed."""
    if post.state == "draft":
        return post._replace(due_at=at)
    if post.state == "held" and (post.due_at is None or post.due_at <= now):
        return post._replace(late_policy="publish", late_seconds=None)
    return post


class Approvals:
    """The approvals of a store."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def of(self, post_id: int) -> list[Approval]:
        """All verdicts on a post, the latest first."""
        with self._store.reading() as tx:
            return readable(tx.rows("approvals_of_post", post_id=post_id), _approval_of)

    def standing(self, post: Post) -> Standing:
        """Whether the post waits for an approval, or who gave it."""
        return self.standings([post])[post.id]

    def standings(self, posts: Sequence[Post]) -> dict[int, Standing]:
        """The same for many posts, by their numbers."""
        items = json.dumps([{"id": post.id} for post in posts])
        with self._store.reading() as tx:
            by_agents = {row["post_id"] for row in tx.rows("written_by_agents", items=items)}
            approvers: dict[tuple[int, str], str] = {}
            for row in tx.rows("approvals_of_posts", items=items):
                approvers.setdefault((row["post_id"], row["digest"]), row["by_name"])
            looked_at = {post_id for post_id, _ in approvers}
            settings = {did: _settings(tx, did) for did in {post.account_did for post in posts}}
            found = {}
            for post in posts:
                by = approvers.get((post.id, digest_of(post))) if post.id in looked_at else None
                if by is None and wants_approvals(settings[post.account_did]):
                    by = approver_of_template(tx, post)
                needs = self._needs(post, settings[post.account_did], by_agent=post.id in by_agents)
                found[post.id] = Standing(has_drifted(post) or (needs and by is None), by)
            return found

    def _needs(self, post: Post, settings: Mapping[str, Any], *, by_agent: bool) -> bool:
        """Whether an approval stands between the post and the network, whoever has given it."""
        if post.state == "draft":
            return by_agent or post.source in AGENT_SOURCES
        authors = [Author("", agent=True)] if by_agent else []
        is_open = post.state in ("scheduled", "held") and post.is_free(self._store.clock.now())
        return is_open and needs_approval(settings, post.source, authors)

    @repeated
    def approve(
        self,
        post_id: int,
        digest: str,
        by: str,
        *,
        at: datetime | None = None,
        note: str = "",
        who: str | None = None,
    ) -> Post:
        """Approve exactly what has this digest.

        A draft is scheduled, and a post held for approval is released. `at`: the time of a draft. `who`: the
        authenticated person or key that approves. Raises Conflict if the post has changed or has another state,
        NotAllowed, NotFound.
        """
        now = self._store.clock.now()
        with self._store.writing() as tx:
            post = get_locked(tx, post_id)
            _check_open(post, "approved")
            if who is not None and any(author.who == who for author in authors_of(tx, post_id)):
                raise NotAllowed(
                    f"Post {post_id} was written or changed by you.",
                    code="approval.own_post",
                    hint="Ask somebody else to approve it.",
                )
            if digest_of(as_approved(post, now, at)) != digest:
                raise Conflict(
                    f"Post {post_id} is not what you looked at: it was changed, or its time has passed. "
                    "Nothing was approved.",
                    code="approval.stale",
                    hint=Hint("Check it again: ", Do("posts.approve", post_id)),
                )
            if post.state == "draft":
                if at is None:
                    raise InputError(f"Post {post_id} has no time.", hint=Hint("Give it one: ", Do("argument", "at")))
                edit_post(tx, post_id, Changes(due_at=at), now=now)
            elif post.state == "held" and post.problem is not None and post.problem.code in _HELD_FOR_APPROVAL:
                tx.run("schedule_post", id=post_id, was="held", now=now)
            approved = changed(tx, post)
            self._insert(tx, approved, digest_of(approved), "approved", by, note, now)
            note_post_event(tx, "approval.given", now, approved, problem=Problem(NOT_APPROVED, f"Approved by {by}."))
            return approved

    @repeated
    def reject(self, post_id: int, by: str, *, note: str = "") -> Post:
        """Reject a post: earlier approvals are withdrawn, and a scheduled post is held, with the note."""
        now = self._store.clock.now()
        with self._store.writing() as tx:
            post = get_locked(tx, post_id)
            _check_open(post, "rejected")
            if not post.is_free(now):
                raise Conflict(f"Post {post_id} is {why_fixed(post)}, so it is too late.", code="post.wrong_state")
            said = f"Rejected by {by}{': ' if note else '.'}{note}"
            hint = Hint("Change it and ask again: ", Do("posts.edit", post_id))
            problem = Problem(REJECTED, said, hint)
            if post.state == "scheduled":
                tx.run("hold_post", id=post_id, now=now, **problem_values(problem))
            tx.run("withdraw_approvals", post_id=post_id)
            self._insert(tx, post, digest_of(post), "rejected", by, note, now)
            note_post_event(tx, "approval.rejected", now, post, problem=problem)
            return changed(tx, post)

    def _insert(
        self, tx: Transaction, post: Post, digest: str, verdict: str, by: str, note: str, now: datetime
    ) -> None:
        values = {"verdict": verdict, "by_name": by, "note": note or None, "texts": dump_json(texts_of(post))}
        content = dump_json(content_of(post))
        tx.run("insert_approval", post_id=post.id, digest=digest, content=content, now=now, **values)

    def post(self, post_id: int) -> Post:
        """The post, as the queue has it. Raises NotFound."""
        with self._store.reading() as tx:
            return get_post(tx, post_id)


def _settings(tx: Transaction, did: str) -> dict[str, Any]:
    """The settings of an account; those that nobody can read ask for every approval."""
    row = tx.row("get_account", did=did)
    try:
        return {} if row is None else settings_of(row)
    except UnreadableRow:
        return {SETTING: "all"}


def _check_open(post: Post, what: str) -> None:
    if post.state not in ("draft", "scheduled", "held"):
        raise Conflict(
            f"Post {post.id} is {post.state}, so it cannot be {what}.",
            code="post.wrong_state",
            hint=Hint("See: ", Do("posts.get", post.id)),
        )


@reads("approval")
def _approval_of(row: Row) -> Approval:
    created_at = time_of(row["created_at"])
    assert created_at is not None
    return Approval(
        id=row["id"],
        post_id=row["post_id"],
        digest=row["digest"],
        verdict=row["verdict"],
        by=row["by_name"],
        note=row["note"] or "",
        texts=tuple(json_of(row["texts"], list)),
        created_at=created_at,
        content=object_with(row["content"], "account", "late", "prepared") if row["content"] else None,
    )
