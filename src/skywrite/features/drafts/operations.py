"""Operations on drafts of the official app."""

from __future__ import annotations

from skywrite.app.operations.shapes import Input, OfAccount
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import Output
from skywrite.app.shapes.imports import PulledShape, pulled_shape


class PullDrafts(Input):
    """Whose drafts."""

    account: OfAccount | None = None


class PulledList(Output):
    """The results for the drafts of the official app."""

    drafts: list[PulledShape]


@operation("POST /drafts/pull", scope="draft", idempotent=True, network=True)
def pull_drafts(access: Access, request: PullDrafts) -> PulledList:
    """Copy drafts from the official app."""
    pulled = access.sky.drafts.pull(access.account(request.account).did)
    return PulledList([pulled_shape(draft) for draft in pulled])
