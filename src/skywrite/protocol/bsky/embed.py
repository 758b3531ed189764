"""What a post can have besides its text: images, gallery, video, link card, quote, and a quote with media.

What lives here: the embed records and their checks. What does not: images and videos themselves (`media`), pages
(`fetch`). Blobs are the objects that the server returns for uploads: `{"$type": "blob", "ref": {"$link": cid},
"mimeType": ..., "size": ...}`. Lexicons: app.bsky.embed.*.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from skywrite.core.errors import InputError
from skywrite.protocol.bsky import limits

IMAGES = "app.bsky.embed.images"
GALLERY = "app.bsky.embed.gallery"
VIDEO = "app.bsky.embed.video"
EXTERNAL = "app.bsky.embed.external"
RECORD = "app.bsky.embed.record"
RECORD_WITH_MEDIA = "app.bsky.embed.recordWithMedia"
MEDIA = (IMAGES, GALLERY, VIDEO, EXTERNAL)


class ImageItem(NamedTuple):
    """One image: its blob, what it shows in words, and its size in pixels (required in a gallery)."""

    blob: Mapping[str, Any]
    alt: str
    width: int | None = None
    height: int | None = None


def images(items: Sequence[ImageItem]) -> dict[str, Any]:
    """`app.bsky.embed.images`: one to four images."""
    _check_count(items, limits.IMAGES_MAX, "A gallery has up to 10 images; more need a thread.")
    return {"$type": IMAGES, "images": [_image(item, number) for number, item in enumerate(items, 1)]}


def gallery(items: Sequence[ImageItem]) -> dict[str, Any]:
    """`app.bsky.embed.gallery`: up to ten images, each with its size. Apps that do not know galleries show none."""
    _check_count(items, limits.GALLERY_MAX, "Put the others into the next post of a thread.")
    entries = []
    for number, item in enumerate(items, 1):
        if item.width is None or item.height is None:
            raise InputError(
                f"Image {number} has no width or height.",
                code="image.aspect_ratio",
                hint="A gallery needs both for each image.",
            )
        entries.append({"$type": f"{GALLERY}#image", **_image(item, number)})
    return {"$type": GALLERY, "items": entries}


def images_or_gallery(items: Sequence[ImageItem]) -> dict[str, Any]:
    """`images` for up to four images, else `gallery`."""
    return images(items) if len(items) <= limits.IMAGES_MAX else gallery(items)


def video(
    blob: Mapping[str, Any],
    *,
    alt: str = "",
    width: int | None = None,
    height: int | None = None,
    captions: Iterable[tuple[str, Mapping[str, Any]]] = (),
    gif: bool = False,
) -> dict[str, Any]:
    """`app.bsky.embed.video`: one MP4. Captions are pairs of language and blob (WebVTT)."""
    check_blob(blob, "The video", "video/mp4", limits.VIDEO_BYTES_MAX)
    embed: dict[str, Any] = {"$type": VIDEO, "video": dict(blob)}
    files = [_caption(lang, file) for lang, file in captions]
    if len(files) > limits.CAPTIONS_MAX:
        raise InputError(
            f"{len(files)} captions are given; the maximum is {limits.CAPTIONS_MAX}.",
            code="captions.invalid",
            hint="Leave some out.",
        )
    if files:
        embed["captions"] = files
    if alt:
        embed["alt"] = _alt(alt, "The video")
    ratio = _aspect_ratio(width, height, "The video")
    if ratio:
        embed["aspectRatio"] = ratio
    if gif:
        embed["presentation"] = "gif"
    return embed


def external(
    uri: str,
    title: str,
    description: str,
    *,
    thumb: Mapping[str, Any] | None = None,
    associated_refs: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """`app.bsky.embed.external`: a link card. `associated_refs` are strong references to the page's own records."""
    # Readers open a card with a tap, so it must be a page, not javascript:, data: or file:.
    if not limits.is_uri(uri) or not uri.lower().startswith(("https://", "http://")):
        raise InputError(
            f"{uri!r} is not an address for a link card.", code="card.invalid", hint="Use the full URL, with https://."
        )
    for text in (uri, title, description):
        limits.check_characters(text)
    card: dict[str, Any] = {"uri": uri, "title": title, "description": description}
    if thumb is not None:
        check_blob(thumb, "The card's image", "image/", limits.THUMB_BYTES_MAX)
        card["thumb"] = dict(thumb)
    if associated_refs:
        card["associatedRefs"] = [strong_ref(ref) for ref in associated_refs]
    return {"$type": EXTERNAL, "external": card}


def record(ref: Mapping[str, Any]) -> dict[str, Any]:
    """`app.bsky.embed.record`: a quote. `ref` has uri and cid of a post, feed, list or starter pack."""
    return {"$type": RECORD, "record": strong_ref(ref)}


def record_with_media(quote: Mapping[str, Any], media: Mapping[str, Any]) -> dict[str, Any]:
    """`app.bsky.embed.recordWithMedia`: a quote (uri and cid, or what `record` made) with images, video or card."""
    if media.get("$type") not in MEDIA:
        raise InputError(
            f"A quote cannot be joined with {media.get('$type')!r}.",
            code="media.mixed",
            hint="It goes with images, a video or a card.",
        )
    inner = quote.get("record", quote)
    return {"$type": RECORD_WITH_MEDIA, "record": record(inner), "media": dict(media)}


def strong_ref(ref: Mapping[str, Any]) -> dict[str, str]:
    """`com.atproto.repo.strongRef`: exactly uri and cid."""
    from skywrite.protocol.atproto.syntax import AtUri, InvalidSyntax

    uri, cid = ref.get("uri"), ref.get("cid")
    try:
        whole = isinstance(uri, str) and bool(AtUri(uri).rkey)
    except InvalidSyntax:
        whole = False
    if not whole:
        raise InputError(
            f"{uri!r} is not the at-uri of a record.",
            code="reference.invalid",
            hint="It looks like at://did/collection/key.",
        )
    if not is_cid(cid):
        raise InputError(
            f"{cid!r} is not the CID of a record.",
            code="reference.invalid",
            hint="Take uri and cid from the same response.",
        )
    return {"uri": str(uri), "cid": str(cid)}


def is_cid(text: object) -> bool:
    """Whether a text looks like a CID in base32 or base58, as records use it."""
    if not isinstance(text, str) or not text.isascii() or not 8 <= len(text) <= 256:
        return False
    if text.startswith("b"):
        return not text.strip("abcdefghijklmnopqrstuvwxyz234567")
    return text.isalnum() and text.startswith(("Qm", "z"))


def check_blob(blob: object, what: str, kind: str, most_bytes: int) -> None:
    """Raise InputError. `kind` is a MIME type, or its beginning when it ends in `/`."""
    if not isinstance(blob, Mapping) or blob.get("$type") != "blob":
        raise InputError(
            f"{what} is not a blob.", code="blob.invalid", hint="Use the blob that uploadBlob returned, with its $type."
        )
    ref = blob.get("ref")
    if not isinstance(ref, Mapping) or not is_cid(ref.get("$link")):
        raise InputError(
            f"{what}: the blob has no CID.",
            code="blob.invalid",
            hint="Use the blob that uploadBlob returned, with its ref.",
        )
    mime, size = blob.get("mimeType"), blob.get("size")
    if not isinstance(mime, str) or not (mime.startswith(kind) if kind.endswith("/") else mime == kind):
        wanted = f"{kind}*" if kind.endswith("/") else kind
        raise InputError(
            f"{what} is {mime!r}; {wanted} is needed.", code="blob.invalid", hint="Convert it before it is uploaded."
        )
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise InputError(
            f"{what}: the blob's size {size!r} is not a number of bytes.",
            code="blob.invalid",
            hint="Use the blob that uploadBlob returned.",
        )
    if size > most_bytes:
        raise InputError(
            f"{what} has {size:,} bytes; the maximum is {most_bytes:,}.",
            code="media.too_large",
            hint="Make it smaller.",
        )


def check_embed(embed: object) -> None:
    """Raise an error if the server would refuse an embed. Unknown kinds are left to the server."""
    if not isinstance(embed, Mapping) or not isinstance(embed.get("$type"), str):
        raise InputError(
            "The embed is not an object with a $type.",
            code="media.mixed",
            hint="Build it with skywrite.protocol.bsky.embed.",
        )
    kind = embed["$type"]
    try:
        if kind in (IMAGES, GALLERY):
            _check_images(embed, kind)
        elif kind == VIDEO:
            captions = [(caption["lang"], caption["file"]) for caption in embed.get("captions", ())]
            video(embed["video"], alt=embed.get("alt", ""), captions=captions, **_size(embed))
        elif kind == EXTERNAL:
            card = embed["external"]
            refs = card.get("associatedRefs", ())
            external(card["uri"], card["title"], card["description"], thumb=card.get("thumb"), associated_refs=refs)
        elif kind == RECORD:
            record(embed["record"])
        elif kind == RECORD_WITH_MEDIA:
            record_with_media(embed["record"]["record"], embed["media"])
            check_embed(embed["media"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"The embed {kind} is incomplete: {error}.",
            code="reference.invalid",
            hint="Build it with skywrite.protocol.bsky.embed.",
        ) from None


def _check_images(embed: Mapping[str, Any], kind: str) -> None:
    entries = embed["images" if kind == IMAGES else "items"]
    items = [ImageItem(entry["image"], entry["alt"], **_size(entry)) for entry in entries]
    if kind == IMAGES:
        images(items)
        return
    gallery(items)
    if any(entry.get("$type") != f"{GALLERY}#image" for entry in entries):
        raise InputError(
            "An item of the gallery has no $type.", code="blob.invalid", hint=f"Each one needs {GALLERY}#image."
        )


def _size(holder: Mapping[str, Any]) -> dict[str, Any]:
    ratio = holder.get("aspectRatio")
    return {} if ratio is None else {"width": ratio["width"], "height": ratio["height"]}


def _check_count(items: Sequence[ImageItem], most: int, hint: str) -> None:
    if not items:
        raise InputError("There is no image to show.", code="images.too_many", hint="Give at least one.")
    if len(items) > most:
        raise InputError(
            f"{len(items)} images are given; the maximum here is {most}.", code="images.too_many", hint=hint
        )


def _image(item: ImageItem, number: int) -> dict[str, Any]:
    what = f"Image {number}"
    check_blob(item.blob, what, "image/", limits.IMAGE_BYTES_MAX)
    entry: dict[str, Any] = {"image": dict(item.blob), "alt": _alt(item.alt, what)}
    ratio = _aspect_ratio(item.width, item.height, what)
    return {**entry, "aspectRatio": ratio} if ratio else entry


def _alt(alt: object, what: str) -> str:
    if not isinstance(alt, str):
        raise InputError(
            f"{what}: the alt text must be text, not {type(alt).__name__}.", code="alt.missing", hint='Use "" for none.'
        )
    try:
        limits.check_characters(alt)
    except InputError as error:
        raise error.about(f"{what}, alt text") from None
    return alt


def _aspect_ratio(width: object, height: object, what: str) -> dict[str, int] | None:
    if width is None and height is None:
        return None
    if not (_whole(width) and _whole(height)):
        raise InputError(
            f"{what} is {width!r} by {height!r}, which is not a valid size.",
            code="image.aspect_ratio",
            hint="Give both as whole numbers from 1 upwards.",
        )
    assert isinstance(width, int) and isinstance(height, int)
    return {"width": width, "height": height}


def _whole(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1


def _caption(lang: str, file: Mapping[str, Any]) -> dict[str, Any]:
    check_blob(file, f"The caption {lang!r}", "text/vtt", limits.CAPTION_BYTES_MAX)
    try:
        tags = limits.check_langs([lang])
    except InputError as error:
        raise InputError(f"Captions: {error.message}", code="captions.invalid", hint=error.hint) from None
    return {"lang": tags[0], "file": dict(file)}
