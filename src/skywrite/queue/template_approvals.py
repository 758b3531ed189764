"""Approvals of recurrences: one for a template, which covers every post that is made from exactly that template.

What lives here: giving and refusing one. What does not: what it covers (`templates.py`), approvals of single posts
(`approvals.py`), and the claim that demands one of both (`claims.py`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from skywrite.core.codes import name_of
from skywrite.core.errors import Conflict, Do, Hint, NotAllowed
from skywrite.queue.approval_rules import NOT_APPROVED, REJECTED, needs_approval
from skywrite.queue.authors import authors_of_recurrence
from skywrite.queue.base import StoreBase, repeated
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.events import EventKind, note_event
from skywrite.queue.model import Problem, Recurrence
from skywrite.queue.reading import object_with, readable, reads
from skywrite.queue.recurrences import unknown_recurrence
from skywrite.queue.rows import dump_json, post_of, problem_values, recurrence_of, settings_of
from skywrite.queue.steps import locked, update_ready
from skywrite.queue.templates import template_content, template_digest


class TemplateApproval(NamedTuple):
    """A verdict on a recurrence's template as it was. An approval that a rejection followed is `withdrawn`."""

    id: int
    recurrence_id: int
    digest: str
    verdict: str
    by: str
    note: str
    content: dict[str, Any]
    created_at: datetime


class TemplateApprovals:
    """The approvals of a store's recurrences."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store
        # What `repeated` looks for.

    def of(self, recurrence_id: int) -> list[TemplateApproval]:
        """Every verdict on a recurrence, the latest first."""
        with self._store.reading() as tx:
            return readable(tx.rows("approvals_of_recurrence", recurrence_id=recurrence_id), _approval_of)

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
            if who is not None and any(author.who == who for author in authors_of_recurrence(tx, recurrence_id)):
                raise NotAllowed(
                    f"Recurrence {recurrence_id} was made or changed by you.",
                    code="approval.own_post",
                    hint="Ask somebody else to approve it.",
                )
            if template_digest(recurrence) != digest:
                raise Conflict(
                    f"Recurrence {recurrence_id} is not what you looked at: it was changed. Nothing was approved.",
                    code="approval.stale",
                    hint=Hint("Check it again: ", Do("recurrences.approve", recurrence_id)),
                )
            self._insert(tx, recurrence, "approved", by, note, now)
            _note(tx, "approval.given", recurrence, f"Approved by {by}.", now)
            return recurrence

    @repeated
    def reject(self, recurrence_id: int, by: str, *, note: str = "") -> Recurrence:
        """Say no: earlier approvals of the template are withdrawn, and its scheduled posts are held, with the note."""
        now = self._store.clock.now()
        with self._store.writing() as tx:
            recurrence = _locked(tx, recurrence_id)
            said = f"Rejected by {by}{': ' if note else '.'}{note}"
            hint = Hint("Change it and ask again: ", Do("recurrences.edit", recurrence_id))
            tx.run("withdraw_recurrence_approvals", recurrence_id=recurrence_id)
            self._insert(tx, recurrence, "rejected", by, note, now)
            for row in tx.rows("posts_of_recurrence", recurrence_id=recurrence_id):
                if post_of(row).is_free(now):
                    tx.run("hold_post", id=row["id"], now=now, **problem_values(Problem(REJECTED, said, hint)))
            _note(tx, "approval.rejected", recurrence, said, now)
            update_ready(tx, recurrence.account_did)
            return recurrence

    def _insert(self, tx: Transaction, recurrence: Recurrence, verdict: str, by: str, note: str, now: datetime) -> None:
        tx.run(
            "insert_recurrence_approval",
            recurrence_id=recurrence.id,
            digest=template_digest(recurrence),
            verdict=verdict,
            by_name=by,
            note=note or None,
            content=dump_json(template_content(recurrence)),
            now=now,
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


@reads("recurrence_approval")
def _approval_of(row: Row) -> TemplateApproval:
    created_at = time_of(row["created_at"])
    assert created_at is not None
    return TemplateApproval(
        id=row["id"],
        recurrence_id=row["recurrence_id"],
        digest=row["digest"],
        verdict=row["verdict"],
        by=row["by_name"],
        note=row["note"] or "",
        content=object_with(row["content"], "account", "late", "posts"),
        created_at=created_at,
    )
