"""What the form of the composer holds: filled from a post, from an address, or from what a browser sent.

What lives here: the values, and what changed of them. What does not: the page, and storing anything (`compose`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from skywrite.app.drafting import is_card_of_text
from skywrite.faces.server.pages.frame import Visit
from skywrite.queue.model import Post

JOINT = ", "
POSTS_MAX = 30


class Part(NamedTuple):
    """One more post of a thread. `copy_of`: its number in the thread that is stored."""

    text: str
    copy_of: int | None = None
    images: tuple[Mapping[str, Any], ...] = ()
    video: Mapping[str, Any] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to post."""
        return not (self.text.strip() or self.images or self.video)


class Filled(NamedTuple):
    """The contents of the form."""

    text: str = ""
    images: tuple[Mapping[str, Any], ...] = ()
    video: Mapping[str, Any] | None = None
    thread: tuple[Part, ...] = ()
    account: str = ""
    at: str = ""
    mode: str = "at"
    every: str = ""
    starts: str = ""
    until: str = ""
    skip: str = ""
    card: str = "auto"
    quote: str = ""
    reply_to: str = ""
    replies: str = ""
    quotes: bool = True
    label: str = ""
    lang: str = ""
    split: bool = False
    numbering: str = "none"
    campaign: str = ""
    # What the form sends back: the post that is edited, its version, and its time.
    post: str = ""
    version: str = ""
    kept: str = ""


def from_post(visit: Visit, post: Post) -> Filled:
    """A post that is edited."""
    draft = post.draft
    account = visit.sky.accounts.get(post.account_did)
    kept = _local(post.due_at, visit.sky.context.zone(account)) if post.due_at and post.state != "draft" else ""
    return Filled(
        text=lines(post.draft.get("text", "")),
        images=_images(draft),
        video=_video(draft),
        thread=tuple(_part(number, part) for number, part in enumerate(draft.get("thread", ()), 2)),
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
        numbering=str(draft.get("numbering", "none")),
        campaign=str(draft.get("campaign", "")),
    )


def from_address(visit: Visit) -> Filled:
    """A link with a time, or what a phone shared (Web Share Target: title, text, url)."""
    shared = [visit.query(name).strip() for name in ("title", "text", "url")]
    text = "\n".join(dict.fromkeys(filter(None, shared)))
    at = visit.query("at").replace("T", " ")
    return Filled(text=text, account=visit.query("account"), at=at)


def from_form(fields: Mapping[str, str]) -> Filled:
    """What a browser sent."""
    return Filled(
        text=lines(fields.get("text", "")),
        thread=tuple(_sent_part(fields, number) for number in range(2, POSTS_MAX) if f"part-{number}" in fields),
        account=fields.get("account", ""),
        at=fields.get("at", ""),
        mode=fields.get("mode", "draft"),
        every=fields.get("every", ""),
        starts=fields.get("starts", ""),
        until=fields.get("until", ""),
        skip=fields.get("skip", ""),
        card=fields.get("card") or "none",
        quote=fields.get("quote", ""),
        reply_to=fields.get("reply_to", ""),
        replies=fields.get("replies", ""),
        quotes=bool(fields.get("quotes")),
        label=fields.get("label", ""),
        lang=fields.get("lang", ""),
        split=bool(fields.get("split")),
        numbering=fields.get("numbering", "none"),
        campaign=fields.get("campaign", ""),
        post=fields.get("post", ""),
        version=fields.get("version", ""),
        kept=fields.get("kept", ""),
    )


def beside(filled: Filled, start: Filled) -> Filled:
    """The form with the media of the post that it began with, which it does not send, and without empty posts."""
    known = {part.copy_of: part for part in start.thread}
    thread = tuple(
        part._replace(images=known[part.copy_of].images, video=known[part.copy_of].video)
        if part.copy_of in known
        else part._replace(copy_of=None)
        for part in filled.thread
    )
    kept = tuple(part for part in thread if not part.is_empty)
    return filled._replace(images=start.images, video=start.video, thread=kept)


def values(filled: Filled) -> dict[str, Any]:
    """The form as fields of a draft."""
    return {
        "text": filled.text,
        "images": list(filled.images),
        "video": filled.video,
        "card": filled.card,
        "quote": filled.quote.strip() or None,
        "quotes": filled.quotes,
        "reply_to": filled.reply_to.strip() or None,
        "replies": _several(filled.replies) or None,
        "labels": _several(filled.label),
        "langs": _several(filled.lang),
        "split": filled.split,
        "numbering": filled.numbering,
        "campaign": filled.campaign.strip(),
        "thread": [_row(part) for part in filled.thread],
    }


def changes(filled: Filled, start: Filled) -> dict[str, Any]:
    """What the person changed. Whatever the form has no field for is not in it, and stays as it is."""
    before = values(start)
    return {name: value for name, value in values(filled).items() if value != before[name]}


def stored(visit: Visit, post: Post) -> dict[str, Any]:
    """A post for the script: what each box begins with, and the fields as the script compares them."""
    filled, draft = from_post(visit, post), post.draft
    boxes = [
        _box(1, draft, filled.card),
        *(_box(number, part) for number, part in enumerate(draft.get("thread", ()), 2)),
    ]
    plain = [{name: value for name, value in box.items() if name not in ("tags", "gif")} for box in boxes]
    return {
        "id": post.id,
        "version": post.version,
        "state": post.state,
        "boxes": [{**box, "video": _playing(box["video"], box["gif"])} for box in boxes],
        "values": {**values(filled), "thread": plain[1:]},
    }


def _box(number: int, part: Mapping[str, Any], card: str = "") -> dict[str, Any]:
    choice = part.get("card", "auto")
    return {
        "copy_of": number,
        "text": lines(part.get("text", "")),
        "images": list(_images(part)),
        "video": _video(part),
        "card": card or (str(choice.get("url", "auto")) if isinstance(choice, Mapping) else str(choice)),
        "quote": _link(part.get("quote")) or None,
        "tags": list(part.get("tags", ())),
        "gif": bool((part.get("video") or {}).get("gif")),
    }


def _playing(video: Mapping[str, Any] | None, gif: bool) -> dict[str, Any] | None:
    return None if video is None else {**video, "gif": gif}


def _row(part: Part) -> dict[str, Any]:
    return {**({"copy_of": part.copy_of} if part.copy_of else {}), "text": part.text}


def _part(number: int, part: Mapping[str, Any]) -> Part:
    return Part(lines(part.get("text", "")), number, _images(part), _video(part))


def _sent_part(fields: Mapping[str, str], number: int) -> Part:
    was = fields.get(f"was-{number}", "")
    return Part(lines(fields[f"part-{number}"]), int(was) if was.isdecimal() and len(was) < 4 else None)


def _images(part: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    return tuple(_shown(item) for item in part.get("images") or ())


def _video(part: Mapping[str, Any]) -> dict[str, Any] | None:
    return _shown(part["video"]) if part.get("video") else None


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


def lines(text: str) -> str:
    """A text as a browser sends it back."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _shown(item: Mapping[str, Any]) -> dict[str, Any]:
    """An image or a video as the form has it."""
    return {"media": item.get("cid", ""), "alt": item.get("alt", "")}


def _several(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


# All other fields of a draft are shown as they are.
EDITED = tuple(values(Filled()))
