"""Approvals: bound by a digest to what will be published, so that any edit voids them. An approval of a recurrence
covers every post that is made from exactly its template.

What lives here: approving and rejecting. What does not: what an approval covers (`approval_rules.py`, `templates.py`),
the claim that demands one of both (`claims.py`), and how people see what they approve (`app.approvals`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from skywrite.core.codes import name_of
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
from skywrite.queue.authors import Author, authors_of, authors_of_recurrence, written_by_nobody
from skywrite.queue.base import StoreBase, locked, repeated, update_ready
from skywrite.queue.changing import changed, edit_post, get_locked, get_post, why_fixed
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.events import EventKind, note_event, note_post_event
from skywrite.queue.journal import note_changed
from skywrite.queue.model import Changes, Post, Problem, Recurrence, Standing
from skywrite.queue.reading import UnreadableRow, json_of, object_with, readable, reads
from skywrite.queue.recurrences import unknown_recurrence
from skywrite.queue.rows import dump_json, post_of, problem_values, recurrence_of, settings_of
from skywrite.queue.templates import template_content, template_digest

_HELD_FOR_APPROVAL = (NOT_APPROVED, REJECTED, DRIFTED)


class Approval(NamedTuple):
    """A verdict on a post, or on a recurrence's template, as it was. An approval that a rejection followed is
    `withdrawn`.

    `content`: what the verdict covers; None for one from before that was kept. `texts`: those of a post.
    """

    id: int
    digest: str
    verdict: str
    by: str
    note: str
    created_at: datetime
    content: dict[str, Any] | None
    texts: tuple[str, ...] = ()


class _Subject(NamedTuple):
    """What can be approved: its name, what its authors did, and the queries about its verdicts."""

    name: str
    made: str
    number: str
    verdicts: str
    insert: str
    withdraw: str


_POST = _Subject("Post", "written", "post_id", "approvals_of_post", "insert_approval", "withdraw_approvals")
_RECURRENCE = _Subject(
    "Recurrence",
    "made",
    "recurrence_id",
    "approvals_of_recurrence",
    "insert_recurrence_approval",
    "withdraw_recurrence_approvals",
)


class _Verdict(NamedTuple):
    """What somebody says of a subject."""

    verdict: str
    by: str
    note: str
    now: datetime

    def put(self, tx: Transaction, subject: _Subject, number: int, digest: str, **covered: object) -> int:
        """Store it, with what it covers, and return its number. A rejection withdraws the approvals before it."""
        if self.verdict == "rejected":
            tx.run(subject.withdraw, **{subject.number: number})
        values = {"verdict": self.verdict, "by_name": self.by, "note": self.note or None, "now": self.now}
        columns = {name: dump_json(value) for name, value in covered.items()}
        row = tx.row(subject.insert, digest=digest, **{subject.number: number}, **values, **columns)
        assert row is not None
        return int(row["id"])

    def message(self) -> str:
        """In words."""
        return f"{self.verdict.capitalize()} by {self.by}{': ' if self.note else '.'}{self.note}"


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
            return readable(tx.rows(_POST.verdicts, post_id=post_id), _approval_of)

    def authors(self, post_id: int) -> list[Author]:
        """Everybody who wrote the post or changed it, where that is known."""
        with self._store.reading() as tx:
            return authors_of(tx, post_id)

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
            by_id = {}
            for post in posts:
                by = approvers.get((post.id, digest_of(post))) if post.id in looked_at else None
                if by is None and wants_approvals(settings[post.account_did]):
                    by = approver_of_template(tx, post)
                needs = self._needs(post, settings[post.account_did], by_agent=post.id in by_agents)
                by_id[post.id] = Standing(has_drifted(post) or (needs and by is None), by)
            return by_id

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
            _refuse_authors(_POST, post_id, who, authors_of(tx, post_id))
            if digest_of(as_approved(post, now, at)) != digest:
                raise _stale(_POST, post_id, "it was changed, or its time has passed", Do("posts.approve", post_id))
            if post.state == "draft":
                if at is None:
                    raise InputError(f"Post {post_id} has no time.", hint=Hint("Give it one: ", Do("argument", "at")))
                # Who gives a draft its time by approving it has written nothing of it, and may approve it again.
                with written_by_nobody():
                    edit_post(tx, post_id, Changes(due_at=at), now=now)
            elif post.state == "held" and post.problem is not None and post.problem.code in _HELD_FOR_APPROVAL:
                tx.run("schedule_post", id=post_id, was="held", now=now)
            approved = changed(tx, post)
            answer = self._put(tx, approved, _Verdict("approved", by, note, now))
            note_changed(tx, "approval", now, post, approved, approved=answer)
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
            rejection = _Verdict("rejected", by, note, now)
            hint = Hint("Change it and ask again: ", Do("posts.edit", post_id))
            problem = Problem(REJECTED, rejection.message(), hint)
            if post.state == "scheduled":
                tx.run("hold_post", id=post_id, now=now, **problem_values(problem))
            self._put(tx, post, rejection)
            note_post_event(tx, "approval.rejected", now, post, problem=problem)
            return changed(tx, post)

    def _put(self, tx: Transaction, post: Post, verdict: _Verdict) -> int:
        covered = {"content": content_of(post), "texts": texts_of(post)}
        return verdict.put(tx, _POST, post.id, digest_of(post), **covered)

    def post(self, post_id: int) -> Post:
        """The post, as the queue has it. Raises NotFound."""
        with self._store.reading() as tx:
            return get_post(tx, post_id)


class TemplateApprovals:
    """The approvals of a store's recurrences."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def of(self, recurrence_id: int) -> list[Approval]:
        """Every verdict on a recurrence, the latest first."""
        with self._store.reading() as tx:
            return readable(tx.rows(_RECURRENCE.verdicts, recurrence_id=recurrence_id), _template_approval_of)

    def is_approved(self, recurrence: Recurrence) -> bool:
        """Whether the template was approved as it is."""
        with self._store.reading() as tx:
            values = {"recurrence_id": recurrence.id, "digest": template_digest(recurrence)}
            return tx.row("recurrence_approval_with", **values) is not None

    def is_wanted(self, recurrence: Recurrence) -> bool:
        """Whether the account asks for an approval of what the recurrence posts, and there is none of the template."""
        with self._store.reading() as tx:
            account = tx.row("get_account", did=recurrence.account_did)
            assert account is not None
            authors = authors_of_recurrence(tx, recurrence.id)
        needed = needs_approval(settings_of(account), recurrence.source, authors)
        return recurrence.state == "active" and needed and not self.is_approved(recurrence)

    @repeated
    def approve(
        self, recurrence_id: int, digest: str, by: str, *, note: str = "", who: str | None = None
    ) -> Recurrence:
        """Approve the template that has this digest, and nothing else.

        `who`: the person or key that approves, where it is authenticated. Raises Conflict where the recurrence is
        another by now, NotAllowed, Conflict, NotFound.
        """
        now = self._store.clock.now()
        with self._store.writing() as tx:
            recurrence = _locked(tx, recurrence_id)
            if recurrence.state != "active":
                raise Conflict(
                    f"Recurrence {recurrence_id} has {recurrence.state}.",
                    code="post.wrong_state",
                    hint="Make another one.",
                )
            _refuse_authors(_RECURRENCE, recurrence_id, who, authors_of_recurrence(tx, recurrence_id))
            if template_digest(recurrence) != digest:
                again = Do("recurrences.approve", recurrence_id)
                raise _stale(_RECURRENCE, recurrence_id, "it was changed", again)
            self._put(tx, recurrence, _Verdict("approved", by, note, now))
            _note(tx, "approval.given", recurrence, f"Approved by {by}.", now)
            return recurrence

    @repeated
    def reject(self, recurrence_id: int, by: str, *, note: str = "") -> Recurrence:
        """Say no: earlier approvals of the template are withdrawn, and its scheduled posts are held, with the note."""
        now = self._store.clock.now()
        with self._store.writing() as tx:
            recurrence = _locked(tx, recurrence_id)
            rejection = _Verdict("rejected", by, note, now)
            hint = Hint("Change it and ask again: ", Do("recurrences.edit", recurrence_id))
            problem = Problem(REJECTED, rejection.message(), hint)
            self._put(tx, recurrence, rejection)
            for row in tx.rows("posts_of_recurrence", recurrence_id=recurrence_id):
                if post_of(row).is_free(now):
                    tx.run("hold_post", id=row["id"], now=now, **problem_values(problem))
            _note(tx, "approval.rejected", recurrence, problem.message, now)
            update_ready(tx, recurrence.account_did)
            return recurrence

    def _put(self, tx: Transaction, recurrence: Recurrence, verdict: _Verdict) -> None:
        digest = template_digest(recurrence)
        verdict.put(tx, _RECURRENCE, recurrence.id, digest, content=template_content(recurrence))


def _refuse_authors(subject: _Subject, number: int, who: str | None, authors: Sequence[Author]) -> None:
    """Authors cannot approve their own recurrences. Raises NotAllowed."""
    if who is not None and any(author.who == who for author in authors):
        raise NotAllowed(
            f"{subject.name} {number} was {subject.made} or changed by you.",
            code="approval.own_post",
            hint="Ask another person to approve it.",
        )


def _stale(subject: _Subject, number: int, why: str, again: Do) -> Conflict:
    return Conflict(
        f"{subject.name} {number} is not what you looked at: {why}. Nothing was approved.",
        code="approval.stale",
        hint=Hint("Check it again: ", again),
    )


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
            f"Post {post.id} is {why_fixed(post)}, so it cannot be {what}.",
            code="post.wrong_state",
            hint=Hint("See: ", Do("posts.get", post.id)),
        )


def _locked(tx: Transaction, recurrence_id: int) -> Recurrence:
    """The recurrence as it is once its account is locked: nobody changes it until the transaction ends."""
    row = tx.row("get_recurrence", id=recurrence_id)
    if row is not None:
        locked(tx, row["account_did"])
        row = tx.row("get_recurrence", id=recurrence_id)
    if row is None:
        raise unknown_recurrence(recurrence_id)
    return recurrence_of(row)


def _note(tx: Transaction, kind: EventKind, recurrence: Recurrence, message: str, now: datetime) -> None:
    code = NOT_APPROVED if kind == "approval.given" else REJECTED
    data = {
        "recurrence": recurrence.id,
        "text": str(recurrence.draft.get("text") or ""),
        "source": recurrence.source,
        "error": name_of(code),
        "code": code,
        "message": message,
    }
    note_event(tx, kind, now, data, account_did=recurrence.account_did)


@reads("approval")
def _approval_of(row: Row) -> Approval:
    texts = tuple(json_of(row["texts"], list))
    content = object_with(row["content"], "account", "late", "prepared") if row["content"] else None
    return _verdict_of(row, content)._replace(texts=texts)


@reads("recurrence_approval")
def _template_approval_of(row: Row) -> Approval:
    return _verdict_of(row, object_with(row["content"], "account", "late", "posts"))


def _verdict_of(row: Row, content: dict[str, Any] | None) -> Approval:
    created_at = time_of(row["created_at"])
    assert created_at is not None
    return Approval(row["id"], row["digest"], row["verdict"], row["by_name"], row["note"] or "", created_at, content)
