"""New posts that begin as copies of others.

What lives here: what a copy takes along. What does not: what is done with it (`posts`, `recurrences`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from skywrite.app.operations.shapes import NewDraft, draft_row
from skywrite.app.operations.table import Access
from skywrite.app.posts import edited_row
from skywrite.posting.schedule.policy import late_text


class NewRow(NamedTuple):
    """The fields of a new draft, and what happens when its time was missed; None is the account's default."""

    fields: dict[str, Any]
    late: str | None


def new_row(access: Access, given: NewDraft, late: str | None = None) -> NewRow:
    """What was given, and for all else what the copied post has. Raises NotFound, and what `draft_row` raises."""
    if given.copy_of is None:
        return NewRow(draft_row(access, given), late)
    access.require("read")
    post = access.post(given.copy_of)
    fields = edited_row(post, draft_row(access, given, post.draft))
    return NewRow(fields, late_text(post.late_policy, post.late_seconds) if late is None else late)
