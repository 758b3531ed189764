"""Operations on several posts at once, answered with the name under which all of it is undone."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from skywrite.app.operations.shapes import Id, Input, Version, Word
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import Output
from skywrite.app.shapes.posts import PostShape, post_shape
from skywrite.features.bulk.service import POSTS_MAX, Done

By = Annotated[Word, Meta(description="A while: 1d, 2h30m; with a minus for earlier.")]


class Chosen(Input):
    """A post, and the version that the change is based on."""

    id: Id
    version: Version | None = None


Posts = Annotated[list[Chosen], Meta(description="Which posts.", min_length=1, max_length=POSTS_MAX)]


class ShiftPosts(Input):
    """Which posts are moved, and how far."""

    posts: Posts
    by: By


class CopyPosts(Input):
    """Which posts are copied, and to where."""

    posts: Posts
    to: Annotated[Word, Meta(description="A handle or DID. Default: the account of each.")] | None = None
    by: By | None = None
    draft: Annotated[bool, Meta(description="Keep the copies as drafts.")] = False


class CancelPosts(Input):
    """Which posts are cancelled."""

    posts: Posts


class Approved(Input):
    """A post, and exactly what of it is approved."""

    id: Id
    digest: Annotated[Word, Meta(description="From posts.approval.")]


class ApprovePosts(Input):
    """Which posts are approved."""

    posts: Annotated[list[Approved], Meta(description="Which posts.", min_length=1, max_length=POSTS_MAX)]


class BulkShape(Output):
    """Posts that were changed or made together. `change`: the name under which all of it is undone."""

    change: str
    posts: list[PostShape]
    warnings: list[str]


@operation("POST /bulk/shift", scope="schedule", name="bulk.shift")
def shift(access: Access, request: ShiftPosts) -> BulkShape:
    """Move several posts by a while: all of them, or none."""
    return bulk_shape(
        access.sky.bulk.shift(_seen(access, request.posts), request.by, versions=_versions(request.posts))
    )


@operation("POST /bulk/copy", scope="schedule", name="bulk.copy", network=True)
def copy(access: Access, request: CopyPosts) -> BulkShape:
    """Copy several posts to another time or account, or as drafts: all of them, or none."""
    access.require("read")
    to = None if request.to is None else access.account(request.to).did
    ids = _seen(access, request.posts)
    return bulk_shape(access.sky.bulk.copy(ids, to=to, by=request.by, draft=request.draft, source=access.source))


@operation("POST /bulk/cancel", scope="schedule", name="bulk.cancel", destructive=True)
def cancel(access: Access, request: CancelPosts) -> BulkShape:
    """Cancel several posts: all of them, or none."""
    return bulk_shape(access.sky.bulk.cancel(_seen(access, request.posts), versions=_versions(request.posts)))


@operation("POST /bulk/approve", scope="publish", name="bulk.approve", network=True, by_person=True)
def approve(access: Access, request: ApprovePosts) -> BulkShape:
    """Approve several posts, each exactly as its digest says: all of them, or none.

    Authors cannot approve their own posts.
    """
    digests = {one.id: one.digest for one in request.posts}
    for number in digests:
        access.post(number)
    who = access.who or access.source
    return bulk_shape(access.sky.bulk.approve(digests, who, who=who))


def bulk_shape(done: Done) -> BulkShape:
    """What was done to several posts, as JSON."""
    return BulkShape(done.change, [post_shape(entry) for entry in done.posts], [str(one) for one in done.warnings])


def _seen(access: Access, posts: list[Chosen]) -> list[int]:
    """The numbers of posts, each of which the caller may know of. Raises NotFound."""
    return [access.post(one.id).id for one in posts]


def _versions(posts: list[Chosen]) -> dict[int, int]:
    return {one.id: one.version for one in posts if one.version is not None}
