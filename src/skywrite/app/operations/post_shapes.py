"""What goes in and out of operations on posts: one msgspec type each. What does not live here: doing anything."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from skywrite.app.approvals import WANTED_SCOPE
from skywrite.app.operations.copies import late_of
from skywrite.app.operations.shapes import (
    AttemptShape,
    DraftInput,
    ErrorShape,
    Id,
    Input,
    Key,
    Limit,
    NewDraft,
    Output,
    PostState,
    attempt_shape,
    problem_shape,
)
from skywrite.app.operations.table import Access
from skywrite.app.results import Entry
from skywrite.queue.model import FINAL_STATES, WAITING_STATES, Post


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


class VerdictShape(Output):
    """An approval or a rejection."""

    verdict: str
    by: str
    note: str
    digest: str
    at: datetime


class BlobShape(Output):
    """A file that goes with a post."""

    cid: str
    mime: str
    size: int


class ChangeShape(Output):
    """A part that differs from what was approved last: changed, added or removed."""

    part: str
    mark: str
    before: str
    now: str


class ApprovalShape(Output):
    """What would be approved: the records as they will be made, and the digest that stands for all of it."""

    id: int
    digest: str
    wanted: bool
    account: str
    due_at: datetime | None
    late: str
    posts: list[dict[str, Any]]
    replies: list[str] | None
    quotes: bool
    blobs: list[BlobShape]
    diff: list[str]
    changes: list[ChangeShape]
    verdicts: list[VerdictShape]


class PostShape(Output):
    """A post of the queue. Times are UTC."""

    id: int
    version: int
    state: PostState
    account: str
    did: str
    due_at: datetime | None
    text: str
    draft: dict[str, Any]
    uri: str | None
    url: str | None
    cid: str | None
    attempts: int
    attempt_at: datetime | None
    error: ErrorShape | None
    key: str | None
    source: str | None
    recurrence: int | None
    late: str
    approval_wanted: bool
    approved_by: str | None
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    wanted_at: datetime | None
    tries: list[AttemptShape]
    warnings: list[str]
    created: bool = False


class PostPage(Output):
    """Posts, and where to continue."""

    posts: list[PostShape]
    next_cursor: str | None


class PreviewShape(Output):
    """A post as readers will see it: the records that would be made."""

    account: str
    posts: list[dict[str, Any]]
    replies: list[str] | None
    quotes: bool
    blobs: list[BlobShape]
    warnings: list[str]


def _wanted(access: Access, post: Post) -> datetime | None:
    """When a draft is to go out, if its author said so."""
    text = access.sky.context.store.setting(WANTED_SCOPE, str(post.id)) if post.state == "draft" else None
    return None if text is None else datetime.fromisoformat(text)


def post_shape(access: Access, entry: Entry, *, created: bool = False) -> PostShape:
    """A post as JSON."""
    post, account = entry.post, entry.account
    return PostShape(
        id=post.id,
        version=post.version,
        state=post.state,
        account=account.handle,
        did=account.did,
        due_at=post.due_at,
        text=post.text,
        draft=post.draft,
        uri=post.uri,
        url=entry.url,
        cid=post.cid,
        attempts=post.attempts,
        attempt_at=post.attempt_at,
        error=problem_shape(post.problem),
        key=post.key,
        source=post.source,
        recurrence=post.recurrence_id,
        late=late_of(post),
        approval_wanted=entry.standing.wanted,
        approved_by=entry.standing.approved_by,
        created_at=post.created_at,
        updated_at=post.updated_at,
        published_at=post.published_at,
        wanted_at=_wanted(access, post),
        tries=[attempt_shape(attempt) for attempt in entry.attempts],
        warnings=[str(warning) for warning in entry.warnings],
        created=created,
    )
