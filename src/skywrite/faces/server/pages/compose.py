"""The composer: a text with its media and options, a preview by the code that publishes, and the time.

What lives here: the form, filled from a draft or from what a phone shared, and handling it without a script. What does
not: autosaved drafts and the live preview, which use the API (`static/app.js`).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from skywrite.app.drafting import is_card_of_text
from skywrite.app.operations import OPERATIONS
from skywrite.app.operations.media import MediaShape, keep_upload
from skywrite.core.digits import row_number
from skywrite.core.errors import Conflict, InputError, SkywriteError
from skywrite.faces.server.auth import person_of
from skywrite.faces.server.limits import in_turn
from skywrite.faces.server.pages.forms import Sent, read_form
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
from skywrite.faces.server.pages.words import error_words, hint_words, when
from skywrite.faces.server.services import services_of
from skywrite.faces.server.uploads import UPLOAD_BYTES_MAX
from skywrite.queue.changing import EDITABLE_STATES, check_version
from skywrite.queue.model import Account, Post

IMAGE_FILES_MAX = 10
FIELDS_MAX = 60
PEOPLE_MAX = 6
QUERY_MAX = 100
REPLIES = (
    ("", "Everyone"),
    ("nobody", "Nobody"),
    ("mentioned", "People I mention"),
    ("followers", "My followers"),
    ("following", "People I follow"),
)
LABELS = ("", "sexual", "nudity", "porn", "graphic-media")
JOINT = ", "


class Filled(NamedTuple):
    """The contents of the form."""

    text: str = ""
    images: tuple[Mapping[str, Any], ...] = ()
    video: Mapping[str, Any] | None = None
    account: str = ""
    at: str = ""
    mode: str = "at"
    every: str = ""
    card: str = "auto"
    quote: str = ""
    reply_to: str = ""
    replies: str = ""
    quotes: bool = True
    label: str = ""
    lang: str = ""
    split: bool = False
    # What the form sends back: the post that is edited, its version, and its time.
    post: str = ""
    version: str = ""
    kept: str = ""


def compose(visit: Visit) -> Response:
    """The page."""
    visit.access.require("draft")
    post = _draft(visit)
    filled = _from_draft(visit, post) if post else _from_address(visit)
    return _form(visit, filled, post)


def _form(visit: Visit, filled: Filled, post: Post | None, error: SkywriteError | None = None) -> Response:
    accounts = visit.sky.accounts.list()
    chosen = _chosen(accounts, filled.account)
    may_schedule = "schedule" in visit.access.scopes
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
        need_alt=[item.handle for item in accounts if item.settings.get("require_alt")],
        stored=json.dumps(_stored(visit, post)) if post else "{}",
        kept=kept_words(post, EDITED) if post else [],
        accounts=accounts,
        chosen=chosen,
        zone=visit.sky.context.zone(chosen) if chosen else "UTC",
        zones={item.did: visit.sky.context.zone(item) for item in accounts},
        waits={item.did: undo_seconds(item.settings) for item in accounts},
        has_slots=bool(chosen and visit.sky.accounts.slots(chosen.did)),
        replies=_choices(REPLIES, filled.replies),
        labels=_choices([(name, name or "none") for name in LABELS], filled.label),
        error=error_words(error) if error else "",
    )


def _chosen(accounts: list[Account], handle: str) -> Account | None:
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


def _from_draft(visit: Visit, post: Post) -> Filled:
    draft = post.draft
    account = visit.sky.accounts.get(post.account_did)
    kept = _local(post.due_at, visit.sky.context.zone(account)) if post.due_at and post.state != "draft" else ""
    return Filled(
        text=_lines(post.text),
        images=tuple(_shown(item) for item in draft.get("images") or ()),
        video=_shown(draft["video"]) if draft.get("video") else None,
        account=account.handle,
        at=visit.query("at").replace("T", " ") or kept,
        post=str(post.id),
        version=str(post.version),
        kept=kept,
        card=_card(post),
        quote=_link(draft.get("quote")),
        reply_to=_link(draft.get("reply_to")),
        replies="" if draft.get("replies") is None else JOINT.join(draft["replies"]) or "nobody",
        quotes=draft.get("quotes", True),
        label=JOINT.join(draft.get("labels", ())),
        lang=JOINT.join(draft.get("langs", ())),
        split=bool(draft.get("split")),
    )


def _from_address(visit: Visit) -> Filled:
    """Fill the form from a link with a time, or from what a phone shared (Web Share Target: title, text, url)."""
    shared = [visit.query(name).strip() for name in ("title", "text", "url")]
    text = "\n".join(dict.fromkeys(filter(None, shared)))
    at = visit.query("at").replace("T", " ")
    return Filled(text=text, account=visit.query("account"), at=at)


def _local(at: datetime, zone: str) -> str:
    """A time for the field: in the account's zone, with the offset only if the hour occurs twice."""
    local = at.astimezone(ZoneInfo(zone))
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return local.isoformat(" ", "minutes") if twice else f"{local:%Y-%m-%d %H:%M}"


def _link(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("parent", value).get("uri", ""))
    return str(value or "")


def _card(post: Post) -> str:
    """What the box for the card stands for: the page of the first link, or one whose address was given."""
    card = post.draft.get("card", "auto")
    if not isinstance(card, Mapping):
        return str(card)
    return "auto" if is_card_of_text(post) else str(card["url"])


def _lines(text: str) -> str:
    """A text as a browser sends it back."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _shown(item: Mapping[str, Any]) -> dict[str, Any]:
    """An image or a video as the form has it."""
    return {"media": item.get("cid", ""), "alt": item.get("alt", "")}


def _choices(known: Iterable[tuple[str, str]], chosen: str) -> list[tuple[str, str]]:
    """The choices of a list; several together, which can be given elsewhere, are one more."""
    words = dict(known)
    if chosen not in words:
        words[chosen] = ", ".join(words.get(name, name) for name in chosen.split(JOINT))
    return list(words.items())


def _stored(visit: Visit, post: Post) -> dict[str, Any]:
    """A post for the script: what the form began with, and what it shows of the media."""
    return {
        "id": post.id,
        "version": post.version,
        "state": post.state,
        "gif": bool((post.draft.get("video") or {}).get("gif")),
        "values": _values(_from_draft(visit, post)),
    }


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
    filled, start, post = _from_form(form.fields), Filled(), None
    try:
        if form.too_large is not None:
            raise form.too_large
        visit.access.require("draft")
        if (post_id := row_number(filled.post)) is not None:
            post = _editable(visit, post_id)
        start = _from_draft(visit, post) if post else Filled()
        filled = _with_files(visit, filled._replace(images=start.images, video=start.video), form)
        chosen = _chosen(visit.sky.accounts.list(), filled.account)
        time = _time(filled, chosen.settings if chosen else {})
        made = _made(visit, filled, post, {**_changes(filled, start), **time})
    except SkywriteError as error:
        # A browser sends its files again only if they are chosen again.
        return _form(visit, filled._replace(images=start.images, video=start.video), post, error)
    if filled.mode == "every":
        return back("/recurrences", f"It comes {made.said}.")
    account = visit.sky.accounts.get(made.did)
    if made.state == "draft":
        return back("/", "The draft is kept.")
    return back(f"/posts/{made.id}", f"It goes out {when(made.due_at, visit.sky.context.zone(account))}.")


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
    made = operation.run(visit.access, msgspec.convert(body, operation.input))
    if post is not None and edited is None:
        visit.sky.posts.cancel(post.id, version=post.version)
    return made


def _version(filled: Filled, edited: Post) -> int:
    """The version that the form shows; without one, the post's own."""
    if not filled.version:
        return edited.version
    version = row_number(filled.version)
    if version is None:
        raise InputError("The form's version is not a number.", hint="Reload the page, and try again.")
    return version


def _from_form(fields: Mapping[str, str]) -> Filled:
    return Filled(
        text=_lines(fields.get("text", "")),
        account=fields.get("account", ""),
        at=fields.get("at", ""),
        mode=fields.get("mode", "draft"),
        every=fields.get("every", ""),
        card=fields.get("card") or "none",
        quote=fields.get("quote", ""),
        reply_to=fields.get("reply_to", ""),
        replies=fields.get("replies", ""),
        quotes=bool(fields.get("quotes")),
        label=fields.get("label", ""),
        lang=fields.get("lang", ""),
        split=bool(fields.get("split")),
        post=fields.get("post", ""),
        version=fields.get("version", ""),
        kept=fields.get("kept", ""),
    )


def _values(filled: Filled) -> dict[str, Any]:
    """The form as fields of a draft."""
    return {
        "text": filled.text,
        "images": list(filled.images),
        "video": filled.video,
        "card": filled.card,
        "quotes": filled.quotes,
        "quote": filled.quote.strip() or None,
        "reply_to": filled.reply_to.strip() or None,
        "replies": _several(filled.replies) or None,
        "labels": _several(filled.label),
        "langs": _several(filled.lang),
        "split": filled.split,
    }


def _several(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


# All other fields of a draft are shown as they are.
EDITED = tuple(_values(Filled()))


def _changes(filled: Filled, start: Filled) -> dict[str, Any]:
    """What the person changed. Whatever the form has no field for is not in it, and stays as it is."""
    before = _values(start)
    return {name: value for name, value in _values(filled).items() if value != before[name]}


def _time(filled: Filled, settings: Mapping[str, Any]) -> dict[str, Any]:
    if filled.mode == "now":
        return {"at": now_as_time(settings)}
    if filled.mode == "draft":
        return {"draft": True}
    if filled.mode == "every":
        return {"every": filled.every}
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
        made = _keep(visit, file)
        item = {"media": made.media, "alt": alt}
        if not made.mime.startswith("video/"):
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


def said_time(visit: Visit) -> Response:
    """The meaning of a time while it is typed: in words, or why it is not understood."""
    from skywrite.posting.schedule.times import parse_time

    accounts = visit.sky.accounts.list()
    chosen = _chosen(accounts, visit.query("account"))
    zone = visit.sky.context.zone(chosen) if chosen else "UTC"
    try:
        read = parse_time(visit.query("at").replace("T", " "), now=visit.sky.context.clock.now(), zone=zone)
    except InputError as error:
        said = {"ok": False, "said": error.message, "hint": hint_words(error.hint)}
    else:
        away = read.at - visit.sky.context.clock.now()
        said = {"ok": True, "said": f"{when(read.at, zone)} ({zone})", "hint": str(read.note or _away(away))}
    return Response(json.dumps(said), media_type="application/json", headers={"cache-control": "no-store"})


def found_people(visit: Visit) -> Response:
    """People on the network whose handle or name begins like this; nobody if the network cannot be reached."""
    visit.access.require("draft")
    account = _chosen(visit.sky.accounts.list(), visit.query("account"))
    found: list[dict[str, str]] = []
    # Completion is optional: network problems are reported elsewhere.
    with suppress(SkywriteError):
        if account is not None and (typed := visit.query("q").strip()):
            given: dict[str, str | int] = {"q": typed[:QUERY_MAX], "limit": PEOPLE_MAX}
            answer = visit.sky.context.agent(account).query("app.bsky.actor.searchActorsTypeahead", given)
            found = [
                {"handle": str(actor.get("handle", "")), "name": str(actor.get("displayName") or "")}
                for actor in answer.get("actors") or ()
            ]
    return Response(json.dumps(found), media_type="application/json", headers={"cache-control": "no-store"})


def _away(away: timedelta) -> str:
    minutes = int(away.total_seconds() // 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    if minutes < 1:
        return "in less than a minute"
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes % 60} min" if not days else ""]
    return "in " + " ".join(filter(None, parts))


def routes() -> list[BaseRoute]:
    """The page, its form, and the addresses for its script."""
    return [
        page_route("/compose", compose),
        Route("/compose", sent, methods=["POST"], name="form /compose"),
        page_route("/compose/time", said_time),
        page_route("/compose/people", found_people, network=True),
        page_route("/image/{cid}", media),
    ]
