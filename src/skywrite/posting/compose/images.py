"""The media of a draft: read, fitted, measured, and known by CID.

What lives here: where the bytes come from and which of them become images, videos or captions. What does not: the
fitting itself (`media`) and the opening of untrusted addresses (`fetch`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from skywrite.core.errors import Do, Hint, InputError, Notice, Overloaded, SkywriteError
from skywrite.core.files import PassingFolder, open_regular, read_regular
from skywrite.posting.compose.draft import Draft
from skywrite.posting.compose.fields import Caption, Image, Media, Stored, Video
from skywrite.protocol.atproto.cid import BlobHasher, cid_for_blob

if TYPE_CHECKING:
    from skywrite.protocol.fetch.fetch import Fetcher
    from skywrite.protocol.media.image import PreparedImage

IMAGE_FILE_BYTES_MAX = 100_000_000
URL_BYTES_MAX = 100_000_000
CAPTION_FILE_BYTES_MAX = 1_000_000
_GIF = b"GIF8"


class Collector:
    """Collects bytes by CID, and warnings for the writer."""

    def __init__(
        self,
        fetcher: Callable[[], Fetcher] | None,
        base: Path = Path(),
        require_alt: bool = False,
        blob_limit: Callable[[], int | None] = lambda: None,
        *,
        videos_as_blobs: bool = True,
    ) -> None:
        self._fetcher = fetcher
        self._base = base
        self._require_alt = require_alt
        self._blob_limit = blob_limit
        self._videos_as_blobs = videos_as_blobs
        self._folder: PassingFolder | None = None
        self._files: dict[Media, Path] = {}
        self._made = 0
        self.media: dict[str, Callable[[], Iterator[bytes]]] = {}
        self.stored: dict[str, Stored] = {}
        self.warnings: list[Notice] = []

    def read(self, media: Media, max_bytes: int) -> bytes:
        """The bytes of a small file, an address, or the draft itself."""
        if media.data is not None:
            return media.data
        path = self.file(media, max_bytes)
        data = read_regular(path, max_bytes)
        if data is None:
            raise InputError(f"{path} is larger than {max_bytes // 1_000_000} MB.", hint="Make it smaller first.")
        return data

    def file(self, media: Media, max_bytes: int) -> Path:
        """A file with the bytes, wherever they come from: media are too large to be held in memory.

        The same media are fetched once.
        """
        if media.path is not None:
            path = self.path(media)
            if path.stat().st_size > max_bytes:
                raise InputError(f"{path} is larger than {max_bytes // 1_000_000} MB.", hint="Make it smaller first.")
            return path
        if media not in self._files:
            path = self.new_file()
            if media.data is not None:
                path.write_bytes(media.data)
            else:
                self._download(media.url or "", max_bytes, path)
            self._files[media] = path
        return self._files[media]

    def new_file(self) -> Path:
        """The name of a file that is there as long as something of this draft is."""
        if self._folder is None:
            self._folder = PassingFolder()
        self._made += 1
        return self._folder.path / str(self._made)

    def path(self, media: Media) -> Path:
        """The path of a file that a draft names, after a check that it can be read."""
        path = self._base / Path(media.path or "").expanduser()
        try:
            with open_regular(path):
                return path
        except FileNotFoundError:
            raise InputError(
                f"There is no file {path}.", code="file.missing", hint="Check the name and the folder."
            ) from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise InputError(
                f"{path} cannot be read: {reason}.",
                code="file.unreadable",
                hint="Check what it is, and its permissions.",
            ) from None

    def _download(self, url: str, max_bytes: int, path: Path) -> None:
        if self._fetcher is None:
            raise InputError(f"{url} cannot be fetched here.", hint="Download it, and use the file.")
        with path.open("wb") as file:
            page = self._fetcher().fetch(url, max_bytes=max_bytes, into=file)
        if page.truncated:
            raise InputError(f"{url} is larger than {max_bytes // 1_000_000} MB.", hint="Make it smaller first.")

    def keep(self, data: bytes, mime: str, width: int | None = None, height: int | None = None) -> Stored:
        """Remember bytes under their CID."""
        stored = Stored(cid_for_blob(data), mime, len(data), width, height)
        self.media[stored.cid] = lambda: iter((data,))
        self.stored[stored.cid] = stored
        return stored

    def keep_pieces(self, pieces: Callable[[], Iterator[bytes]], width: int, height: int) -> Stored:
        """Remember a video under its CID. Its bytes are read piece by piece, now and again for storing them."""
        hasher = BlobHasher()
        size = 0
        for piece in pieces():
            hasher.update(piece)
            size += len(piece)
        stored = Stored(hasher.cid(), "video/mp4", size, width, height)
        self.media[stored.cid] = partial(_held, pieces, self._folder)
        self.stored[stored.cid] = stored
        return stored

    def known(self, media: Media) -> Stored | None:
        """Media that were prepared before, so that there is nothing to read."""
        if media.stored is not None:
            self.stored[media.stored.cid] = media.stored
        return media.stored

    def limit(self, own_limit: int) -> int:
        """The smaller of the lexicon's and the server's limit, in bytes."""
        return min(own_limit, self._blob_limit() or own_limit)

    def video_limit(self, size: int) -> int:
        """The server's limit for a video, in bytes; the video's own size if a video service handles it."""
        return self.limit(size) if self._videos_as_blobs else size

    def thumb(self, data: bytes, url: str) -> Stored | None:
        """A card's image. If it is unusable, it is left out with a warning."""
        from skywrite.core import contained
        from skywrite.protocol.media.image import STRANGERS_MAX_PIXELS, prepare_thumb

        try:
            image = contained.decode(prepare_thumb, data, "It", STRANGERS_MAX_PIXELS)
        except Overloaded:
            raise
        except SkywriteError as error:
            text = f"The card of {url} has no image: {error.message}"
            self.warnings.append(Notice("CardWithoutImage", text, url))
            return None
        return self.keep(image.data, image.mime, image.width, image.height)

    def need_alt(self, alt: str, label: str) -> None:
        """Refuse or warn if a description is missing."""
        if alt.strip():
            return
        if self._require_alt:
            raise InputError(
                f"{label} has no alt text.", code="alt.missing", hint=Hint("Describe it: ", Do("argument", "alt"))
            )
        self.warnings.append(Notice("NoAltText", f"{label} has no alt text.", label))


def _held(pieces: Callable[[], Iterator[bytes]], folder: PassingFolder | None) -> Iterator[bytes]:
    """The pieces of a video that may lie in this folder, which stays as long as somebody may ask for them."""
    return pieces()


def gather_media(part: Draft, collector: Collector) -> Draft:
    """The draft with all its media stored. A single animated GIF becomes a video that plays like a GIF."""
    if len(part.images) == 1 and part.video is None and part.images[0].media.stored is None:
        image = part.images[0]
        if _is_animated_gif(collector.file(image.media, IMAGE_FILE_BYTES_MAX)):
            part = part._replace(images=(), video=Video(image.media, image.alt))
    images = tuple(_image(image, collector) for image in part.images)
    return part._replace(images=images, video=_video(part.video, collector) if part.video else None)


def _is_animated_gif(path: Path) -> bool:
    with path.open("rb") as file:
        if file.read(len(_GIF)) != _GIF:
            return False
    from skywrite.core import contained
    from skywrite.protocol.media.gif import is_animated_file

    return contained.decode(is_animated_file, str(path.absolute()))


def _image(image: Image, collector: Collector) -> Image:
    collector.need_alt(image.alt, image.media.label)
    if collector.known(image.media):
        return image
    from skywrite.protocol.bsky.limits import IMAGE_BYTES_MAX

    label = image.media.label
    prepared = _prepared(image.media, collector, collector.limit(IMAGE_BYTES_MAX))
    lost = [change for change in prepared.changes if "animation" in change]
    collector.warnings += [Notice("AnimationLost", f"{label}: {change}.", label) for change in lost]
    stored = collector.keep(prepared.data, prepared.mime, prepared.width, prepared.height)
    return Image(Media(stored=stored, name=Path(label).name), image.alt)


def _prepared(media: Media, collector: Collector, max_bytes: int) -> PreparedImage:
    """An image, ready to post: read and decoded in a child with limits, one at a time."""
    from skywrite.core import contained
    from skywrite.protocol.media.image import MAX_PIXELS, STRANGERS_MAX_PIXELS, prepare_image_file

    max_pixels = MAX_PIXELS if media.url is None else STRANGERS_MAX_PIXELS
    path = collector.file(media, IMAGE_FILE_BYTES_MAX)
    read = contained.draw if _is_drawing(path) else contained.decode
    try:
        return read(
            prepare_image_file, str(path.absolute()), name=media.label, max_bytes=max_bytes, max_pixels=max_pixels
        )
    except contained.TooCostly as error:
        raise _too_costly(path, media.label) or error.about(media.label) from None


def _is_drawing(path: Path) -> bool:
    from skywrite.protocol.media.sniff import HEAD_BYTES, sniff

    with path.open("rb") as file:
        return sniff(file.read(HEAD_BYTES)) == "svg"


def _too_costly(path: Path, label: str) -> InputError | None:
    """The error for an image that is merely large; None for a small one, which should not have taken long."""
    from skywrite.core import contained
    from skywrite.protocol.media.encoders import LARGE_PIXELS
    from skywrite.protocol.media.image import image_file_size

    try:
        width, height = contained.decode(image_file_size, str(path.absolute())) or (0, 0)
    except contained.TooCostly:
        return None
    if width * height <= LARGE_PIXELS:
        return None
    return InputError(
        f"{label} is too large to prepare: {width} x {height} pixels ({width * height / 1e6:.0f} megapixels) took "
        "more memory or time than an image may.",
        code="image.too_large",
        hint="Scale it down: Bluesky shows at most 4000 pixels a side.",
    )


def _video(video: Video, collector: Collector) -> Video:
    collector.need_alt(video.alt, video.media.label)
    captions = tuple(_caption(caption, collector) for caption in video.captions)
    if collector.known(video.media):
        return video._replace(captions=captions)
    stored, gif = _stored_video(video, collector)
    limit = collector.video_limit(stored.size)
    if stored.size > limit:
        raise InputError(
            f"{video.media.label} has {stored.size / 1e6:.1f} MB; the server accepts {limit / 1e6:.1f} MB.",
            code="media.too_large_for_server",
            hint="Make it shorter or smaller, or move to a server with a larger limit.",
        )
    return Video(Media(stored=stored, name=Path(video.media.label).name), video.alt, captions, gif)


def _stored_video(video: Video, collector: Collector) -> tuple[Stored, bool]:
    """The video as it will be uploaded, and whether it plays as a GIF."""
    from skywrite.protocol.media.gif import gif_to_video

    label, media = video.media.label, video.media
    path = collector.path(media) if media.path is not None else collector.file(media, URL_BYTES_MAX)
    if not _is_animated_gif(path):
        return _video_file(path, label, collector), video.gif
    converted = collector.new_file()
    gif_to_video(path, converted, name=label)
    return _video_file(converted, label, collector), True


def _video_file(path: Path, label: str, collector: Collector) -> Stored:
    """Store a video from disk. It is never read whole."""
    from skywrite.protocol.media.video import check_video, is_ready, prepare_video, probe_video, read_pieces

    if is_ready(path, name=label):
        info = probe_video(path, name=label)
        check_video(info, name=label)
        collector.warnings.extend(Notice("VideoNote", text, label) for text in info.notes)
    else:
        out = collector.new_file()
        info = prepare_video(path, out, name=label)
        collector.warnings.append(Notice("VideoConverted", f"{label} was converted to MP4.", label))
        path = out
    return collector.keep_pieces(lambda: read_pieces(path, info), info.width, info.height)


def _caption(caption: Caption, collector: Collector) -> Caption:
    if collector.known(caption.media):
        return caption
    from skywrite.protocol.media.captions import read_caption

    label = caption.media.label
    data = read_caption(collector.read(caption.media, CAPTION_FILE_BYTES_MAX), label)
    return Caption(caption.lang, Media(stored=collector.keep(data, "text/vtt"), name=Path(label).name))
