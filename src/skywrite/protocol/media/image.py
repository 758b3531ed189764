"""Images as Bluesky accepts them: upright, in sRGB, without metadata, within limits of bytes and pixels.

What lives here: which changes an image needs, and as few of them as possible. If only the metadata must go, a JPEG, PNG
or WebP keeps its exact pixels (`strip`). What does not: animated GIFs (`gif`), and the limits of an embed
(app.bsky.embed.images: `image/*`, 2,000,000 bytes). The same input always gives the same output.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skywrite.core.errors import InputError, MissingExtra, SkywriteError
from skywrite.core.files import read_regular
from skywrite.protocol.bsky.limits import IMAGE_BYTES_MAX, THUMB_BYTES_MAX
from skywrite.protocol.media.encoders import (
    QUALITY_HIGH,
    QUALITY_LOW,
    _saved,
    estimated_bytes,
    in_srgb,
    jpeg_bytes,
    plain,
    resized,
    webp_bytes,
)
from skywrite.protocol.media.sniff import HEAD_BYTES, IMAGES, NAMES, VIDEOS, sniff
from skywrite.protocol.media.strip import dimensions, is_animated, without_metadata
from skywrite.protocol.media.svg import drawn, read_drawing

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE_SIDE = 4000
THUMB_SIDE = 2000
# Decoded, this takes 200 MB, and as much again while it is made smaller.
MAX_PIXELS = 50_000_000
# Its decoder keeps two frames, and hands over a copy of a third: sixteen bytes a pixel.
WEBP_MAX_PIXELS = 36_000_000
# A few untrusted kilobytes can claim any size. Photos from cameras have fewer pixels than this.
STRANGERS_MAX_PIXELS = 25_000_000
MAX_FILE_BYTES = 200_000_000
MAX_DRAWING_BYTES = 10_000_000
MAX_ENCODES = 6
_GOOD_FIT = 0.95
_GOOD_SHRINK = 0.8
# An image of which a sample says that it takes so many times its limit is not encoded whole first.
_HOPELESS = 1.5
_STILL = "only the first image of the animation is kept; a GIF or a video would be animated"
_HINT = "Save it as JPEG or PNG first."
_LOSSLESS = ("png", "gif", "bmp", "tiff")
# A BMP is not compressed; a PNG of the same image is about this many times smaller.
_BMP_FACTOR = 5
_MIME = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
# A JPEG can be decoded at an eighth of its sides.
_JPEG_SCALE = 8
_ORIENTATION_TAG = 0x0112


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """An image to upload: `width` and `height` in pixels as displayed; `changes` describes what was done to it."""

    data: bytes
    mime: str
    width: int
    height: int
    changes: tuple[str, ...] = ()


def prepare_image_file(path: str, *, name: str, max_bytes: int, max_pixels: int) -> PreparedImage:
    """The same for a file, for a process that is to hold the file's bytes in place of its caller.

    A file may also be a drawing (SVG), which becomes a PNG.
    """
    data = _read(path, name)
    if sniff(data[:HEAD_BYTES]) != "svg":
        return prepare_image(data, name=name, max_bytes=max_bytes, max_pixels=max_pixels)
    png = _png_of(data, name, max_pixels)
    image = prepare_image(png, name=name, max_bytes=max_bytes, max_pixels=max_pixels)
    return replace(image, changes=("drawn as a PNG", *image.changes))


def _read(path: str, name: str) -> bytes:
    data = read_regular(Path(path), MAX_FILE_BYTES)
    if data is None:
        raise InputError(
            f"{name} is larger than {MAX_FILE_BYTES // 10**6} MB.",
            code="image.too_large",
            hint="Make it smaller first.",
        )
    return data


def check_drawing_file(path: str) -> None:
    """Draw the drawing of a file. Raises InputError, MissingExtra."""
    check_drawing(_read(path, path), path)


def check_drawing(data: bytes, name: str) -> None:
    """Draw a drawing. Raises InputError, MissingExtra."""
    if sniff(data[:HEAD_BYTES]) != "svg":
        raise InputError(f"{name} is no SVG drawing.", code="image.unsupported", hint="It begins with <svg.")
    _png_of(data, name, MAX_PIXELS)


def _png_of(data: bytes, name: str, max_pixels: int) -> bytes:
    if len(data) > MAX_DRAWING_BYTES:
        raise InputError(
            f"{name} is a drawing of {len(data) / 1e6:.0f} MB; the maximum is {MAX_DRAWING_BYTES // 10**6} MB.",
            code="image.too_large",
            hint="Save it as a PNG.",
        )
    drawing = read_drawing(data, name)
    _check_size(drawing.size, drawing.size, name, max_pixels)
    return drawn(drawing, name, IMAGE_SIDE)


def image_file_size(path: str) -> tuple[int, int] | None:
    """Width and height, as the head of a file says; None if it says nothing."""
    data = read_regular(Path(path), MAX_FILE_BYTES) or b""
    return dimensions(sniff(data[:HEAD_BYTES]), data)


def prepare_thumb(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> PreparedImage:
    """A link card's image (app.bsky.embed.external#external thumb: 1,000,000 bytes)."""
    return prepare_image(data, name=name, max_bytes=THUMB_BYTES_MAX, max_side=THUMB_SIDE, max_pixels=max_pixels)


def prepare_image(
    data: bytes,
    *,
    name: str,
    max_bytes: int = IMAGE_BYTES_MAX,
    max_side: int = IMAGE_SIDE,
    max_pixels: int = MAX_PIXELS,
) -> PreparedImage:
    """Make an image ready to post. It is never enlarged.

    Messages use `name`. Raises InputError, and MissingExtra for HEIC.
    """
    kind = _kind(data, name)
    declared = dimensions(kind, data)
    max_pixels = min(max_pixels, WEBP_MAX_PIXELS) if kind == "webp" else max_pixels
    _check_size(declared, declared, name, max_pixels * (_JPEG_SCALE**2 if kind == "jpeg" else 1))
    with _decoding(name):
        image = _open(kind, data, name)
        _check_size(image.size, _decoded_size(kind, data, image, max_side), name, max_pixels)
        kept = _untouched(kind, data, image, max_bytes, max_side)
        if kept is not None:
            return kept
        # Opened anew, so that nobody here holds the pixels when they have been redrawn, nor a decoder's frames.
        del image
        return _Redrawing(kind, len(data), name, max_bytes, max_side).draw(
            _open(kind, data, name), is_animated(kind, data)
        )


def _kind(data: bytes, name: str) -> str:
    if not data:
        raise InputError(
            f"{name} is empty.", code="image.unsupported", hint="Check that the file was written or downloaded whole."
        )
    if len(data) > MAX_FILE_BYTES:
        raise InputError(
            f"{name} has {len(data) / 1e6:.0f} MB; the maximum is {MAX_FILE_BYTES // 10**6} MB.", code="image.too_large"
        )
    kind = sniff(data[:HEAD_BYTES])
    if kind in IMAGES:
        return kind
    if kind in VIDEOS:
        raise InputError(
            f"{name} is a video ({NAMES[kind]}), not an image.", code="image.unsupported", hint="Add it as a video."
        )
    if kind:
        raise InputError(
            f"{name} is of the kind {NAMES[kind]}, which cannot be posted as an image.",
            code="image.unsupported",
            hint=_HINT,
        )
    raise InputError(
        f"{name} is not an image.",
        code="image.unsupported",
        hint="Images are JPEG, PNG, WebP, GIF, AVIF, HEIC, TIFF or BMP files.",
    )


def _decoded_size(kind: str, data: bytes, image: Image, max_side: int) -> tuple[int, int]:
    """The size in memory: a JPEG that is too large is decoded at a half, a quarter or an eighth of its sides."""
    if kind == "jpeg" and max(image.size) > max_side:
        trial = _open(kind, data, "")
        trial.draft(trial.mode, _fitting(image.size, max_side))
        return trial.size
    return image.size


def _fitting(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    """The size within `max_side`, rounded up."""
    scale = min(1.0, max_side / max(size))
    return math.ceil(size[0] * scale), math.ceil(size[1] * scale)


def _check_size(size: tuple[int, int] | None, decoded: tuple[int, int] | None, name: str, max_pixels: int) -> None:
    if size is None or decoded is None or min(size) < 1:
        raise InputError(f"{name} starts like an image but has no size.", code="image.damaged", hint="Export it again.")
    if decoded[0] * decoded[1] > max_pixels:
        raise InputError(
            f"{name} has {size[0]} x {size[1]} pixels ({size[0] * size[1] / 1e6:.0f} megapixels); "
            f"the maximum is {max_pixels // 10**6} megapixels.",
            code="image.too_large",
            hint=f"Make it smaller: Bluesky shows at most {IMAGE_SIDE} pixels a side.",
        )


@contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Treat any error of a decoder as a damaged image, because the bytes are untrusted."""
    try:
        yield
    except SkywriteError:
        raise
    except MemoryError:
        raise InputError(
            f"There is not enough memory to open {name}.", code="image.too_large", hint="Make it smaller."
        ) from None
    except Exception as error:
        raise InputError(
            f"{name} is damaged or cut off: {error}.", code="image.damaged", hint="Export or download it again."
        ) from None


def _open(kind: str, data: bytes, name: str) -> Image:
    """Open an image lazily with Pillow, using only the decoder that the first bytes call for."""
    # Users could do nothing about Pillow's warnings.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    if kind == "heic":
        try:
            import pillow_heif
        except ImportError:
            raise MissingExtra(f"{name} is a HEIC image; reading it needs an optional part.", extra="heic") from None
        heic: Callable[[Any], Image] = pillow_heif.HeifImageFile
        return heic(BytesIO(data))
    from PIL import (
        AvifImagePlugin,
        BmpImagePlugin,
        GifImagePlugin,
        JpegImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    decoders: dict[str, Callable[[Any], Image]] = {
        "jpeg": JpegImagePlugin.JpegImageFile,
        "png": PngImagePlugin.PngImageFile,
        "webp": WebPImagePlugin.WebPImageFile,
        "gif": GifImagePlugin.GifImageFile,
        "avif": AvifImagePlugin.AvifImageFile,
        "bmp": BmpImagePlugin.BmpImageFile,
        "tiff": TiffImagePlugin.TiffImageFile,
    }
    return decoders[kind](BytesIO(data))


def _untouched(kind: str, data: bytes, image: Image, max_bytes: int, max_side: int) -> PreparedImage | None:
    """The image with the same pixels and no metadata, if that is all it needs."""
    if max(image.size) > max_side or image.mode == "CMYK":
        return None
    if _orientation(image) != 1 or _foreign_profile(image) is not None:
        return None
    kept = without_metadata(kind, data)
    if kept is None or len(kept) > max_bytes:
        return None
    proof = _open(kind, kept, "")
    if kind == "jpeg":
        # Decoding an eighth of the pixels still reads every bit of the file, in a fraction of the time.
        proof.draft(proof.mode, (1, 1))
    proof.load()
    changes = ["metadata removed"] if kept != data else []
    if is_animated(kind, data):
        changes = [_STILL]
    return PreparedImage(kept, _MIME[kind], *image.size, tuple(changes))


def _orientation(image: Image) -> int:
    """EXIF orientation, 1 to 8; 1 if it is missing or invalid."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:
        # Many programs write EXIF. If it is broken, the pixels may still be fine.
        return 1
    return value if value in range(1, 9) else 1


def _foreign_profile(image: Image) -> Any:
    """The embedded ICC profile, if it is valid and not sRGB."""
    raw = image.info.get("icc_profile")
    if not raw:
        return None
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(raw))
        return None if "srgb" in ImageCms.getProfileDescription(profile).lower() else profile
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


class _Redrawing:
    """Redraws one image: rotation, colours, size and encoding."""

    def __init__(self, kind: str, source_bytes: int, name: str, max_bytes: int, max_side: int) -> None:
        self._kind = kind
        self._source_bytes = source_bytes // _BMP_FACTOR if kind == "bmp" else source_bytes
        self._name = name
        self._max_bytes = max_bytes
        self._max_side = max_side
        self._changes: list[str] = []

    def draw(self, image: Image, animated: bool) -> PreparedImage:
        """Load the pixels and make the necessary changes."""
        from PIL import ImageOps

        if animated or (self._kind in ("gif", "avif") and getattr(image, "is_animated", False)):
            self._changes.append(_STILL)
        size, profile, orientation = image.size, _foreign_profile(image), _orientation(image)
        scale = min(1.0, self._max_side / max(size))
        if self._kind == "jpeg":
            image.draft(image.mode, _fitting(size, self._max_side))
        image.load()
        if orientation != 1:
            image = ImageOps.exif_transpose(image)
            size = size if orientation < 5 else (size[1], size[0])
            self._changes.append("turned upright")
        # Pillow would write the rest of `info` into the new file; only the transparent colour belongs there.
        for key in set(image.info) - {"transparency"}:
            del image.info[key]
        if scale < 1.0:
            image = resized(plain(image), (max(1, round(size[0] * scale)), max(1, round(size[1] * scale))))
            self._changes.append(f"made smaller ({size[0]} x {size[1]} to {image.width} x {image.height})")
        if profile is not None or image.mode == "CMYK":
            image = in_srgb(plain(image), profile)
            self._changes.append("colours converted to sRGB")
        return self._encoded(image, self._source_bytes * scale * scale)

    def _encoded(self, image: Image, expected_bytes: float) -> PreparedImage:
        """PNG if the source was lossless and it fits, else JPEG, or WebP if it is transparent."""
        if self._kind in ("bmp", "tiff"):
            image = plain(image)
        if self._kind in _LOSSLESS and expected_bytes <= 1.5 * self._max_bytes:
            data = _saved(image, "PNG")
            if len(data) <= self._max_bytes:
                return self._done(data, "png", image.size)
        image = plain(image)
        if image.mode != "RGBA":
            data, quality, size = self._fitted(image, jpeg_bytes)
            return self._done(data, "jpeg", size, quality)
        if self._kind == "png" and expected_bytes <= 1.5 * self._max_bytes:
            data = _saved(image, "WEBP", lossless=True)
            if len(data) <= self._max_bytes:
                return self._done(data, "webp", image.size)
        data, quality, size = self._fitted(image, webp_bytes)
        return self._done(data, "webp", size, quality)

    def _done(self, data: bytes, kind: str, size: tuple[int, int], quality: int | None = None) -> PreparedImage:
        if kind != self._kind:
            self._changes.append(f"converted from {NAMES[self._kind]} to {NAMES[kind]}")
        if quality is not None and quality < QUALITY_HIGH:
            self._changes.append(f"compressed to {_amount(len(data))} (quality {quality})")
        return PreparedImage(data, _MIME[kind], *size, tuple(self._changes))

    def _fitted(self, image: Image, encode: Callable[[Image, int], bytes]) -> tuple[bytes, int, tuple[int, int]]:
        """The best quality that fits, within MAX_ENCODES encodings. The sides shrink only below the lowest quality."""
        limit = self._max_bytes
        expected_bytes = estimated_bytes(image, encode)
        if expected_bytes > _HOPELESS * limit:
            return self._shrunk(image, encode, expected_bytes)
        data = encode(image, QUALITY_HIGH)
        if len(data) <= limit:
            return data, QUALITY_HIGH, image.size
        low, high, high_bytes = QUALITY_LOW, QUALITY_HIGH, len(data)
        best = encode(image, low)
        if len(best) > limit:
            return self._shrunk(image, encode, len(best))
        for _ in range(MAX_ENCODES - 2):
            if high - low <= 1 or len(best) >= _GOOD_FIT * limit:
                break
            share = math.log(limit / len(best)) / math.log(high_bytes / len(best))
            quality = min(high - 1, max(low + 1, low + int((high - low) * share)))
            data = encode(image, quality)
            if len(data) <= limit:
                low, best = quality, data
            else:
                high, high_bytes = quality, len(data)
        return best, low, image.size

    def _shrunk(
        self, image: Image, encode: Callable[[Image, int], bytes], size_bytes: float
    ) -> tuple[bytes, int, tuple[int, int]]:
        best: tuple[bytes, tuple[int, int]] | None = None
        (width, height), scale = image.size, 1.0
        for _ in range(MAX_ENCODES - 2):
            scale = min(0.98, scale * 0.97 * math.sqrt(self._max_bytes / size_bytes))
            smaller = resized(image, (max(1, int(width * scale)), max(1, int(height * scale))))
            data = encode(smaller, QUALITY_LOW)
            size_bytes = len(data)
            if size_bytes <= self._max_bytes and (best is None or size_bytes > len(best[0])):
                best = (data, smaller.size)
                if size_bytes >= _GOOD_SHRINK * self._max_bytes:
                    break
        if best is None:
            raise InputError(
                f"{self._name} cannot be reduced to {self._max_bytes} bytes.",
                code="image.too_large",
                hint="Use a smaller image.",
            )
        self._changes.append(f"made smaller ({width} x {height} to {best[1][0]} x {best[1][1]})")
        return best[0], QUALITY_LOW, best[1]


def _amount(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.2f} MB" if size_bytes >= 1_000_000 else f"{size_bytes / 1000:.0f} KB"
