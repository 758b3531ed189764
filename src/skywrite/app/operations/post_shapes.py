"""What operations on posts take, and a page of them. What does not live here: doing anything, and how a post looks."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from skywrite.app.operations.shapes import (
    Cursor,
    DraftInput,
    Id,
    Input,
    Key,
    Limit,
    NewDraft,
    Note,
    OfAccount,
    OnlyOfAccount,
    Version,
    Word,
)
from skywrite.app.shapes.base import Output
from skywrite.app.shapes.posts import PostShape
from skywrite.queue.model import FINAL_STATES, WAITING_STATES

Late = Annotated[Word, Meta(description="What to do if its time was missed: publish, skip:2h, hold.")]
Jitter = Annotated[Word, Meta(description="A duration; a random part of it is added to the time.")]
Contains = Annotated[Word, Meta(description="What the text contains, whatever its case.", min_length=1)]


OfCampaign = Annotated[Word, Meta(description="Only posts of this campaign.")]


class CreatePost(NewDraft):
    """A post for later, for now, or as a draft."""

    at: (
        Annotated[Word, Meta(description="ISO 8601, or plain English: tomorrow 9:00. Without it, the next free slot.")]
        | None
    ) = None
    account: OfAccount | None = None
    key: Key | None = None
    late: Late | None = None
    jitter: Jitter | None = None
    draft: Annotated[bool, Meta(description="Keep it as a draft; `at` says when it should go out.")] = False
    now: Annotated[bool, Meta(description="Publish it at once.")] = False


class EditPost(DraftInput, kw_only=True):
    """Changes to a post; what is left out stays."""

    id: Id
    version: Version | None = None
    at: Annotated[Word, Meta(description="Another time: ISO 8601, or plain English.")] | None = None
    late: Late | None = None


class PreviewPost(NewDraft):
    """A post to preview."""

    account: OfAccount | None = None


class ListPosts(Input, rename={"from_": "from"}):
    """Which posts."""

    state: Annotated[Word, Meta(description="One or more states, separated by commas.")] = ",".join(WAITING_STATES)
    from_: Annotated[Word, Meta(description="Due then or later: ISO 8601, UTC where no offset is given.")] | None = None
    to: Annotated[Word, Meta(description="Due before.")] | None = None
    account: OnlyOfAccount | None = None
    text: Contains | None = None
    campaign: OfCampaign | None = None
    cursor: Cursor | None = None
    limit: Limit = 100


class ListHistory(Input):
    """Which finished posts."""

    state: Annotated[Word, Meta(description="One or more states, separated by commas.")] = ",".join(FINAL_STATES)
    account: OnlyOfAccount | None = None
    text: Contains | None = None
    campaign: OfCampaign | None = None
    before: Annotated[Word, Meta(description="Changed before.")] | None = None
    cursor: Cursor | None = None
    limit: Limit = 100


class MovePost(Input):
    """Another time."""

    id: Id
    at: Annotated[Word, Meta(description="ISO 8601, or plain English: friday 9:00.")]
    version: Version | None = None


class ApprovePost(Input):
    """What is approved, by its digest, and when a draft is to go out."""

    id: Id
    digest: Annotated[Word, Meta(description="From posts.approval: any change of the post since then refuses it.")]
    at: Annotated[Word, Meta(description="The time of a draft; without it the one that was asked for.")] | None = None
    note: Note = ""


class RejectPost(Input):
    """Why not."""

    id: Id
    note: Note = ""


class LookAtApproval(Input):
    """Which post, and when a draft would go out."""

    id: Id
    at: Annotated[Word, Meta(description="The time of a draft.")] | None = None


class UndoChange(Input):
    """Which change."""

    change: Annotated[str, Meta(description="Its name, which it was answered with.", max_length=64)]


class PostPage(Output):
    """Posts, and where to continue."""

    posts: list[PostShape]
    next_cursor: str | None
