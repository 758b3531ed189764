"""Follow-ups on the page of a post."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.core.errors import InputError
from skywrite.faces.server.pages.frame import Panel, Visit, back, form_route
from skywrite.queue.follow_ups import FollowUps
from skywrite.queue.model import Post


def panels(visit: Visit, post: Post) -> list[Panel]:
    """What waits for likes of the post, and a form for more."""
    values = {
        "post": post,
        "follow_ups": FollowUps(visit.sky.context.store).of(post.id),
        "may_follow": _may_follow(post) and {"schedule", "publish"} <= visit.access.scopes,
    }
    return [Panel(10, "follow_ups_panel.html", values)]


def _may_follow(post: Post) -> bool:
    """Whether something can happen once the post has so many likes."""
    return post.state in ("scheduled", "publishing", "held") or (post.state == "published" and post.problem is None)


def follow(visit: Visit, form: dict[str, str]) -> Response:
    """Add a reply or a repost for when the post has enough likes."""
    number = _number(visit)
    visit.access.require("publish")
    visit.access.require("schedule")
    when, repost = form.get("when", "").strip(), form.get("repost") == "yes"
    added = visit.sky.follow_ups.add(number, when=when, reply=None if repost else form.get("reply", ""), repost=repost)
    return back(f"/posts/{number}", f"It waits until the post has {added.goal}.")


def unfollow(visit: Visit, form: dict[str, str]) -> Response:
    """Cancel one of the post's follow-ups."""
    number = _number(visit)
    visit.access.require("schedule")
    known = {str(item.id): item for item in visit.sky.follow_ups.list(number)}
    if form.get("follow_up") not in known:
        raise InputError("This post has no such follow-up.")
    visit.sky.follow_ups.cancel(known[form["follow_up"]].id)
    return back(f"/posts/{number}", "The follow-up is cancelled.")


def _number(visit: Visit) -> int:
    """The post in the address. Raises NotFound unless the person may know of it."""
    return visit.access.post(int(visit.request.path_params["number"])).id


def routes() -> list[BaseRoute]:
    """The forms."""
    return [
        form_route("/posts/{number:id}/follow", follow, network=True),
        form_route("/posts/{number:id}/unfollow", unfollow, network=True),
    ]
