"""Operations on groups: one text for several accounts. A group is named by the number of any of its posts."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from skywrite.app.operations.posts import new_row
from skywrite.app.operations.shapes import ById, DraftInput, Id, Input, Key, NewDraft, Word, draft_row
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import Output
from skywrite.app.shapes.posts import PostShape, post_shape
from skywrite.features.groups.service import ACCOUNTS_MAX, Group
from skywrite.queue.changing import unknown_post


class VariantInput(DraftInput, kw_only=True):
    """What differs for one account."""

    account: Annotated[Word, Meta(description="A handle or DID, one of the group's accounts.")]


class AddGroup(NewDraft, kw_only=True):
    """One text for several accounts."""

    accounts: Annotated[list[Word], Meta(description="Handles or DIDs.", min_length=1, max_length=ACCOUNTS_MAX)]
    variants: Annotated[list[VariantInput], Meta(description="What differs.", max_length=ACCOUNTS_MAX)] = field(
        default_factory=list
    )
    at: Annotated[Word, Meta(description="One time for all. Default: a slot of the first account.")] | None = None
    late: Annotated[Word, Meta(description="What to do if its time was missed: publish, skip:2h, hold.")] | None = None
    key: Key | None = None
    draft: Annotated[bool, Meta(description="Keep them as drafts.")] = False


class MoveGroup(Input):
    """Another time for all posts of a group."""

    id: Id
    at: Annotated[Word, Meta(description="When: ISO 8601, or plain English.")]


class TogetherShape(Output):
    """Posts that belong together."""

    posts: list[PostShape]
    warnings: list[str]
    created: bool = False


@operation("POST /groups", scope="schedule", idempotent=True, created=True, network=True)
def add(access: Access, request: AddGroup) -> TogetherShape:
    """Schedule one text for several accounts: all of them, or none. The same key again adds nothing."""
    dids = [access.account(name).did for name in request.accounts]
    row = new_row(access, request, request.late)
    variants = {access.account(one.account).did: draft_row(access, one, row.fields) for one in request.variants}
    group = access.sky.groups.add(
        accounts=dids,
        variants=variants,
        at=None if request.draft else request.at,
        late=row.late,
        key=request.key,
        draft=request.draft,
        source=access.source,
        **row.fields,
    )
    return together_shape(group, created=not group.existed)


@operation("GET /posts/{id}/group", scope="read", name="groups.get")
def get(access: Access, request: ById) -> TogetherShape:
    """Show a post with those that belong to it."""
    return together_shape(_seen(access, request.id))


@operation("POST /posts/{id}/group/move", scope="schedule", name="groups.move", idempotent=True)
def move(access: Access, request: MoveGroup) -> TogetherShape:
    """Move all posts of a group that wait to one time, except those that a person holds back."""
    _seen(access, request.id)
    return together_shape(access.sky.groups.move(request.id, request.at))


@operation("DELETE /posts/{id}/group", scope="schedule", name="groups.cancel")
def cancel(access: Access, request: ById) -> TogetherShape:
    """Cancel all posts of a group that wait."""
    _seen(access, request.id)
    return together_shape(access.sky.groups.cancel(request.id))


def together_shape(group: Group, *, created: bool = False) -> TogetherShape:
    """A group as JSON."""
    warnings = [str(warning) for warning in group.warnings]
    return TogetherShape([post_shape(entry) for entry in group.posts], warnings, created)


def _seen(access: Access, post_id: int) -> Group:
    """A group that the caller may know of, with each of its accounts. Raises NotFound."""
    group = access.sky.groups.get(access.post(post_id).id)
    return access.seen(group, [entry.account.did for entry in group.posts], unknown_post(post_id))
