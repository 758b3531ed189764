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
from skywrite.app.operations.table import Access, Operation


def look(access: Access, given: LookAtApproval) -> ApprovalShape:
    """What would be approved, and the digest of it."""
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


def approve(access: Access, given: ApprovePost) -> PostShape:
    """Approve exactly what has this digest; nobody approves what they wrote themselves."""
    access.post(given.id)
    who = access.who or access.source
    entry = access.sky.approvals.approve(given.id, given.digest, who, at=given.at, note=given.note, who=who)
    return post_shape(access, entry)


def reject(access: Access, given: RejectPost) -> PostShape:
    """Say no, with a note."""
    access.post(given.id)
    who = access.who or access.source
    return post_shape(access, access.sky.approvals.reject(given.id, who, note=given.note))


OPERATIONS = (
    Operation(
        "posts.approval",
        "GET /posts/{id}/approval",
        "read",
        "Show exactly what would be published, with the digest that an approval names.",
        look,
        LookAtApproval,
        ApprovalShape,
        read_only=True,
        idempotent=True,
        network=True,
    ),
    Operation(
        "posts.approve",
        "POST /posts/{id}/approve",
        "publish",
        "Approve exactly what has this digest; any change of the post voids it.",
        approve,
        ApprovePost,
        PostShape,
        idempotent=True,
        network=True,
        by_person=True,
    ),
    Operation(
        "posts.reject",
        "POST /posts/{id}/reject",
        "publish",
        "Reject a post with a note: earlier approvals are withdrawn, and it is held.",
        reject,
        RejectPost,
        PostShape,
        network=True,
    ),
)
