"""What operations on posts take, and a page of them. What does not live here: doing anything, and how a post looks."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from skywrite.app.operations.shapes import DraftInput, Id, Input, Key, Limit, NewDraft
from skywrite.app.shapes.base import Output
from skywrite.app.shapes.posts import PostShape
from skywrite.queue.model import FINAL_STATES, WAITING_STATES


class CreatePost(NewDraft):
    """A post for later, for now, or as a draft."""

    at: (
        Annotated[str, Meta(description="ISO 8601, or plain English: tomorrow 9:00. Without it, the next free slot.")]
        | None
    ) = None
    account: Annotated[str, Meta(description="A handle or DID; without it, the default account.")] | None = None
    key: Key | None = None
    late: Annotated[str, Meta(description="What to do when its time was missed: publish, skip:2h, hold.")] | None = None
    jitter: Annotated[str, Meta(description="A duration; a random part of it is added to the time.")] | None = None
    draft: Annotated[bool, Meta(description="Keep it as a draft; `at` says when it should go out.")] = False
    now: Annotated[bool, Meta(description="Publish it at once.")] = False


class EditPost(DraftInput, kw_only=True):
    """Changes to a post; what is left out stays."""

    id: Id
    version: Id | None = None
    at: str | None = None
    late: str | None = None


class PreviewPost(NewDraft):
    """A post to preview."""

    account: str | None = None


class ListPosts(Input, rename={"from_": "from"}):
    """Which posts."""

    state: Annotated[str, Meta(description="One or more states, separated by commas.")] = ",".join(WAITING_STATES)
    from_: Annotated[str, Meta(description="Due then or later: ISO 8601, UTC where no offset is given.")] | None = None
    to: Annotated[str, Meta(description="Due before.")] | None = None
    account: str | None = None
    text: Annotated[str, Meta(description="What the text contains, whatever its case.", min_length=1)] | None = None
    cursor: str | None = None
    limit: Limit = 100


class ListHistory(Input):
    """Which finished posts."""

    state: str = ",".join(FINAL_STATES)
    account: str | None = None
    text: Annotated[str, Meta(description="What the text contains, whatever its case.", min_length=1)] | None = None
    before: Annotated[str, Meta(description="Changed before.")] | None = None
    cursor: str | None = None
    limit: Limit = 100


class MovePost(Input):
    """Another time."""

    id: Id
    at: str
    version: Id | None = None


class ApprovePost(Input):
    """What is approved, by its digest, and when a draft is to go out."""

    id: Id
    digest: Annotated[str, Meta(description="From posts.approval: any change of the post since then refuses it.")]
    at: Annotated[str, Meta(description="The time of a draft; without it the one that was asked for.")] | None = None
    note: Annotated[str, Meta(max_length=1000)] = ""


class RejectPost(Input):
    """Why not."""

    id: Id
    note: Annotated[str, Meta(max_length=1000)] = ""


class LookAtApproval(Input):
    """Which post, and when a draft would go out."""

    id: Id
    at: str | None = None


class PostPage(Output):
    """Posts, and where to continue."""

    posts: list[PostShape]
    next_cursor: str | None
