"""Several posts that were chosen on the plan: moved, copied, cancelled, or shown as they are and approved."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.core.digits import row_number
from skywrite.core.errors import InputError
from skywrite.faces.server.pages.forms import shown_version
from skywrite.faces.server.pages.frame import Visit, back, form_route, show
from skywrite.faces.server.pages.posts import shown_record
from skywrite.features.bulk.service import POSTS_MAX

NAME = "post-"
DIGEST = "digest-"


def shift(visit: Visit, form: dict[str, str]) -> Response:
    """Move them by a while."""
    versions = _chosen(visit, form, "schedule")
    done = visit.sky.bulk.shift([*versions], _by(form), versions=versions)
    return _back(form, len(done.posts), f"moved by {form['by'].strip()}", done.change)


def copy(visit: Visit, form: dict[str, str]) -> Response:
    """Copy them, to another account or another time."""
    versions = _chosen(visit, form, "schedule")
    to, by = form.get("to", ""), form.get("by", "").strip()
    did = visit.access.account(to).did if to else None
    done = visit.sky.bulk.copy([*versions], to=did, by=by or None, source="page")
    return _back(form, len(done.posts), f"copied to {to}" if to else "copied", done.change)


def cancel(visit: Visit, form: dict[str, str]) -> Response:
    """Cancel them."""
    versions = _chosen(visit, form, "schedule")
    done = visit.sky.bulk.cancel([*versions], versions=versions)
    return _back(form, len(done.posts), "cancelled", done.change)


def approve(visit: Visit, form: dict[str, str]) -> Response:
    """Show those that wait for an approval whole; then approve exactly what was shown."""
    visit.access.require("publish")
    digests = {_number(name, DIGEST): value for name, value in form.items() if name.startswith(DIGEST)}
    if not digests:
        return _look(visit, form)
    for number in digests:
        visit.access.post(number)
    done = visit.sky.bulk.approve(digests, visit.person.name, who=visit.access.who)
    return _back(form, len(done.posts), "approved", done.change)


def _look(visit: Visit, form: dict[str, str]) -> Response:
    asked = [visit.sky.approvals.look(number) for number in _chosen(visit, form, "publish")]
    waiting = [one for one in asked if one.wanted]
    if not waiting:
        raise InputError("None of the chosen posts waits for an approval.", hint="Choose those that say so.")
    ready: list[dict[str, Any]] = [
        {"asked": one, "records": [shown_record(record) for record in one.post.prepared.get("records", ())]}
        for one in waiting
        if one.post.due_at is not None
    ]
    title, back_to = "Approve what you chose", form.get("back") or "/"
    return show(visit, "bulk_approve.html", title=title, items=ready, left_out=len(asked) - len(ready), back=back_to)


def _chosen(visit: Visit, form: dict[str, str], scope: Any) -> dict[int, int]:
    """The versions that the page showed, by the numbers of the posts. Raises NotFound, NotAllowed."""
    visit.access.require(scope)
    versions = {_number(name, NAME): shown_version(form[name]) for name in form if name.startswith(NAME)}
    if not versions:
        raise InputError("No post is chosen.", hint="Tick some, then press the button again.")
    for number in versions:
        visit.access.post(number)
    return versions


def _number(name: str, start: str) -> int:
    """The number in the name of a field. Raises InputError."""
    number = row_number(name.removeprefix(start))
    if number is None:
        raise InputError(f"{name!r} names no post.", hint="Reload the page, and choose again.")
    return number


def _by(form: dict[str, str]) -> str:
    by = form["by"].strip()
    if not by:
        raise InputError("How far?", hint="Write it like 1d, 2h30m or -1d.")
    return by


def _back(form: dict[str, str], count: int, what: str, change: str) -> Response:
    posts = "1 post is" if count == 1 else f"{count} posts are"
    return back(form.get("back") or "/", f"{posts} {what}.", undo=change)


def routes() -> list[BaseRoute]:
    """The forms."""
    return [
        form_route("/bulk/shift", shift, max_fields=POSTS_MAX + 10),
        form_route("/bulk/copy", copy, network=True, max_fields=POSTS_MAX + 10),
        form_route("/bulk/cancel", cancel, max_fields=POSTS_MAX + 10),
        form_route("/bulk/approve", approve, network=True, max_fields=POSTS_MAX + 10),
    ]
