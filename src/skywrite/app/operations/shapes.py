"""What operations take: one msgspec type each, from which the JSON Schemas are generated.

What lives here: types that several nouns share, and reading drafts. What does not: what an operation does, and how
values look that it returns (`app.shapes`).

Local paths, raw bytes, and parts of records are not in these shapes: requests refer to uploaded media, or to public
addresses, which the fetch guard opens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from skywrite.app.shapes.base import Output, Shape
from skywrite.core.errors import InputError, NotFound
from skywrite.core.shown import named
from skywrite.posting.compose.build import SOURCE_BYTES_MAX
from skywrite.posting.compose.draft import FIELDS, Markdown, Numbering

if TYPE_CHECKING:
    from skywrite.app.operations.table import Access

Id = Annotated[int, Meta(ge=1, le=2**63 - 1, description="Its number.")]
Limit = Annotated[int, Meta(ge=1, le=500, description="How many at most.")]
Key = Annotated[
    str,
    Meta(
        min_length=1, max_length=500, description="Your own unique name for it: if you use it again, nothing is added."
    ),
]

# More than any field needs. What a post may have is looked at later, with an error that says so.
ITEMS_MAX = 1000
Word = Annotated[str, Meta(max_length=1000)]
Words = Annotated[list[Word], Meta(max_length=ITEMS_MAX)]
Address = Annotated[str, Meta(max_length=8192)]
# Longer than any that we make, so that a wrong one is called one.
Cursor = Annotated[str, Meta(max_length=8192, description="`next_cursor` of the page before.")]
Text = Annotated[str, Meta(max_length=SOURCE_BYTES_MAX)]
Campaign = Annotated[str, Meta(max_length=100, description="A label of your own, which is not published.")]
AnAccount = Annotated[Word, Meta(description="A handle or DID.")]
OfAccount = Annotated[Word, Meta(description="A handle or DID. Default: the default account.")]
OnlyOfAccount = Annotated[Word, Meta(description="A handle or DID. Default: all accounts.")]
Note = Annotated[str, Meta(max_length=1000, description="A few words to those who see it.")]
Mentions = Annotated[bool, Meta(description="Mention the handles in the text; otherwise they stay words.")]
Version = Annotated[Id, Meta(description="The version that you saw: if it has changed since, nothing is done.")]
Uploaded = Annotated[Address, Meta(description="The name of an upload: its CID.")]
Public = Annotated[Address, Meta(description="An https:// address.")]
Alt = Annotated[Text, Meta(description="Alt text: what it shows.")]
Link = Annotated[Address, Meta(description="A link on bsky.app or an at-uri.")]
CardAddress = Annotated[Address, Meta(description="auto, none, or the address of a page.")]
Labels = Annotated[Words, Meta(description="Content labels: sexual, nudity, porn, graphic-media.")]
Langs = Annotated[Words, Meta(description="Languages: en, de.")]
Tags = Annotated[Words, Meta(description="Hashtags beside the text, without #.")]
Rules = Annotated[
    Words, Meta(description="Who may reply: nobody, mentioned, followers, following, or lists. Default: everyone.")
]

Kept = dict[str, Mapping[str, Any]]


class Input(Shape, forbid_unknown_fields=True):
    """What an operation takes."""


class Nothing(Input):
    """No fields."""


class ById(Input):
    """A number in the path."""

    id: Id


class ChangeById(Input):
    """A number in the path, and the version that the change is based on."""

    id: Id
    version: Version | None = None


class Ok(Output):
    """It is done."""

    ok: bool = True


class ImageInput(Input):
    """An image: one that was uploaded or is in the post already (`media`), or a public address (`url`).

    What is left out of one that is in the post already stays as it is.
    """

    media: Uploaded | None = None
    url: Public | None = None
    alt: Alt | UnsetType = UNSET


Images = Annotated[list[ImageInput], Meta(max_length=ITEMS_MAX, description="Up to ten images.")]


class CaptionInput(Input):
    """Subtitles in one language, WebVTT or SRT, at a public address."""

    lang: Annotated[Word, Meta(description="Its language: en.")]
    url: Public


class VideoInput(Input):
    """A video: one that was uploaded or is in the post already (`media`), or a public address (`url`).

    What is left out of one that is in the post already stays as it is.
    """

    media: Uploaded | None = None
    url: Public | None = None
    alt: Alt | UnsetType = UNSET
    captions: Annotated[list[CaptionInput], Meta(max_length=ITEMS_MAX, description="Subtitles.")] | UnsetType = UNSET
    gif: Annotated[bool, Meta(description="It plays silently in a loop.")] | UnsetType = UNSET


class PartInput(Input):
    """One more post of a thread."""

    text: Annotated[Text, Meta(description="The text.")] | UnsetType = UNSET
    images: Images | UnsetType = UNSET
    video: VideoInput | UnsetType | None = UNSET
    card: CardAddress | UnsetType = UNSET
    quote: Link | UnsetType = UNSET
    labels: Labels | UnsetType = UNSET
    langs: Langs | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    copy_of: Annotated[int, Meta(description="Its number in the stored thread: the rest stays.", ge=1)] | UnsetType = (
        UNSET
    )


class DraftInput(Input):
    """The content of a post. What is left out has its default, or stays as it is in an edit."""

    text: Annotated[Text, Meta(description="The text; [label](https://...) becomes a link.")] | UnsetType = UNSET
    images: Images | UnsetType = UNSET
    video: VideoInput | UnsetType | None = UNSET
    card: CardAddress | UnsetType = UNSET
    quote: Link | UnsetType | None = UNSET
    reply_to: Link | UnsetType | None = UNSET
    replies: Rules | UnsetType | None = UNSET
    quotes: Annotated[bool, Meta(description="Whether others may quote it.")] | UnsetType = UNSET
    labels: Labels | UnsetType = UNSET
    langs: Langs | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    campaign: Campaign | UnsetType = UNSET
    markdown: Annotated[Markdown, Meta(description="false: text as it stands; strip: no marks.")] | UnsetType = UNSET
    shorten: Annotated[bool, Meta(description="Shorten links as they are shown.")] | UnsetType = UNSET
    split: Annotated[bool, Meta(description="Make a thread of a text that is too long.")] | UnsetType = UNSET
    numbering: Annotated[Numbering, Meta(description="How a thread is numbered.")] | UnsetType = UNSET
    thread: (
        Annotated[list[Text | PartInput], Meta(max_length=ITEMS_MAX, description="The posts after the first.")]
        | UnsetType
    ) = UNSET


class NewDraft(DraftInput):
    """The content of a new post."""

    copy_of: Annotated[Id, Meta(description="A post to copy: what is left out is as it is there.")] | None = None


DRAFT_FIELDS = DraftInput.__struct_fields__
_OF_PARTS = tuple(name for name in PartInput.__struct_fields__ if name in FIELDS)
_PLAIN_OF_PARTS = tuple(name for name in _OF_PARTS if not FIELDS[name].is_media)
ADDRESS_STARTS = ("https://", "http://")


def draft_row(access: Access, request: Any, base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The fields of a draft that were given, with media looked up among those of `base`, the draft that changes, and
    among uploads. Raises InputError, NotFound.
    """
    kept = _media_of(base or {})
    row: dict[str, Any] = {}
    for name in DRAFT_FIELDS:
        value = getattr(request, name)
        if value is UNSET:
            continue
        if name == "images":
            value = [_image(access, image, kept) for image in value]
        elif name == "video":
            value = None if value is None else _video(access, value, kept)
        elif name == "thread":
            value = [part if isinstance(part, str) else _part(access, part, kept, base or {}) for part in value]
        row[name] = value
    return row


def _media_of(draft: Mapping[str, Any]) -> Kept:
    """The images and videos of a stored draft and of its thread, by CID."""
    by_cid: Kept = {}
    for part in (draft, *draft.get("thread", ())):
        for item in (*(part.get("images") or ()), part.get("video")):
            if item and "cid" in item:
                by_cid[item["cid"]] = item
    return by_cid


def _part(access: Access, part: PartInput, kept: Kept, base: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"text": "", **_copied(part.copy_of, base)}
    if part.images is not UNSET:
        row["images"] = [_image(access, image, kept) for image in part.images]
    if part.video is not UNSET:
        row["video"] = None if part.video is None else _video(access, part.video, kept)
    for name in _PLAIN_OF_PARTS:
        if getattr(part, name) is not UNSET:
            row[name] = getattr(part, name)
    return row


def _copied(number: int | UnsetType, base: Mapping[str, Any]) -> dict[str, Any]:
    """What a post of a stored thread has of its own. Raises InputError."""
    if number is UNSET:
        return {}
    posts = [base, *base.get("thread", ())]
    if number > len(posts):
        raise InputError(
            f"The thread has no post {number}, only {len(posts)}.",
            hint="Leave copy_of out for a new post of the thread.",
        )
    return {name: posts[number - 1][name] for name in _OF_PARTS if name in posts[number - 1]}


def _image(access: Access, image: ImageInput, kept: Kept) -> dict[str, Any]:
    row = _source(access, image.media, image.url, "An image", kept)
    if row.get("mime", "").startswith("video/"):
        raise InputError(f"{image.media} is a video, not an image.", hint="Give it as the video of the post.")
    return row if image.alt is UNSET else {**row, "alt": image.alt}


def _video(access: Access, video: VideoInput, kept: Kept) -> dict[str, Any]:
    row = _source(access, video.media, video.url, "A video", kept)
    if video.alt is not UNSET:
        row["alt"] = video.alt
    if video.gif is not UNSET:
        row["gif"] = video.gif
    if video.captions is not UNSET:
        row["captions"] = [
            {"lang": item.lang, **_source(access, None, item.url, "A caption")} for item in video.captions
        ]
    return row


def _source(access: Access, media: str | None, url: str | None, what: str, kept: Kept | None = None) -> dict[str, Any]:
    """The source of the bytes: exactly one of media that are here and a public address."""
    if (media is None) == (url is None):
        raise InputError(f"{what} needs either media or url.", hint="Upload the file first, or give its address.")
    if url is not None:
        if not url.startswith(ADDRESS_STARTS):
            raise InputError(f"{what} can be at an https:// address only.", hint="Upload the file instead.")
        return {"url": url}
    assert media is not None
    if kept and media in kept:
        return dict(kept[media])
    uploads = access.sky.context.store.media.uploads(media)
    # People finish what agents began, so every upload may be used on the page.
    stored = next(iter(uploads.values()), None) if access.source == "page" else uploads.get(access.who)
    if stored is None:
        raise NotFound(f"There is no upload {named(media)}.", code="media.unknown", hint="Upload the file again.")
    source = {"cid": media, **{name: stored[name] for name in ("mime", "size", "width", "height", "name")}}
    return {**source, "gif": True} if stored.get("gif") else source
