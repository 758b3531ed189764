"""What waits for an approval, all of it on one page, with keys for those who have many; and making a link.

What does not live here: what an approval covers and does (`app.approvals`), and what is at a link (`links`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.app import Skywrite
from skywrite.app.entries import count_unapproved
from skywrite.app.operations import Access
from skywrite.core.digits import row_number
from skywrite.core.errors import Conflict, InputError, NotAllowed
from skywrite.core.feature import Need
from skywrite.core.shown import check_name
from skywrite.faces.server.pages.frame import Visit, back, form_route, page_route, show
from skywrite.faces.server.pages.needs import COUNTED_MAX, shown_count
from skywrite.faces.server.pages.posts import approve, reject, shown_record
from skywrite.faces.server.pages.settings import base_address, shown_once
from skywrite.features.reviews.store import ReviewLinks
from skywrite.queue.approval_rules import AGENT_SOURCES
from skywrite.queue.approvals import Approvals
from skywrite.queue.authors import Author

SHOWN_MAX = 50
DAYS_MAX = 30
DAYS = 7


def needs(sky: Skywrite, access: Access) -> Iterator[Need]:
    """Posts that wait for an approval, among the next of each account, and drafts that agents have written."""
    count = 0
    for account in sky.accounts.list():
        if access.covers([account.did]) and count < COUNTED_MAX:
            count += count_unapproved(sky.context, account.did, COUNTED_MAX) + _agents_drafts(sky, account.did)
    words = "1 post waits for an approval." if count == 1 else f"{shown_count(count)} posts wait for an approval."
    yield Need("/approvals", count, words)


def _agents_drafts(sky: Skywrite, did: str) -> int:
    store = sky.context.store
    drafts = (
        post
        for source in AGENT_SOURCES
        for post in store.listing.posts(("draft",), account_did=did, source=source, limit=COUNTED_MAX)
    )
    return sum(standing.wanted for standing in Approvals(store).standings([*drafts]).values())


def approvals(visit: Visit) -> Response:
    """The posts that wait, in due order, each as it would go out."""
    entries = [entry for entry in visit.sky.approvals.list() if visit.access.covers([entry.account.did])]
    names = {f"person {person.id}": person.name for person in visit.services.people.all()}
    return show(
        visit,
        "approvals.html",
        title="Approve",
        items=[_item(visit, entry.post.id, names) for entry in entries[:SHOWN_MAX]],
        more=len(entries) - SHOWN_MAX,
        may_approve="publish" in visit.access.scopes,
        days=DAYS,
    )


def _item(visit: Visit, post_id: int, names: Mapping[str, str]) -> dict[str, Any]:
    asked = visit.sky.approvals.look(post_id)
    records = [shown_record(record) for record in asked.post.prepared.get("records", ())]
    authors = _authors(visit, post_id)
    written = [names.get(author.who, "an agent" if author.agent else author.who) for author in authors]
    is_own = visit.access.who in [author.who for author in authors]
    return {"asked": asked, "records": records, "written": list(dict.fromkeys(written)), "is_own": is_own}


def _authors(visit: Visit, post_id: int) -> list[Author]:
    return Approvals(visit.sky.context.store).authors(post_id)


def decide(visit: Visit, form: dict[str, str]) -> Response:
    """Approve or reject a post, and go on with the next one."""
    number, action = int(visit.request.path_params["number"]), visit.request.path_params["action"]
    visit.access.post(number)
    visit.access.require("publish")
    if action == "link":
        return _link(visit, number, form)
    if action not in ("approve", "reject"):
        raise InputError("There is no such action.")
    return back("/approvals", (approve if action == "approve" else reject)(visit, number, form))


def _link(visit: Visit, number: int, form: dict[str, str]) -> Response:
    """A link for somebody without an account. Whoever may not approve the post hands nothing on."""
    reviewer, days = form.get("reviewer", "").strip(), row_number(form.get("days", str(DAYS)))
    check_name(reviewer, "A reviewer")
    if days is None or not 1 <= days <= DAYS_MAX:
        raise InputError(f"A link works for 1 to {DAYS_MAX} days.")
    asked = visit.sky.approvals.look(number)
    if asked.digest != form.get("digest"):
        raise Conflict("The post was changed meanwhile.", code="approval.stale", hint="Look at it again.")
    if asked.post.due_at is None:
        raise InputError("The draft has no time.", hint="Give it one first: then it is clear what is approved.")
    if visit.access.who in [author.who for author in _authors(visit, number)]:
        raise NotAllowed(
            "You wrote or changed this post.", code="approval.own_post", hint="Ask another person for the link."
        )
    due_at = asked.post.due_at if asked.post.state == "draft" else None
    links = ReviewLinks(visit.sky.context.store)
    secret = links.add(number, asked.digest, due_at=due_at, person_id=visit.person.id, reviewer=reviewer, days=days)
    about = f"The link for {reviewer}. It works once, for this post as it is now, for {days} days."
    return shown_once(visit, secret=f"{base_address(visit)}/review/{secret}", about=about)


def routes() -> list[BaseRoute]:
    """The page and its forms."""
    return [
        page_route("/approvals", approvals, network=True),
        form_route("/approvals/{number:id}/{action}", decide, network=True),
    ]
