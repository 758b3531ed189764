"""What operations on posts take, and a page of them. What does not live here: doing anything, and how a post looks."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from skywrite.app.operations.shapes import Cursor, DraftInput, Id, Input, Key, Limit, NewDraft, Word
from skywrite.app.shapes.base import Output
from skywrite.app.shapes.posts import PostShape
from skywrite.queue.model import FINAL_STATES, WAITING_STATES


class CreatePost(NewDraft):
    """A post for later, for now, or as a draft."""

    at: (
        Annotated[Word, Meta(description="ISO 8601, or plain English: tomorrow 9:00. Without it, the next free slot.")]
        | None
    ) = None
    account: Annotated[Word, Meta(description="A handle or DID; without it, the default account.")] | None = None
    key: Key | None = None
    late: Annotated[Word, Meta(description="What to do if its time was missed: publish, skip:2h, hold.")] | None = None
    jitter: Annotated[Word, Meta(description="A duration; a random part of it is added to the time.")] | None = None
    draft: Annotated[bool, Meta(description="Keep it as a draft; `at` says when it should go out.")] = False
    now: Annotated[bool, Meta(description="Publish it at once.")] = False


class EditPost(DraftInput, kw_only=True):
    """Changes to a post; what is left out stays."""

    id: Id
    version: Id | None = None
    at: Word | None = None
    late: Word | None = None


class PreviewPost(NewDraft):
    """A post to preview."""

    account: Word | None = None


class ListPosts(Input, rename={"from_": "from"}):
    """Which posts."""

    state: Annotated[Word, Meta(description="One or more states, separated by commas.")] = ",".join(WAITING_STATES)
    from_: Annotated[Word, Meta(description="Due then or later: ISO 8601, UTC where no offset is given.")] | None = None
    to: Annotated[Word, Meta(description="Due before.")] | None = None
    account: Word | None = None
    text: Annotated[Word, Meta(description="What the text contains, whatever its case.", min_length=1)] | None = None
    cursor: Cursor | None = None
    limit: Limit = 100


class ListHistory(Input):
    """Which finished posts."""

    state: Word = ",".join(FINAL_STATES)
    account: Word | None = None
    text: Annotated[Word, Meta(description="What the text contains, whatever its case.", min_length=1)] | None = None
    before: Annotated[Word, Meta(description="Changed before.")] | None = None
    cursor: Cursor | None = None
    limit: Limit = 100


class MovePost(Input):
    """Another time."""

    id: Id
    at: Word
    version: Id | None = None


class ApprovePost(Input):
    """What is approved, by its digest, and when a draft is to go out."""

    id: Id
    digest: Annotated[Word, Meta(description="From posts.approval: any change of the post since then refuses it.")]
    at: Annotated[Word, Meta(description="The time of a draft; without it the one that was asked for.")] | None = None
    note: Annotated[str, Meta(max_length=1000)] = ""


class RejectPost(Input):
    """Why not."""

    id: Id
    note: Annotated[str, Meta(max_length=1000)] = ""


class LookAtApproval(Input):
    """Which post, and when a draft would go out."""

    id: Id
    at: Word | None = None


class PostPage(Output):
    """Posts, and where to continue."""

    posts: list[PostShape]
    next_cursor: str | None
