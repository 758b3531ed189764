"""How posts look: in the queue, in a preview, and what an approval of one covers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta

from skywrite.app.approvals import Asked
from skywrite.app.results import Entry, Ready
from skywrite.app.shapes.base import ErrorShape, NoticeShape, Output, messages, notices, problem_shape
from skywrite.app.shapes.reposts import FollowUpShape, follow_up_shape
from skywrite.core.errors import Notice, SkywriteError
from skywrite.posting.publish.compared import Row, joined
from skywrite.posting.schedule.policy import late_text
from skywrite.queue.approvals import Approval
from skywrite.queue.follow_ups import FollowUp, FollowUps
from skywrite.queue.model import Attempt

if TYPE_CHECKING:
    from skywrite.app.facade import Skywrite

PostState = Literal["draft", "scheduled", "publishing", "published", "failed", "held", "cancelled"]


class AttemptShape(Output):
    """One attempt to publish."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    error: ErrorShape | None


class PostShape(Output):
    """A post of the queue. Times are UTC.

    `tries` and `follow_ups` are there if one post is asked for. `goes_out_at`: when the pace of its account lets it
    out, if that is later than it is due. `created`: this request added it; `existed`: it was there already, under the
    same key.
    """

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
    goes_out_at: datetime | None
    goes_out_because: str | None
    tries: list[AttemptShape]
    follow_ups: list[FollowUpShape]
    warnings: list[str]
    notices: list[NoticeShape]
    created: bool = False
    existed: bool = False

    @property
    def by_others(self) -> frozenset[str]:
        """What somebody else wrote: all of it, if it came from a feed."""
        return frozenset({"text", "draft"} if (self.source or "").startswith("feed") else ())


class UnchangedPost(Output):
    """A post that was not changed, and why."""

    id: int
    error: str
    code: str
    message: str
    hint: str


class BlobShape(Output):
    """A file that goes with a post."""

    cid: str
    mime: str
    size: int


class PreviewShape(Output):
    """A post as readers will see it: the records that would be made."""

    account: str
    posts: list[dict[str, Any]]
    replies: list[str] | None
    quotes: bool
    blobs: list[BlobShape]
    warnings: list[str]
    notices: list[NoticeShape]


class VerdictShape(Output):
    """An approval or a rejection."""

    verdict: str
    by: str
    note: str
    digest: str
    at: datetime


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
    approval_wanted: Annotated[bool, Meta(description="Whether it needs an approval that it does not have.")]
    account: str
    state: PostState
    due_at: datetime | None
    late: str
    posts: list[dict[str, Any]]
    replies: list[str] | None
    quotes: bool
    blobs: list[BlobShape]
    diff: list[str]
    changes: list[ChangeShape]
    verdicts: list[VerdictShape]


def post_shape(entry: Entry, *, existed: bool | None = None, follow_ups: Iterable[FollowUp] = ()) -> PostShape:
    """A post as JSON. `existed`: of a request that was to add it, whether it was there already."""
    post, account, push = entry.post, entry.account, entry.push
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
        late=late_text(post.late_policy, post.late_seconds),
        approval_wanted=entry.standing.wanted,
        approved_by=entry.standing.approved_by,
        created_at=post.created_at,
        updated_at=post.updated_at,
        published_at=post.published_at,
        wanted_at=entry.wanted_at,
        goes_out_at=push.at if push else None,
        goes_out_because=push.reason if push else None,
        tries=[attempt_shape(attempt) for attempt in entry.attempts],
        follow_ups=[follow_up_shape(item) for item in follow_ups],
        warnings=messages(entry.warnings),
        notices=notices(entry.warnings),
        created=existed is False,
        existed=existed is True,
    )


def whole_post(
    sky: Skywrite, post_id: int, *, existed: bool | None = None, warnings: Sequence[Notice] = ()
) -> PostShape:
    """All that is known of a post, with warnings about what was just done. Raises NotFound."""
    entry = sky.posts.forecast(sky.posts.get(post_id))._replace(warnings=tuple(warnings))
    # A post that is new has none yet.
    follow_ups = () if existed is False else FollowUps(sky.context.store).of(post_id)
    return post_shape(entry, existed=existed, follow_ups=follow_ups)


def changed_shape(post_id: int, result: Entry | SkywriteError) -> PostShape | UnchangedPost:
    """One of the posts that were to be changed together."""
    if isinstance(result, SkywriteError):
        return UnchangedPost(post_id, result.name, result.code, result.message, result.hint)
    return post_shape(result)


def attempt_shape(attempt: Attempt) -> AttemptShape:
    """An attempt as JSON."""
    problem = problem_shape(attempt.problem)
    return AttemptShape(attempt.number, attempt.started_at, attempt.ended_at, attempt.outcome, problem)


def preview_shape(ready: Ready) -> PreviewShape:
    """The records as they would be created, without their time."""
    prepared = ready.prepared
    return PreviewShape(
        account=ready.account.handle,
        posts=[dict(record) for record in prepared.records],
        replies=None if prepared.replies is None else list(prepared.replies),
        quotes=prepared.quotes,
        blobs=[BlobShape(item.cid, item.mime, item.size) for item in prepared.blobs],
        warnings=messages(ready.warnings),
        notices=notices(ready.warnings),
    )


def approval_shape(asked: Asked) -> ApprovalShape:
    """What would be approved, as JSON."""
    post, prepared = asked.post, asked.post.prepared
    return ApprovalShape(
        id=post.id,
        digest=asked.digest,
        approval_wanted=asked.wanted,
        account=asked.account.handle,
        state=post.state,
        due_at=post.due_at,
        late=late_text(post.late_policy, post.late_seconds),
        posts=list(prepared.get("records", ())),
        replies=prepared.get("replies"),
        quotes=prepared.get("quotes", True),
        blobs=[BlobShape(*blob) for blob in prepared.get("blobs", ())],
        diff=asked.diff(),
        changes=changes_of(asked.rows()),
        verdicts=[verdict_shape(verdict) for verdict in asked.verdicts],
    )


def changes_of(rows: list[Row]) -> list[ChangeShape]:
    """The rows that differ."""
    return [ChangeShape(row.part, row.mark, joined(row.before), joined(row.now)) for row in rows if row.mark != "same"]


def verdict_shape(verdict: Approval) -> VerdictShape:
    """An approval or a rejection as JSON."""
    return VerdictShape(verdict.verdict, verdict.by, verdict.note, verdict.digest, verdict.created_at)
