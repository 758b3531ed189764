"""One post: its content, its state, every attempt in plain words, and what can be done next; and the history.

What lives here: the page of a post with its buttons, and the list of finished posts. What does not: changing the text
(`compose`), times on the plan (`plan`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.app.approvals import Asked
from skywrite.app.drafting import edited_row
from skywrite.app.entries import entries
from skywrite.app.operations import OPERATIONS
from skywrite.app.operations.post_shapes import UndoChange
from skywrite.app.results import Entry
from skywrite.core.digits import row_number
from skywrite.core.errors import InputError
from skywrite.faces.server.pages.forms import shown_version
from skywrite.faces.server.pages.frame import (
    Visit,
    back,
    drawn,
    form_route,
    now_as_time,
    page_route,
    show,
    undo_left,
    undo_seconds,
)
from skywrite.faces.server.pages.words import when
from skywrite.features import homes
from skywrite.posting.compose.references import app_link
from skywrite.posting.schedule.policy import late_text
from skywrite.queue.api_keys import Scope
from skywrite.queue.changing import DELETED, EDITABLE_STATES
from skywrite.queue.journal import together
from skywrite.queue.listing import Cursor
from skywrite.queue.model import FINAL_STATES, Post

HISTORY_POSTS = 50
# The actions on this page that can be undone.
UNDOABLE = ("cancel", "hold", "release", "retry", "now", "move", "approve")
SENTENCES = {
    "published": "It is on the network.",
    "retry": "Not for now; Skywrite tries again.",
    "failed": "The server refused it.",
    "held": "It waits for you.",
    "lost": "Its worker stopped in the middle. The next attempt looked whether it had gone out.",
    "released": "Its worker was stopped before it sent anything.",
    None: "Under way.",
}


class Button(NamedTuple):
    """An action on a post: its path, the button's label, and the scope that it needs."""

    action: str
    label: str
    scope: str
    style: str = ""


_BUTTONS = {
    "draft": (Button("cancel", "Delete the draft", "draft", "danger"),),
    "scheduled": (
        Button("now", "Post now", "publish"),
        Button("hold", "Hold", "schedule"),
        Button("cancel", "Cancel", "schedule", "danger"),
    ),
    "held": (
        Button("release", "Let it go out", "publish", "main"),
        Button("cancel", "Cancel", "schedule", "danger"),
    ),
    "failed": (Button("retry", "Try again", "publish", "main"), Button("cancel", "Cancel", "schedule", "danger")),
    "published": (Button("delete", "Delete from the network", "publish", "danger"),),
}


def post(visit: Visit) -> Response:
    """The page of one post."""
    entry = visit.sky.posts.get(visit.access.post(_number(visit)).id)
    zone = visit.sky.context.zone(entry.account)
    scopes = visit.access.scopes
    seconds_left = undo_left(visit, entry.post)
    buttons = [
        button
        for button in (() if is_deleted(entry.post) else _BUTTONS.get(entry.post.state, ()))
        if button.scope in scopes and not (button.action == "now" and seconds_left is not None)
    ]
    return show(
        visit,
        "post.html",
        title="Draft" if entry.post.state == "draft" else "Post",
        is_deleted=is_deleted(entry.post),
        entry=entry,
        post=entry.post,
        records=[shown_record(record) for record in entry.post.prepared.get("records", ())],
        zone=zone,
        buttons=buttons,
        sentences=SENTENCES,
        may_edit=entry.post.state in EDITABLE_STATES and _scope_of(entry.post) in scopes,
        may_repeat="draft" in scopes,
        undo_seconds=seconds_left,
        may_move=entry.post.state in ("draft", "scheduled", "held") and "schedule" in scopes,
        waits=entry.post.state in ("scheduled", "publishing"),
        asked=_asked(visit, entry),
        may_approve="publish" in scopes,
        panels=drawn(visit, (panel for find in homes("post_panels") for panel in find(visit, entry.post)), zone=zone),
    )


def _asked(visit: Visit, entry: Entry) -> Asked | None:
    """What is to be approved: an agent's draft, or a post whose account requires it."""
    if entry.post.state not in ("draft", "scheduled", "held"):
        return None
    asked = visit.sky.approvals.look(entry.post.id)
    return asked if asked.wanted or asked.verdicts else None


def act(visit: Visit, form: dict[str, str]) -> Response:
    """Handle a button of the page. It sends the version that the page showed, so that a later change is not
    overwritten.
    """
    number, action = _number(visit), visit.request.path_params["action"]
    visit.access.post(number)
    scope, call, done = _ACTIONS.get(action, _ACTIONS["cancel"])
    if action not in _ACTIONS:
        raise InputError("There is no such action.")
    visit.access.require(scope)  # type: ignore[arg-type]
    with together() as change:
        message = call(visit, number, form) or done
    return back(f"/posts/{number}", message, undo=change if action in UNDOABLE else "")


def undo(visit: Visit, form: dict[str, str]) -> Response:
    """Take back what was just done, from the line that says so."""
    visit.access.require(OPERATIONS["changes.undo"].scope)
    undone = OPERATIONS["changes.undo"].call(visit.access, UndoChange(change=form["change"]))
    count = "It is" if undone.posts == 1 else f"All {undone.posts} are"
    held = " Its time has passed meanwhile, so it is held." if undone.held else ""
    # What was made is gone, and so is its page.
    is_gone = undone.verb == "schedule" and urlsplit(form.get("back", "")).path != "/"
    return back("/" if is_gone else form.get("back") or "/", f"{count} as before.{held}")


def again(visit: Visit, form: dict[str, str]) -> Response:
    """The same once more, as a draft in the composer."""
    visit.access.require("draft")
    post = visit.access.post(_number(visit))
    late = late_text(post.late_policy, post.late_seconds)
    with together() as change:
        scheduled = visit.sky.posts.schedule(
            account=post.account_did, draft=True, source="page", late=late, **edited_row(post, {})
        )
    return back("/compose", "Here it is again, as a draft.", draft=str(scheduled.post_id), undo=change)


def is_deleted(post: Post) -> bool:
    """Whether it went out, and was deleted from the network since."""
    return post.problem is not None and post.problem.code == DELETED


def shown_state(post: Post) -> str:
    """The state of a post for people."""
    return "deleted" if is_deleted(post) else post.state


def _scope_of(post: Post) -> Scope:
    """The scope needed to change a post."""
    return "draft" if post.state == "draft" else "schedule"


def take_back(visit: Visit, form: dict[str, str]) -> Response:
    """Cancel a post that is about to go out, and open its content as a draft."""
    visit.access.require("schedule")
    post = visit.access.post(_number(visit))
    cancelled = visit.sky.posts.cancel(post.id, version=_version(form)).post
    row = edited_row(cancelled, {})
    late = late_text(cancelled.late_policy, cancelled.late_seconds)
    scheduled = visit.sky.posts.schedule(account=cancelled.account_did, draft=True, source="page", late=late, **row)
    return back("/compose", "It will not go out. Here it is again, as a draft.", draft=str(scheduled.post_id))


def _cancel(visit: Visit, number: int, form: dict[str, str]) -> None:
    visit.access.require(_scope_of(visit.access.post(number)))
    visit.sky.posts.cancel(number, version=_version(form))


def _version(form: dict[str, str]) -> int | None:
    return shown_version(form["version"]) if form.get("version") else None


def _move(visit: Visit, number: int, form: dict[str, str]) -> str:
    at = form.get("at", "").strip().replace("T", " ")
    if not at:
        raise InputError("No time is given.", hint="Write one, such as tomorrow 9:00.")
    entry = visit.sky.posts.move(number, at, version=_version(form))
    notes = " ".join(str(warning) for warning in entry.warnings)
    zone = visit.sky.context.zone(entry.account)
    return f"It goes out {when(entry.post.due_at, zone)} ({zone}). {notes}".strip()


def _now(visit: Visit, number: int, form: dict[str, str]) -> str:
    settings = visit.sky.accounts.get(visit.access.post(number).account_did).settings
    at = now_as_time(settings)
    visit.sky.posts.move(number, at, version=_version(form))
    return f"It goes out {at}."


def _hold(visit: Visit, number: int, form: dict[str, str]) -> None:
    visit.sky.posts.hold(number, version=_version(form))


def _release(visit: Visit, number: int, form: dict[str, str]) -> None:
    visit.sky.posts.release(number, version=_version(form))


def _retry(visit: Visit, number: int, form: dict[str, str]) -> None:
    visit.sky.posts.retry(number, version=_version(form))


_ACTIONS: dict[str, tuple[str, Callable[[Visit, int, dict[str, str]], Any], str]] = {
    "cancel": ("draft", _cancel, "It is cancelled, and will never be published."),
    "hold": ("schedule", _hold, "It is held."),
    "release": ("publish", _release, "It goes out."),
    "retry": ("publish", _retry, "Skywrite tries again."),
    "now": (
        "publish",
        _now,
        "",
    ),
    "delete": (
        "publish",
        lambda visit, number, form: _none(visit.sky.posts.delete(number)),
        "It is deleted from the network.",
    ),
    "move": ("schedule", _move, ""),
}


def approve(visit: Visit, number: int, form: dict[str, str]) -> str:
    """Approve what the person looked at. Returns what to say."""
    who, note = visit.access.who, form.get("note", "").strip()
    at: str | datetime | None = form.get("at") or None
    by, digest = visit.person.name, form.get("digest", "")
    seen = visit.sky.approvals.look(number)
    if at and seen.post.due_at is None and digest == seen.digest:
        # The draft had no time, and is what the person looked at: with the time that they give, it has another digest.
        wait = max(undo_seconds(seen.account.settings), 1)
        seen = visit.sky.approvals.look(number, at=f"in {wait} seconds" if at == "now" else at)
        at, digest = seen.post.due_at, seen.digest
    entry = visit.sky.approvals.approve(number, digest, by, at=at, note=note, who=who)
    return f"Approved. It goes out {when(entry.post.due_at, visit.sky.context.zone(entry.account))}."


def reject(visit: Visit, number: int, form: dict[str, str]) -> str:
    """Reject a post, with a note. Returns what to say."""
    visit.sky.approvals.reject(number, visit.person.name, note=form.get("note", "").strip())
    return "Rejected: it will not go out unless it is approved."


_ACTIONS |= {
    "approve": ("publish", approve, ""),
    "reject": ("publish", reject, ""),
}


def _none(_: Any) -> None:
    return None


def _number(visit: Visit) -> int:
    return int(visit.request.path_params["number"])


class Piece(NamedTuple):
    """A run of a text: plain, or a link, mention or hashtag."""

    text: str
    kind: str


def shown_record(record: dict[str, Any]) -> dict[str, Any]:
    """A record for the page: the text in pieces, and its media."""
    embed = record.get("embed") or {}
    media = embed.get("media", embed)
    kind = str(media.get("$type", "")).rpartition(".")[2]
    images = media.get("images") or media.get("items") or [] if kind in ("images", "gallery") else []
    return {
        "pieces": pieces(record),
        "images": [{"cid": image["image"]["ref"]["$link"], "alt": image.get("alt", "")} for image in images],
        "card": media.get("external") if kind == "external" else None,
        "video": media.get("alt", "") if kind == "video" else None,
        "quote": app_link_or_none(
            (embed.get("record") or {}).get("uri") or ((embed.get("record") or {}).get("record") or {}).get("uri")
        ),
        "langs": record.get("langs") or [],
        "labels": [item["val"] for item in (record.get("labels") or {}).get("values", ())],
        "reply": app_link_or_none(((record.get("reply") or {}).get("parent") or {}).get("uri")),
    }


def app_link_or_none(uri: Any) -> str | None:
    """Where people find a post: its page on bsky.app, or its address if there is none."""
    try:
        return app_link(str(uri)) if uri else None
    except InputError:
        return str(uri)


def pieces(record: dict[str, Any]) -> list[Piece]:
    """The text of a record split at its facets, whose positions are UTF-8 bytes."""
    data, parts, at = str(record.get("text", "")).encode(), [], 0
    for facet in sorted(record.get("facets") or (), key=lambda facet: facet["index"]["byteStart"]):
        start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        if start < at:
            continue
        parts += [Piece(data[at:start].decode(), ""), Piece(data[start:end].decode(), "facet")]
        at = end
    return [piece for piece in [*parts, Piece(data[at:].decode(), "")] if piece.text]


def history(visit: Visit) -> Response:
    """Finished posts, the latest first, page by page, with a search."""
    text, state = visit.query("text").strip(), visit.query("state")
    states = (state,) if state in FINAL_STATES else FINAL_STATES
    after = Cursor.parse(visit.query("cursor")) if visit.query("cursor") else None
    posts = visit.sky.context.store.listing.history(states, text=text or None, after=after, limit=HISTORY_POSTS + 1)
    return _listed(visit, "History", posts, lambda last: str(Cursor.changed(last)), text, state, FINAL_STATES)


def drafts(visit: Visit) -> Response:
    """All drafts, the newest first, page by page, with a search."""
    text, before = visit.query("text").strip(), row_number(visit.query("cursor"))
    posts = visit.sky.context.store.listing.drafts(text=text or None, before_id=before, limit=HISTORY_POSTS + 1)
    return _listed(visit, "Drafts", posts, lambda last: str(last.id), text)


def _listed(
    visit: Visit,
    title: str,
    posts: list[Post],
    cursor: Callable[[Post], str],
    text: str,
    state: str = "",
    states: tuple[str, ...] = (),
) -> Response:
    return show(
        visit,
        "history.html",
        title=title,
        entries=[*entries(visit.sky.context, posts[:HISTORY_POSTS])],
        following=cursor(posts[HISTORY_POSTS - 1]) if len(posts) > HISTORY_POSTS else "",
        text=text,
        state=state,
        states=states,
        zone_of=visit.sky.context.zone,
        shown_state=shown_state,
        several=len(visit.sky.accounts.list()) > 1,
    )


def routes() -> list[BaseRoute]:
    """The pages and their forms."""
    return [
        page_route("/posts/{number:id}", post, network=True),
        form_route("/posts/{number:id}/take-back", take_back, network=True),
        form_route("/posts/{number:id}/again", again, network=True),
        form_route("/posts/{number:id}/{action}", act, network=True),
        form_route("/undo", undo),
        page_route("/history", history),
        page_route("/drafts", drafts),
    ]
