"""Operations on follow-ups: a reply or a repost once a post reaches a number of likes."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from skywrite.app.operations.shapes import ById, Id, Input, Word
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import Output
from skywrite.app.shapes.reposts import FollowUpShape, follow_up_shape
from skywrite.queue.follow_ups import FollowUp, unknown_follow_up


class AddFollowUp(Input):
    """A reply or a repost, once the counts of a post reach a threshold."""

    id: Id
    when: Annotated[str, Meta(description="What has to be reached: `50 likes`, `5 replies`.", max_length=50)]
    reply: Annotated[str, Meta(description="The text of the reply.", max_length=3000)] | None = None
    repost: Annotated[bool, Meta(description="Repost it; needs the scope `publish`.")] = False
    undo_after: Annotated[Word, Meta(description="Take the repost back after a duration: 24h.")] | None = None


class ListFollowUps(Input):
    """Which follow-ups."""

    post: Annotated[int, Meta(description="All follow-ups of this post, also those that are done.")] | None = None


class FollowUpList(Output):
    """Follow-ups."""

    follow_ups: list[FollowUpShape]


@operation(
    "POST /posts/{id}/follow-ups",
    scope="schedule",
    name="follow_ups.add",
    tool="add_follow_up",
    idempotent=True,
    network=True,
)
def add(access: Access, request: AddFollowUp) -> FollowUpShape:
    """Reply to a post, or repost it, once it reaches a number of likes, reposts, replies, quotes or bookmarks.

    The same one again adds nothing.
    """
    access.post(request.id)
    if request.repost:
        # Approvals cover posts, so nobody would look at it before it goes out.
        access.require("publish")
    added = access.sky.follow_ups.add(
        request.id, when=request.when, reply=request.reply, repost=request.repost, undo_after=request.undo_after
    )
    return follow_up_shape(added)


@operation("GET /follow-ups", scope="read")
def list_follow_ups(access: Access, request: ListFollowUps) -> FollowUpList:
    """List follow-ups that wait, and those that failed or ran out of time."""
    if request.post is not None:
        return FollowUpList(
            [follow_up_shape(item) for item in access.sky.follow_ups.list(access.post(request.post).id)]
        )
    follow_ups = [item for did in access.dids(None) for item in access.sky.follow_ups.list(account=did)]
    return FollowUpList([follow_up_shape(item) for item in sorted(follow_ups, key=lambda item: item.id, reverse=True)])


@operation("DELETE /follow-ups/{id}", scope="schedule")
def cancel(access: Access, request: ById) -> FollowUpShape:
    """Cancel a follow-up that waits."""
    return follow_up_shape(access.sky.follow_ups.cancel(_seen(access, request.id).id))


def _seen(access: Access, follow_up_id: int) -> FollowUp:
    """One of a post that the caller may know of. Raises NotFound."""
    follow_up = access.sky.follow_ups.get(follow_up_id)
    post = access.sky.context.store.posts.get(follow_up.post_id)
    return access.seen(follow_up, [post.account_did], unknown_follow_up(follow_up_id))
