"""Operations on media: what was uploaded, fitted as it will be published, and known by its CID.

What lives here: processing uploaded bytes. What does not: receiving them (`server.uploads`).

The name of an upload is only for people, and never used as a file name.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from skywrite.app.operations.shapes import Input, Nothing, Uploaded
from skywrite.app.operations.table import Access, operation
from skywrite.app.shapes.base import Output, shaped
from skywrite.core.clock import to_iso
from skywrite.core.errors import Conflict, InputError, NotFound
from skywrite.core.shown import named
from skywrite.posting.compose.draft import Draft
from skywrite.posting.compose.fields import Image, Media, Stored, Video
from skywrite.posting.compose.images import Collector, gather_media
from skywrite.protocol.media.sniff import HEAD_BYTES, IMAGES, NAMES, VIDEOS, sniff
from skywrite.queue.model import NewMedia

NAME_MAX = 200
# Six of the largest videos wait for their posts at a time.
UNNEEDED_BYTES_MAX = 2_000_000_000


class MediaShape(Output):
    """An upload. Posts refer to it by `media`; it is deleted a day later unless a post needs it."""

    media: str
    mime: str
    size: int
    width: int | None
    height: int | None
    name: str
    uploaded_at: datetime
    warnings: list[str]
    gif: Annotated[bool, Meta(description="An animated GIF: a video that plays silently in a loop.")] = False


class MediaList(Output):
    """The uploads."""

    media: list[MediaShape]


class ByCid(Input):
    """A CID in the path."""

    media: Uploaded


def keep_upload(access: Access, path: Path, name: str) -> MediaShape:
    """Fit a file that was uploaded and keep it. Raises InputError, Conflict, and what fitting raises."""
    label = clean_name(name)
    if access.sky.context.store.media.unneeded_bytes(access.share) >= UNNEEDED_BYTES_MAX:
        raise Conflict(
            f"Your uploads that no post needs yet have more than {UNNEEDED_BYTES_MAX // 10**6} MB.",
            code="upload.share_used",
            hint="Put them into posts, or delete some; a day after it came, what nothing needs is deleted by itself.",
        )
    with path.open("rb") as file:
        kind = sniff(file.read(HEAD_BYTES))
    if kind not in IMAGES and kind not in VIDEOS:
        what = f"is {NAMES[kind]}" if kind in NAMES else "is of a kind that is not known"
        raise InputError(
            f"{label} {what}: it can be posted neither as an image nor as a video.",
            code="media.unsupported",
            hint="Convert it first.",
        )
    collector = Collector(None)
    source = Media(path=str(path), name=label)
    if kind in IMAGES:
        part = gather_media(Draft(images=(Image(source),)), collector)
    else:
        part = gather_media(Draft(video=Video(source)), collector)
    media = part.video.media if part.video is not None else part.images[0].media
    assert media.stored is not None
    return _keep(access, collector, media.stored, label, gif=part.video is not None and part.video.gif)


@operation("GET /media", scope="read")
def list_media(access: Access, request: Nothing) -> MediaList:
    """List uploads.

    Those of this caller that are still here.
    """
    mine = access.sky.context.store.media.uploads_by(access.who)
    return MediaList([_shape(cid, value) for cid, value in mine.items()])


@operation("GET /media/{media}", scope="read")
def get(access: Access, request: ByCid) -> MediaShape:
    """Describe an upload."""
    return _shape(request.media, _known(access, request.media))


@operation("DELETE /media/{media}", scope="draft", idempotent=True)
def drop(access: Access, request: ByCid) -> MediaShape:
    """Delete an upload; posts that have it keep it."""
    value = _known(access, request.media)
    access.sky.context.store.media.drop_upload(access.who, request.media)
    return _shape(request.media, value)


def clean_name(name: str) -> str:
    """The last part of a name, without characters that are special in a terminal or on a page."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in last if character.isprintable())[:NAME_MAX] or "upload"


def _keep(access: Access, collector: Collector, stored: Stored, label: str, *, gif: bool) -> MediaShape:
    store = access.sky.context.store
    for cid, pieces in collector.media.items():
        item = collector.stored[cid]
        store.media.put(NewMedia(cid, item.mime, item.size, pieces()))
    value = {
        **{name: getattr(stored, name) for name in ("mime", "size", "width", "height")},
        "gif": gif,
        "name": label,
        "uploaded_at": to_iso(access.sky.context.clock.now()),
        # A missing description is a warning for the post that shows it.
        "warnings": [warning for warning in map(str, collector.warnings) if "alt text" not in warning],
    }
    store.media.put_upload(access.who, stored.cid, value, share=access.share)
    return _shape(stored.cid, value)


def _known(access: Access, cid: str) -> dict[str, Any]:
    uploads = access.sky.context.store.media.uploads(cid)
    if access.who not in uploads:
        raise NotFound(f"There is no upload {named(cid)}.", code="media.unknown")
    return uploads[access.who]


def _shape(cid: str, value: dict[str, Any]) -> MediaShape:
    return shaped(MediaShape, {**value, "media": cid})
