"""app.bsky.draft.*: the drafts that the official app keeps on its server.

What does not live here: posts (`appview`).
"""

from __future__ import annotations

from typing import Any

from skywrite.core.http import Response
from skywrite.sandbox.appview import caller
from skywrite.sandbox.pds import Call, Method, Pds
from skywrite.sandbox.wire import XrpcFailure, empty_answer, json_answer

MAX_DRAFTS = 500


def create_draft(pds: Pds, call: Call) -> Response:
    account = caller(pds, call)
    if len(account.drafts) >= MAX_DRAFTS:
        raise XrpcFailure(400, "Too many drafts", "DraftLimitReached")
    draft_id, now = pds.next_tid(), pds.now_iso()
    account.drafts[draft_id] = {"id": draft_id, "draft": call.body["draft"], "createdAt": now, "updatedAt": now}
    return json_answer({"id": draft_id})


def get_drafts(pds: Pds, call: Call) -> Response:
    drafts = sorted(caller(pds, call).drafts.values(), key=lambda one: (one["updatedAt"], one["id"]), reverse=True)
    start = int(call.params.get("cursor", "0"))
    page = drafts[start : start + call.params["limit"]]
    answer: dict[str, Any] = {"drafts": page}
    if start + len(page) < len(drafts):
        answer["cursor"] = str(start + len(page))
    return json_answer(answer)


def update_draft(pds: Pds, call: Call) -> Response:
    """Update a draft. An unknown id is silently ignored, as the lexicon says."""
    changed = call.body["draft"]
    known = caller(pds, call).drafts.get(changed["id"])
    if known is not None:
        known.update(draft=changed["draft"], updatedAt=pds.now_iso())
    return empty_answer()


def delete_draft(pds: Pds, call: Call) -> Response:
    caller(pds, call).drafts.pop(call.body["id"], None)
    return empty_answer()


METHODS = {
    "app.bsky.draft.createDraft": Method(create_draft, "access"),
    "app.bsky.draft.getDrafts": Method(get_drafts, "access"),
    "app.bsky.draft.updateDraft": Method(update_draft, "access"),
    "app.bsky.draft.deleteDraft": Method(delete_draft, "access"),
}
