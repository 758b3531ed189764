"""Operations on approvals."""

from __future__ import annotations

from skywrite.app.compared import Row
from skywrite.app.operations.post_shapes import (
    ApprovalShape,
    ApprovePost,
    BlobShape,
    ChangeShape,
    LookAtApproval,
    PostShape,
    RejectPost,
    VerdictShape,
    post_shape,
)
from skywrite.app.operations.table import Access, operation


@operation("GET /posts/{id}/approval", scope="read", network=True)
def approval(access: Access, given: LookAtApproval) -> ApprovalShape:
    """Show exactly what would be published, with the digest that an approval names."""
    asked = access.sky.approvals.look(access.post(given.id).id, at=given.at)
    post, prepared = asked.post, asked.post.prepared
    return ApprovalShape(
        id=post.id,
        digest=asked.digest,
        wanted=asked.wanted,
        account=asked.account.handle,
        due_at=post.due_at,
        late=post.late_policy if post.late_seconds is None else f"{post.late_policy}:{post.late_seconds}s",
        posts=list(prepared.get("records", ())),
        replies=prepared.get("replies"),
        quotes=prepared.get("quotes", True),
        blobs=[BlobShape(*blob) for blob in prepared.get("blobs", ())],
        diff=asked.diff(),
        changes=changes_of(asked.rows()),
        verdicts=[VerdictShape(one.verdict, one.by, one.note, one.digest, one.created_at) for one in asked.verdicts],
    )


def changes_of(rows: list[Row]) -> list[ChangeShape]:
    """The rows that differ."""
    return [ChangeShape(**row.as_dict()) for row in rows if row.mark != "same"]


@operation("POST /posts/{id}/approve", scope="publish", idempotent=True, network=True, by_person=True)
def approve(access: Access, given: ApprovePost) -> PostShape:
    """Approve exactly what has this digest; any change of the post voids it.

    Nobody approves what they wrote themselves.
    """
    access.post(given.id)
    who = access.who or access.source
    entry = access.sky.approvals.approve(given.id, given.digest, who, at=given.at, note=given.note, who=who)
    return post_shape(access, entry)


@operation("POST /posts/{id}/reject", scope="publish", network=True)
def reject(access: Access, given: RejectPost) -> PostShape:
    """Reject a post with a note: earlier approvals are withdrawn, and it is held."""
    access.post(given.id)
    who = access.who or access.source
    return post_shape(access, access.sky.approvals.reject(given.id, who, note=given.note))
