"""Operations on approvals."""

from __future__ import annotations

from skywrite.app.operations.post_shapes import ApprovePost, LookAtApproval, RejectPost
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.posts import ApprovalShape, PostShape, approval_shape, post_shape


@operation("GET /posts/{id}/approval", scope="read", network=True)
def approval(access: Access, given: LookAtApproval) -> ApprovalShape:
    """Show exactly what would be published, with the digest that an approval names."""
    return approval_shape(access.sky.approvals.look(access.post(given.id).id, at=given.at))


@operation("POST /posts/{id}/approve", scope="publish", idempotent=True, network=True, by_person=True)
def approve(access: Access, given: ApprovePost) -> PostShape:
    """Approve exactly what has this digest; any change of the post voids it.

    Nobody approves what they wrote themselves.
    """
    access.post(given.id)
    who = access.who or access.source
    entry = access.sky.approvals.approve(given.id, given.digest, who, at=given.at, note=given.note, who=who)
    return post_shape(entry)


@operation("POST /posts/{id}/reject", scope="publish", network=True)
def reject(access: Access, given: RejectPost) -> PostShape:
    """Reject a post with a note: earlier approvals are withdrawn, and it is held."""
    access.post(given.id)
    who = access.who or access.source
    return post_shape(access.sky.approvals.reject(given.id, who, note=given.note))
