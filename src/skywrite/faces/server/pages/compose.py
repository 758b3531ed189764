"""The composer: a text with its media and options, a preview by the code that publishes, and the time.

What lives here: the form, filled from a draft or from what a phone shared, and handling it without a script. What does
not: the values of the form (`filled`), autosaved drafts and the live preview, which use the API
(`static/js/compose.js`).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from skywrite.app.operations import OPERATIONS
from skywrite.app.operations.media import MediaShape, keep_upload
from skywrite.core.digits import row_number
from skywrite.core.errors import Conflict, InputError, SkywriteError
from skywrite.faces.server.auth import person_of
from skywrite.faces.server.limits import in_turn
from skywrite.faces.server.pages.filled import (
    EDITED,
    JOINT,
    Filled,
    beside,
    changes,
    from_address,
    from_form,
    from_post,
    stored,
)
from skywrite.faces.server.pages.forms import Sent, read_form, shown_version
from skywrite.faces.server.pages.frame import (
    Visit,
    back,
    in_lane,
    now_as_time,
    page_route,
    show,
    signed_out,
    undo_seconds,
)
from skywrite.faces.server.pages.kept import kept_words
from skywrite.faces.server.pages.words import error_words, when
from skywrite.faces.server.services import services_of
from skywrite.faces.server.uploads import UPLOAD_BYTES_MAX
from skywrite.queue.changing import EDITABLE_STATES, check_version
from skywrite.queue.model import Account, Post

IMAGE_FILES_MAX = 10
FIELDS_MAX = 120
REPLIES = (
    ("", "Everyone"),
    ("nobody", "Nobody"),
    ("mentioned", "People I mention"),
    ("followers", "My followers"),
    ("following", "People I follow"),
)
LABELS = ("", "sexual", "nudity", "porn", "graphic-media")
NUMBERS = (("none", "No numbers"), ("1/n", "1/4 at the end"), ("thread", "Only a sign that more follows"))


def compose(visit: Visit) -> Response:
    """The page."""
    visit.access.require("draft")
    post = _draft(visit)
    return _form(visit, from_post(visit, post) if post else _signed(visit, from_address(visit)), post)


def _signed(visit: Visit, filled: Filled) -> Filled:
    """A new post with the signature of its account, which can be seen and changed."""
    chosen = chosen_account(visit.sky.accounts.list(), filled.account)
    signature = _signatures(_snippets(visit))[chosen.handle] if chosen else ""
    return filled._replace(text=f"{filled.text}\n\n{signature}") if signature else filled


def _snippets(visit: Visit) -> list[Any]:
    """The texts that are used again, if there is that feature."""
    listed = OPERATIONS.get("snippets.list")
    return listed.run(visit.access, listed.input()).snippets if listed else []


def _signatures(snippets: Iterable[Any]) -> defaultdict[str, str]:
    """What new posts end with, by the handles of accounts; nothing for most."""
    return defaultdict(str, {one.account: one.text for one in snippets if one.signature})


def _form(visit: Visit, filled: Filled, post: Post | None, error: SkywriteError | None = None) -> Response:
    accounts = visit.sky.accounts.list()
    chosen = chosen_account(accounts, filled.account)
    may_schedule = "schedule" in visit.access.scopes
    snippets = _snippets(visit)
    return show(
        visit,
        "compose.html",
        status=error.http_status if error else 200,
        max_bytes=UPLOAD_BYTES_MAX,
        title="Compose",
        filled=filled if may_schedule else filled._replace(mode="draft"),
        post=post,
        is_waiting=post is not None and post.state != "draft",
        may_schedule=may_schedule,
        may_group="groups.add" in OPERATIONS,
        has_snippets=bool(snippets),
        signatures=_signatures(snippets),
        need_alt=[item.handle for item in accounts if item.settings.get("require_alt")],
        stored=json.dumps(stored(visit, post)) if post else "{}",
        kept=kept_words(post, EDITED) if post else [],
        accounts=accounts,
        chosen=chosen,
        zone=visit.sky.context.zone(chosen) if chosen else "UTC",
        zones={item.did: visit.sky.context.zone(item) for item in accounts},
        waits={item.did: undo_seconds(item.settings) for item in accounts},
        slots={item.did: bool(visit.sky.accounts.slots(item.did)) for item in accounts},
        replies=_choices(REPLIES, filled.replies),
        numberings=_choices(NUMBERS, filled.numbering),
        labels=_choices([(name, name or "none") for name in LABELS], filled.label),
        error=error_words(error) if error else "",
    )


def chosen_account(accounts: list[Account], handle: str) -> Account | None:
    return next((item for item in accounts if item.handle == handle), accounts[0] if accounts else None)


def _draft(visit: Visit) -> Post | None:
    post_id = row_number(visit.query("draft"))
    return None if post_id is None else _editable(visit, post_id)


def _editable(visit: Visit, number: int) -> Post:
    """A post that the person may still change. Raises Conflict."""
    post = visit.access.post(number)
    if post.state not in EDITABLE_STATES:
        raise Conflict(
            f"Post {number} is {post.state}.", code="post.not_editable", hint="Look at its page for what can be done."
        )
    if post.state != "draft":
        visit.access.require("schedule")
    return post


def _choices(known: Iterable[tuple[str, str]], chosen: str) -> list[tuple[str, str]]:
    """The choices of a list; several together, which can be given elsewhere, are one more."""
    words = dict(known)
    if chosen not in words:
        words[chosen] = ", ".join(words.get(name, name) for name in chosen.split(JOINT))
    return list(words.items())


async def sent(request: Request) -> Response:
    """Handle the form without the script's help."""
    person = await person_of(request)
    if person is None:
        return signed_out(request)
    visit = Visit(request, services_of(request), person)
    async with in_turn(request, visit.services.lanes.files, visit.access.share):
        form = await read_form(request, UPLOAD_BYTES_MAX, max_files=IMAGE_FILES_MAX, max_fields=FIELDS_MAX)
        try:
            return await in_lane(visit, lambda seen: _sent(seen, form), network=True)
        finally:
            await form.close()


def _sent(visit: Visit, form: Sent) -> Response:
    filled, start, post = from_form(form.fields), Filled(), None
    try:
        if form.too_large is not None:
            raise form.too_large
        visit.access.require("draft")
        if filled.post:
            if (post_id := row_number(filled.post)) is None:
                raise InputError(f"{filled.post[:40]!r} is not the number of a post.", hint="Reload the page.")
            post = _editable(visit, post_id)
        start = from_post(visit, post) if post else Filled()
        filled = _with_files(visit, beside(filled, start), form)
        chosen = chosen_account(visit.sky.accounts.list(), filled.account)
        time = _time(filled, chosen.settings if chosen else {})
        shape = _made(visit, filled, post, {**changes(filled, start), **time})
    except SkywriteError as error:
        # A browser sends its files again only if they are chosen again.
        return _form(visit, filled._replace(images=start.images, video=start.video), post, error)
    if filled.mode == "every":
        return back("/recurrences", f"Planned: {shape.said}.")
    account = visit.sky.accounts.get(shape.did)
    if shape.state == "draft":
        return back("/", "The draft is kept.")
    return back(f"/posts/{shape.id}", f"It goes out {when(shape.due_at, visit.sky.context.zone(account))}.")


def _made(visit: Visit, filled: Filled, post: Post | None, body: dict[str, Any]) -> Any:
    """Store the form: edit the post if it keeps its place in the queue, otherwise replace it by a new one."""
    import msgspec

    # Only a new post gets a slot or a recurrence.
    edited = post if filled.mode in ("at", "now", "draft") else None
    name = "recurrences.add" if filled.mode == "every" else "posts.edit" if edited else "posts.create"
    if edited:
        body.pop("draft", None)
        if filled.mode == "at" and filled.kept and filled.at == filled.kept:
            body.pop("at")
        body |= {"id": edited.id, "version": _version(filled, edited)}
    else:
        body |= {"account": filled.account or None, "copy_of": post.id if post else None}
        if post is not None:
            # It is copied and goes: not what somebody else made of it meanwhile.
            check_version(post, _version(filled, post))
    operation = OPERATIONS[name]
    visit.access.require(operation.scope)
    shape = operation.run(visit.access, msgspec.convert(body, operation.input))
    if post is not None and edited is None:
        visit.sky.posts.cancel(post.id, version=post.version)
    return shape


def _version(filled: Filled, edited: Post) -> int:
    """The version that the form shows; without one, the post's own."""
    if not filled.version:
        return edited.version
    return shown_version(filled.version)


def _time(filled: Filled, settings: Mapping[str, Any]) -> dict[str, Any]:
    if filled.mode == "now":
        return {"at": now_as_time(settings)}
    if filled.mode == "draft":
        return {"draft": True}
    if filled.mode == "every":
        ends = {"starts": filled.starts.strip(), "until": filled.until.strip()}
        skip = filled.skip.replace(",", " ").split()
        return {
            "every": filled.every,
            **({"skip": skip} if skip else {}),
            **{name: value for name, value in ends.items() if value},
        }
    if filled.mode == "at":
        if not filled.at.strip():
            raise InputError("No time is given.", hint="Write one, such as tomorrow 9:00, or keep it as a draft.")
        return {"at": filled.at.replace("T", " ")}
    if filled.mode == "slot":
        return {}
    raise InputError(f"The form asks for {filled.mode!r}, which is no time.", hint="Reload the page, and try again.")


def _with_files(visit: Visit, filled: Filled, form: Sent) -> Filled:
    """The form with its files beside the media that it had."""
    alt = form.fields.get("alt", "")
    for file in (file for file in form.files if file.filename):
        upload = _keep(visit, file)
        item = {"media": upload.media, "alt": alt}
        if not upload.mime.startswith("video/"):
            filled = filled._replace(images=(*filled.images, item))
        elif filled.video is None:
            filled = filled._replace(video=item)
        else:
            raise InputError("A post has one video.", hint="Put the second one into a post of its own.")
    return filled


def _keep(visit: Visit, file: UploadFile) -> MediaShape:
    with tempfile.TemporaryDirectory(prefix="skywrite-") as folder:
        path = Path(folder) / "upload"
        with path.open("wb") as out:
            shutil.copyfileobj(file.file, out)
        return keep_upload(visit.access, path, file.filename or "image")


def media(visit: Visit) -> Response:
    """The bytes of an uploaded image, for the composer and the post's page; only images."""
    cid = visit.request.path_params["cid"]
    info = visit.sky.context.store.media.info(cid)
    if info is None or not info.mime.startswith("image/") or "svg" in info.mime:
        raise InputError("There is no such image.")
    data = b"".join(visit.sky.context.store.media.read(cid))
    headers = {"content-security-policy": "default-src 'none'", "cache-control": "private, max-age=3600"}
    return Response(data, media_type=info.mime, headers=headers)


def routes() -> list[BaseRoute]:
    """The page, its form, and the addresses for its script."""
    return [
        page_route("/compose", compose),
        Route("/compose", sent, methods=["POST"], name="form /compose"),
        page_route("/image/{cid}", media),
    ]
