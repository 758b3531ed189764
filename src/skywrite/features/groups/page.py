"""Groups on the page of a post: what belongs to it, and moving and cancelling all of it."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.core.errors import InputError
from skywrite.faces.server.pages.frame import Panel, Visit, back, form_route
from skywrite.faces.server.pages.words import when
from skywrite.features.groups.service import Group
from skywrite.features.groups.store import WAITING
from skywrite.queue.model import Post


def panels(visit: Visit, post: Post) -> list[Panel]:
    """The posts that belong to this one, if there are any."""
    posts = visit.sky.groups.get(post.id).posts
    seen = [entry for entry in posts if visit.access.covers([entry.account.did])]
    may_change = "schedule" in visit.access.scopes and len(seen) == len(posts)
    waits = any(entry.post.state in WAITING for entry in posts)
    values = {"post": post, "posts": seen, "may_change": may_change and waits}
    return [Panel(5, "groups_panel.html", values)] if len(posts) > 1 else []


def move(visit: Visit, form: dict[str, str]) -> Response:
    """Move all of them."""
    number, at = _number(visit), form.get("at", "").strip()
    if not at:
        raise InputError("No time is given.", hint="Write one, such as tomorrow 9:00.")
    moved = visit.sky.groups.move(number, at)
    first = next(entry for entry in moved.posts if entry.post.id in moved.changed)
    zone = visit.sky.context.zone(first.account)
    return back(f"/posts/{number}", f"{_counted(moved)} moved to {when(first.post.due_at, zone)} ({zone}).")


def cancel(visit: Visit, form: dict[str, str]) -> Response:
    """Cancel all of them."""
    number = _number(visit)
    return back(f"/posts/{number}", f"{_counted(visit.sky.groups.cancel(number))} cancelled, never to be published.")


def _counted(group: Group) -> str:
    """How many were changed, of how many."""
    changed, whole = len(group.changed), len(group.posts)
    if changed == whole:
        return "The only post is" if whole == 1 else f"All {whole} posts are"
    return f"{changed} of {whole} posts {'is' if changed == 1 else 'are'}"


def _number(visit: Visit) -> int:
    """The post in the address. Raises NotFound unless the person may know of all that belongs to it."""
    visit.access.require("schedule")
    post = visit.access.post(int(visit.request.path_params["number"]))
    group: Group = visit.sky.groups.get(post.id)
    for entry in group.posts:
        visit.access.post(entry.post.id)
    return post.id


def routes() -> list[BaseRoute]:
    """The forms."""
    return [
        form_route("/posts/{number:id}/together/move", move),
        form_route("/posts/{number:id}/together/cancel", cancel),
    ]
