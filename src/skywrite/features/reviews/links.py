"""`/review/{secret}`: one post, for somebody without an account, who approves it or says why not.

What lives here: reading a link and deciding. What does not: making links (`page`). Looking at it uses nothing up, as
programs that preview links do; what the link's maker may no longer do, the link does not either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from skywrite.app import Skywrite
from skywrite.app.approvals import Asked
from skywrite.core.errors import Conflict, InputError, NotFound, SkywriteError
from skywrite.faces.server.auth import client_of, wrong_guess
from skywrite.faces.server.json_bodies import check_texts
from skywrite.faces.server.limits import bounded
from skywrite.faces.server.pages.frame import render
from skywrite.faces.server.pages.posts import shown_record
from skywrite.faces.server.pages.words import error_words
from skywrite.faces.server.rights import access_of_person
from skywrite.faces.server.services import Served, services_of
from skywrite.features.reviews.store import ReviewLink, ReviewLinks, unknown_link
from skywrite.queue.approvals import Approval, Approvals
from skywrite.queue.authors import written_by
from skywrite.queue.people import People

FORM_BYTES_MAX = 10_000
NOTE_MAX = 1000


async def look(request: Request) -> Response:
    """The post."""
    return await _answered(request, _shown)


async def image(request: Request) -> Response:
    """An image of the post, and no other."""
    return await _answered(request, _image)


async def decide(request: Request) -> Response:
    """The decision."""
    form = await bounded(request, FORM_BYTES_MAX).form(max_files=0, max_fields=10)
    fields = {name: str(value) for name, value in form.items()}
    return await _answered(request, lambda request, link: _decided(request, link, fields))


async def _answered(request: Request, answer: Callable[[Request, ReviewLink], Response]) -> Response:
    client = client_of(request)
    try:
        return await services_of(request).lanes.work.run(client, _with_link, request, answer)
    except NotFound as error:
        wrong_guess(request, "review link")
        return _refused(error)
    except SkywriteError as error:
        return _refused(error)


def _refused(error: SkywriteError) -> Response:
    return render("review.html", status=error.http_status, asked=None, said=error_words(error), done="")


def _with_link(request: Request, answer: Callable[[Request, ReviewLink], Response]) -> Response:
    ctx = services_of(request).sky.context
    link = ReviewLinks(ctx.store).get(request.path_params["secret"])
    # A restored database has forgotten it.
    if ctx.done.get(_note(link)) is not None:
        raise unknown_link()
    return answer(request, link)


def _note(link: ReviewLink) -> str:
    return f"review:{link.digest}"


def _asked(sky: Skywrite, link: ReviewLink) -> Asked:
    """The post as its link shows it. Raises NotFound unless the link's maker may still approve it."""
    person = next((one for one in People(sky.context.store).all() if one.id == link.person_id), None)
    if person is None or "publish" not in access_of_person(sky, person).scopes:
        raise unknown_link()
    is_draft = sky.context.store.posts.get(link.post_id).state == "draft"
    return sky.approvals.look(link.post_id, at=link.due_at if is_draft else None)


def _shown(request: Request, link: ReviewLink) -> Response:
    sky = services_of(request).sky
    asked = _asked(sky, link)
    return render(
        "review.html",
        asked=asked,
        link=link,
        is_changed=asked.digest != link.post_digest,
        is_rejected=_is_rejected(asked.verdicts, link),
        records=[shown_record(record) for record in asked.post.prepared.get("records", ())],
        address=request.url.path,
        zone=asked.zone,
        done="",
        said=None,
    )


def _image(request: Request, link: ReviewLink) -> Response:
    sky, cid = services_of(request).sky, request.path_params["cid"]
    records = _asked(sky, link).post.prepared.get("records", ())
    media = sky.context.store.media
    info = media.info(cid)
    shown = {one["cid"] for record in records for one in shown_record(record)["images"]}
    if cid not in shown or info is None or not info.mime.startswith("image/") or "svg" in info.mime:
        raise unknown_link()
    headers = {"content-security-policy": "default-src 'none'", "cache-control": "private, no-store"}
    return Response(b"".join(media.read(cid)), media_type=info.mime, headers=headers)


def _decided(request: Request, link: ReviewLink, form: dict[str, str]) -> Response:
    sky, note, decision = services_of(request).sky, form.get("note", "").strip()[:NOTE_MAX], form.get("decision")
    check_texts([note])
    if decision not in ("approve", "reject"):
        raise InputError("The link was opened without a decision.", hint="Open it again, and press a button.")
    if _asked(sky, link).digest != link.post_digest:
        raise Conflict(
            "The post was changed since the link was made, so nothing was decided.",
            code="approval.stale",
            hint="Ask the sender for another link.",
        )
    store, who = sky.context.store, f"person {link.person_id}"
    decided = partial(_reject if decision == "reject" else _approve, Approvals(store), link, note, who)
    with ReviewLinks(store).using(link), written_by(who, agent=False):
        # Whoever else decides about the post does it before all of this, or after it.
        store.at_once(decided, accounts=[store.posts.get(link.post_id).account_did])
    sky.context.done.put(_note(link), "used")
    done = (
        "Approved. It goes out as you saw it." if decision == "approve" else "Thank you. It will not go out like this."
    )
    return render("review.html", asked=None, said=None, done=done)


def _approve(approvals: Approvals, link: ReviewLink, note: str, who: str) -> None:
    if _is_rejected(approvals.of(link.post_id), link):
        raise Conflict(
            "The post was rejected since the link was made, so nothing was approved.",
            code="approval.stale",
            hint="Ask the sender for another link.",
        )
    by = _called(link)
    approvals.approve(link.post_id, link.post_digest, by, at=link.due_at, note=note, who=who)


def _reject(approvals: Approvals, link: ReviewLink, note: str, who: str) -> None:
    approvals.reject(link.post_id, _called(link), note=note)


def _called(link: ReviewLink) -> str:
    return f"{link.reviewer} (by a link)"


def _is_rejected(verdicts: Sequence[Approval], link: ReviewLink) -> bool:
    """Whether the last that was decided about the post is a no that the link's maker did not know of."""
    return bool(verdicts) and verdicts[0].verdict == "rejected" and verdicts[0].created_at >= link.created_at


def served(sky: Skywrite) -> Served:
    """The addresses."""
    return Served(
        [
            Route("/review/{secret}", look, methods=["GET"]),
            Route("/review/{secret}", decide, methods=["POST"]),
            Route("/review/{secret}/image/{cid}", image, methods=["GET"]),
        ]
    )
