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
def add(access: Access, given: AddFollowUp) -> FollowUpShape:
    """Reply to a post, or repost it, once it reaches a number of likes, reposts, replies, quotes or bookmarks.

    The same one again adds nothing.
    """
    access.post(given.id)
    if given.repost:
        # Approvals cover posts, so nobody would look at it before it goes out.
        access.require("publish")
    added = access.sky.follow_ups.add(
        given.id, when=given.when, reply=given.reply, repost=given.repost, undo_after=given.undo_after
    )
    return follow_up_shape(added)


@operation("GET /follow-ups", scope="read")
def list_follow_ups(access: Access, given: ListFollowUps) -> FollowUpList:
    """List follow-ups that wait, and those that failed or ran out of time."""
    if given.post is not None:
        return FollowUpList([follow_up_shape(item) for item in access.sky.follow_ups.list(access.post(given.post).id)])
    found = [item for did in access.dids(None) for item in access.sky.follow_ups.list(account=did)]
    return FollowUpList([follow_up_shape(item) for item in sorted(found, key=lambda item: item.id, reverse=True)])


@operation("DELETE /follow-ups/{id}", scope="schedule")
def cancel(access: Access, given: ById) -> FollowUpShape:
    """Cancel a follow-up that waits."""
    return follow_up_shape(access.sky.follow_ups.cancel(_seen(access, given.id).id))


def _seen(access: Access, follow_up_id: int) -> FollowUp:
    """One of a post that the caller may know of. Raises NotFound."""
    found = access.sky.follow_ups.get(follow_up_id)
    post = access.sky.context.store.posts.get(found.post_id)
    return access.seen(found, [post.account_did], unknown_follow_up(follow_up_id))
