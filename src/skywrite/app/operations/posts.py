"""Operations on posts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from skywrite.app.drafting import edited_row
from skywrite.app.entries import entries, with_forecasts
from skywrite.app.operations.once import digest_of, key_lock, key_reused
from skywrite.app.operations.post_shapes import (
    ApprovePost,
    CreatePost,
    EditPost,
    ListHistory,
    ListPosts,
    LookAtApproval,
    MovePost,
    PostPage,
    PreviewPost,
    RejectPost,
    UndoChange,
)
from skywrite.app.operations.shapes import (
    ById,
    ChangeById,
    NewDraft,
    draft_row,
)
from skywrite.app.operations.table import Access, operation
from skywrite.app.published import NotThere
from skywrite.app.shapes.done import UndoneShape, undone_shape
from skywrite.app.shapes.posts import (
    ApprovalShape,
    PostShape,
    PreviewShape,
    approval_shape,
    post_shape,
    preview_shape,
    whole_post,
)
from skywrite.core.clock import to_iso
from skywrite.core.errors import InputError, Notice, SkywriteError
from skywrite.posting.schedule.policy import late_text
from skywrite.queue.events import Events
from skywrite.queue.listing import Cursor
from skywrite.queue.model import FINAL_STATES, STATES, ChangedMeanwhile, Post, State
from skywrite.queue.requests import Requests, asked

WAITS_FOR_A_PERSON = "It waits as a draft for a person, because this key may not schedule posts."


class NewRow(NamedTuple):
    """The fields of a new draft, and what happens when its time was missed; None is the account's default."""

    fields: dict[str, Any]
    late: str | None


def new_row(access: Access, request: NewDraft, late: str | None = None) -> NewRow:
    """What was given, and for all else what the copied post has. Raises NotFound, and what `draft_row` raises."""
    if request.copy_of is None:
        return NewRow(draft_row(access, request), late)
    access.require("read")
    post = access.post(request.copy_of)
    fields = edited_row(post, draft_row(access, request, post.draft))
    return NewRow(fields, late_text(post.late_policy, post.late_seconds) if late is None else late)


@operation("POST /posts", scope="draft", idempotent=True, created=True, network=True)
def create(access: Access, request: CreatePost) -> PostShape:
    """Accept a post for later, for now, or as a draft. The same key again adds nothing.

    A caller with the scope `draft` only makes drafts, whatever time it asks for.
    """
    if request.draft and request.now:
        raise InputError("A draft cannot be published now.", hint="Leave draft or now out.")
    account = access.account(request.account)
    row = new_row(access, request, request.late)
    if request.now:
        access.require("publish")
    accept = _publish_now if request.now else _schedule
    # Two concurrent requests with one key: the second returns the post of the first.
    with key_lock(account.did, request.key):
        if request.key is None:
            return accept(access, account.did, request, row)
        digest = digest_of(request)
        if Requests(access.sky.context.store).digest(account.did, request.key) not in (None, digest):
            raise key_reused(request.key)
        with asked(digest=digest):
            return accept(access, account.did, request, row)


def _schedule(access: Access, account_did: str, request: CreatePost, row: NewRow) -> PostShape:
    may_schedule = "schedule" in access.scopes
    waits = request.draft or not may_schedule
    wanted_at = _wanted_time(access, account_did, request.at) if waits and request.at is not None else None
    with asked(wanted_at=wanted_at):
        result = access.sky.posts.schedule(
            account=account_did,
            at=None if waits else request.at,
            key=request.key,
            late=row.late,
            jitter=None if waits else request.jitter,
            draft=waits,
            source=access.source,
            **row.fields,
        )
    if result.other_draft:
        raise key_reused(request.key)
    warnings = [*result.warnings]
    if not may_schedule and not result.existed:
        warnings.append(Notice("WaitsForAPerson", WAITS_FOR_A_PERSON, result.post_id))
        _ask_for_approval(access, result.post_id, wanted_at)
    return whole_post(access.sky, result.post_id, existed=result.existed, warnings=warnings)


def _publish_now(access: Access, account_did: str, request: CreatePost, row: NewRow) -> PostShape:
    if request.at is not None:
        raise InputError("A post goes out either now or at a time.", hint="Leave now or at out.")
    result = access.sky.posts.schedule(
        account=account_did, at=access.sky.context.clock.now(), key=request.key, source=access.source, **row.fields
    )
    if result.other_draft:
        raise key_reused(request.key)
    warnings = [*result.warnings]
    if not result.existed:
        try:
            access.sky.posts.send(result.post_id)
        except SkywriteError as error:
            # It is stored: a failure shows in its state, and must not look as if it was not accepted.
            warnings.append(Notice(error.code, error.message, result.post_id))
    return whole_post(access.sky, result.post_id, existed=result.existed, warnings=warnings)


def _wanted_time(access: Access, account_did: str, at: str) -> datetime:
    """When a draft is to go out, parsed now: "tomorrow" would mean another day later. Raises InvalidTime."""
    from skywrite.posting.schedule.times import parse_time

    context = access.sky.context
    return parse_time(at, now=context.clock.now(), zone=context.zone(context.store.accounts.get(account_did))).at


def _ask_for_approval(access: Access, post_id: int, wanted_at: datetime | None) -> None:
    store, post = access.sky.context.store, access.sky.context.store.posts.get(post_id)
    wanted = None if wanted_at is None else to_iso(wanted_at)
    data = {"id": post_id, "text": post.text, "wanted_at": wanted, "by": access.who}
    Events(store).note("approval.requested", data, account_did=post.account_did)


@operation("POST /posts/preview", scope="read", tool="preview_post", network=True)
def preview(access: Access, request: PreviewPost) -> PreviewShape:
    """Show what would be published: nothing is stored and nothing is sent."""
    ready = access.sky.posts.preview(account=access.account(request.account).did, **new_row(access, request).fields)
    return preview_shape(ready)


@operation("GET /posts", scope="read", tool="list_posts", resource="queue: The posts that wait.")
def list_posts(access: Access, request: ListPosts) -> PostPage:
    """List posts in due order."""
    states, after = parse_states(request.state), read_cursor(request.cursor)
    start, end = parse_instant(request.from_), parse_instant(request.to)
    posts: list[Post] = []
    for did in access.dids(request.account):
        posts += access.sky.context.store.listing.posts(
            states,
            account_did=did,
            text=request.text,
            campaign=request.campaign,
            due_from=start,
            due_before=end,
            after=after,
            limit=request.limit + 1,
        )
    posts.sort(key=_due_order)
    return _page(access, posts, request.limit, Cursor.due)


@operation("GET /posts/{id}", scope="read", tool="get_post")
def get(access: Access, request: ById) -> PostShape:
    """Show one post with every attempt at publishing it."""
    return whole_post(access.sky, access.post(request.id).id)


@operation("PATCH /posts/{id}", scope="draft", tool="edit_post", network=True)
def edit(access: Access, request: EditPost) -> PostShape:
    """Change a post that is not published yet."""
    post = _current(access, request.id, request.version)
    row = draft_row(access, request, post.draft)
    if request.at is not None or post.state != "draft":
        access.require("schedule")
    if request.late is not None:
        row["late"] = request.late
    return post_shape(access.sky.posts.edit(request.id, at=request.at, version=post.version, **row))


@operation("DELETE /posts/{id}", scope="draft", tool="cancel_post", idempotent=True)
def cancel(access: Access, request: ChangeById) -> PostShape:
    """Cancel a post: it will never be published.

    A caller who may only make drafts may only cancel drafts.
    """
    post = _current(access, request.id, request.version)
    if post.state != "draft":
        access.require("schedule")
    return post_shape(access.sky.posts.cancel(request.id, version=post.version))


@operation("POST /posts/{id}/move", scope="schedule", tool="move_post", idempotent=True)
def move(access: Access, request: MovePost) -> PostShape:
    """Move a post to another time.

    A draft is scheduled.
    """
    post = _current(access, request.id, request.version)
    return post_shape(access.sky.posts.move(request.id, request.at, version=post.version))


@operation("POST /posts/{id}/hold", scope="schedule")
def hold(access: Access, request: ChangeById) -> PostShape:
    """Hold a scheduled post."""
    post = _current(access, request.id, request.version)
    return post_shape(access.sky.posts.hold(request.id, version=post.version))


@operation("POST /posts/{id}/release", scope="publish")
def release(access: Access, request: ChangeById) -> PostShape:
    """Release a held post."""
    post = _current(access, request.id, request.version)
    return post_shape(access.sky.posts.release(request.id, version=post.version))


@operation("POST /posts/{id}/retry", scope="publish")
def retry(access: Access, request: ChangeById) -> PostShape:
    """Try a failed post again."""
    post = _current(access, request.id, request.version)
    return post_shape(access.sky.posts.retry(request.id, version=post.version))


@operation("POST /posts/{id}/unpublish", scope="publish", destructive=True, network=True)
def unpublish(access: Access, request: ChangeById) -> PostShape:
    """Delete a published post from the network."""
    _current(access, request.id, request.version)
    # A repeated request finds nothing left to delete.
    with suppress(NotThere):
        access.sky.posts.delete(request.id)
    return post_shape(access.sky.posts.get(request.id))


@operation("GET /history", scope="read", tool="list_history", resource="history: What happened to earlier posts.")
def list_history(access: Access, request: ListHistory) -> PostPage:
    """List finished posts, the latest first."""
    states = parse_states(request.state, FINAL_STATES)
    after, before = read_cursor(request.cursor), parse_instant(request.before)
    posts: list[Post] = []
    for did in access.dids(request.account):
        posts += access.sky.context.store.listing.history(
            states,
            account_did=did,
            text=request.text,
            campaign=request.campaign,
            before=before,
            after=after,
            limit=request.limit + 1,
        )
    posts.sort(key=lambda post: (post.updated_at, post.id), reverse=True)
    return _page(access, posts, request.limit, Cursor.changed)


def _current(access: Access, post_id: int, version: int | None) -> Post:
    """A post that is about to be changed. Raises ChangedMeanwhile if its version is different now.

    The change is based on the version read here, which also decided what the caller may do.
    """
    post = access.post(post_id)
    if version is not None and post.version != version:
        raise ChangedMeanwhile(
            f"Post {post_id} is now at version {post.version}, not {version}.", hint="Check it and try again."
        )
    return post


def parse_states(text: str, known: Sequence[State] = STATES) -> list[State]:
    """States from a comma-separated list. Raises InputError."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        what = f"{unknown[0]!r} is not a state here." if unknown else "No state is named."
        raise InputError(what, hint=f"Choose from: {', '.join(known)}.")
    return [state for state in known if state in names]


def _page(access: Access, posts: Sequence[Post], limit: int, cursor: Callable[[Post], Cursor]) -> PostPage:
    page = posts[:limit]
    following = str(cursor(page[-1])) if len(posts) > limit else None
    shown = with_forecasts(access.sky.context, entries(access.sky.context, page))
    return PostPage([post_shape(entry) for entry in shown], following)


def _due_order(post: Post) -> tuple[bool, datetime, int]:
    return post.due_at is None, post.due_at or post.created_at, post.id if post.due_at else 0


def read_cursor(text: str | None) -> Cursor | None:
    """The place of a cursor. Raises BadRequest."""
    return None if text is None else Cursor.parse(text)


def parse_instant(text: str | None) -> datetime | None:
    """A time in a query. Raises InputError."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(f"{text!r} is not a time.", hint="Write it like 2026-11-24T09:00:00Z.") from None


@operation("GET /posts/{id}/approval", scope="read", network=True)
def approval(access: Access, request: LookAtApproval) -> ApprovalShape:
    """Show exactly what would be published, with the digest that an approval names."""
    return approval_shape(access.sky.approvals.look(access.post(request.id).id, at=request.at))


@operation("POST /posts/{id}/approve", scope="publish", idempotent=True, network=True, by_person=True)
def approve(access: Access, request: ApprovePost) -> PostShape:
    """Approve exactly what has this digest; any change of the post voids it.

    Authors cannot approve their own posts.
    """
    access.post(request.id)
    who = access.who or access.source
    entry = access.sky.approvals.approve(request.id, request.digest, who, at=request.at, note=request.note, who=who)
    return post_shape(entry)


@operation("POST /posts/{id}/reject", scope="publish", network=True)
def reject(access: Access, request: RejectPost) -> PostShape:
    """Reject a post with a note: earlier approvals are withdrawn, and it is held."""
    access.post(request.id)
    who = access.who or access.source
    return post_shape(access.sky.approvals.reject(request.id, who, note=request.note))


@operation("POST /changes/{change}/undo", scope="schedule", name="changes.undo")
def undo(access: Access, request: UndoChange) -> UndoneShape:
    """Undo a change of your own, completely or not at all.

    It is refused if one of its posts was changed, attempted or published since. What would have gone out meanwhile is
    held.
    """
    for number in access.sky.context.store.journal.posts_of(request.change):
        access.post(number)
    return undone_shape(access.sky.posts.undo(request.change))
