"""Approving a recurrence as a whole: what is looked at before one says yes to all posts that come from it.

What does not live here: approving single posts (`approvals.py`), and the claim that compares (`queue.templates`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from skywrite.app.compared import Row, base_of, changed, parts, rows, with_handle
from skywrite.app.context import Context
from skywrite.queue.model import Account, Recurrence
from skywrite.queue.template_approvals import TemplateApproval, TemplateApprovals
from skywrite.queue.templates import template_content, template_digest


class AskedTemplate(NamedTuple):
    """A recurrence that is to be approved: its template, the digest of that, and the verdicts so far.

    `wanted`: its account asks for approvals of such posts, and the template has none. `is_approved`: it has one.
    """

    recurrence: Recurrence
    account: Account
    digest: str
    verdicts: tuple[TemplateApproval, ...]
    wanted: bool
    is_approved: bool

    @property
    def content(self) -> dict[str, Any]:
        """What an approval would cover."""
        return template_content(self.recurrence)

    @property
    def base(self) -> TemplateApproval | None:
        """The verdict to compare with: the last approval, else the last rejection."""
        return base_of(self.verdicts)

    def rows(self) -> list[Row]:
        """What was approved last beside what it is now; empty where nothing changed."""
        if self.base is None:
            return []
        was, now = (with_handle(content, self.account) for content in (self.base.content, self.content))
        return changed(rows(was, now, self.recurrence.zone))

    def parts(self) -> dict[str, str]:
        """What an approval would cover, by name, in words."""
        return parts(with_handle(self.content, self.account), self.recurrence.zone)


def look_at_template(ctx: Context, recurrence_id: int) -> AskedTemplate:
    """What an approval of a recurrence would cover. Raises NotFound."""
    recurrence = ctx.store.recurrence(recurrence_id)
    approvals = TemplateApprovals(ctx.store)
    return AskedTemplate(
        recurrence,
        ctx.store.account(recurrence.account_did),
        template_digest(recurrence),
        tuple(approvals.of(recurrence_id)),
        approvals.is_wanted(recurrence),
        approvals.is_approved(recurrence),
    )
