"""The bytes of image files, without decoding a pixel: the size from the header, and lossless removal of metadata.

What lives here: JPEG segments (ITU-T T.81), PNG chunks (W3C PNG 3), WebP chunks (RFC 9649), and the sizes that GIF,
AVIF, HEIC, BMP and TIFF declare. Only what changes the look of the pixels stays. Everything else (EXIF, GPS, XMP,
comments, thumbnails, trailing videos and leftovers) goes. What does not live here: colour profiles and orientation,
which need the pixels.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

_START_OF_FRAME = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"sBIT"}
_WEBP_KEPT = {b"VP8 ", b"VP8L", b"ALPH"}
_WEBP_ALPHA, _WEBP_ANIMATION = 0x10, 0x02
_SPATIAL_EXTENT = re.compile(rb"\x00\x00\x00\x14ispe\x00\x00\x00\x00(.{8})", re.DOTALL)
_HEIF_META_BYTES = 1 << 20
_TIFF_SIDES = (256, 257)


def dimensions(kind: str, data: bytes) -> tuple[int, int] | None:
    """Width and height from the header, before any rotation; None if there is no valid header."""
    try:
        return _DIMENSIONS[kind](data)
    except (struct.error, IndexError, ValueError):
        return None


def is_animated(kind: str, data: bytes) -> bool:
    """Whether a PNG or WebP contains an animation (GIF has its own module)."""
    if kind == "png":
        return b"acTL" in data[:4096] and any(name == b"acTL" for name, _ in _png_chunks(data))
    return kind == "webp" and data[12:16] == b"VP8X" and bool(data[20] & _WEBP_ANIMATION)


def without_metadata(kind: str, data: bytes) -> bytes | None:
    """The same pixels in the same encoding, without anything else; None for kinds where this is not possible."""
    try:
        if kind == "jpeg":
            return b"".join(_jpeg_kept(data))
        if kind == "png":
            return _PNG_SIGNATURE + b"".join(chunk for name, chunk in _png_chunks(data) if name in _PNG_KEPT)
        if kind == "webp" and not is_animated(kind, data):
            return _webp_kept(data)
    except (struct.error, IndexError, ValueError):
        return None
    return None


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of each segment. A scan's entropy-coded bytes belong to its segment."""
    at = 2
    while True:
        if data[at] != 0xFF:
            raise ValueError("no marker where one should be")
        while data[at + 1] == 0xFF:
            at += 1
        marker = data[at + 1]
        if marker == _END_OF_IMAGE:
            yield marker, at, at + 2
            return
        end = at + 2
        if marker != 0x01:
            end += struct.unpack_from(">H", data, end)[0]
        if marker == _START_OF_SCAN:
            match = _SCAN_END.search(data, end)
            if match is None:
                raise ValueError("the scan does not end")
            end = match.start()
        yield marker, at, end
        at = end


def _jpeg_dimensions(data: bytes) -> tuple[int, int] | None:
    sizes = []
    for marker, start, _ in _jpeg_headers(data):
        if marker in _START_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, start + 5)
            sizes.append((width, height))
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def _jpeg_headers(data: bytes) -> Iterator[tuple[int, int, int]]:
    """The segments before the first scan, without searching for the end of that scan."""
    at = 2
    while True:
        while data[at + 1] == 0xFF:
            at += 1
        marker = data[at + 1]
        if data[at] != 0xFF or marker in (_START_OF_SCAN, _END_OF_IMAGE):
            return
        end = at + 2 if marker == 0x01 else at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        yield marker, at, end
        at = end


def _jpeg_kept(data: bytes) -> Iterator[bytes]:
    yield data[:2]
    for marker, start, end in _jpeg_segments(data):
        segment = data[start:end]
        if marker == 0xE0 and segment[4:9] == b"JFIF\x00":
            # The segment may contain a thumbnail of what was cropped away. Its fixed part is enough.
            yield b"\xff\xe0\x00\x10" + segment[4:16] + b"\x00\x00"
        elif _looks_matter(marker, segment):
            yield segment


def _looks_matter(marker: int, segment: bytes) -> bool:
    """Application segments and comments go, except Adobe's, which says how the colours are stored."""
    if marker == 0xEE:
        return segment[4:9] == b"Adobe"
    return not 0xE0 <= marker <= 0xEF and marker not in (0xFE, 0x01)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG_SIGNATURE)
    while at < len(data):
        length = struct.unpack_from(">I", data, at)[0]
        name = data[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(data):
            raise ValueError("a chunk is longer than the file")
        yield name, data[at:end]
        if name == b"IEND":
            return
        at = end
    raise ValueError("the file has no end")


def _png_dimensions(data: bytes) -> tuple[int, int] | None:
    if data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at, stop = 12, 8 + struct.unpack_from("<I", data, 4)[0]
    if stop > len(data):
        raise ValueError("the file is cut short")
    while at + 8 <= stop:
        length = struct.unpack_from("<I", data, at + 4)[0]
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _webp_kept(data: bytes) -> bytes:
    body = bytearray()
    for name, payload in _webp_chunks(data):
        if name == b"VP8X":
            payload = bytes((payload[0] & _WEBP_ALPHA,)) + payload[1:]
        elif name not in _WEBP_KEPT:
            continue
        body += name + struct.pack("<I", len(payload)) + payload + b"\x00" * (len(payload) % 2)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + bytes(body)


def _webp_dimensions(data: bytes) -> tuple[int, int] | None:
    name, payload = data[12:16], data[20:30]
    if name == b"VP8X":
        return int.from_bytes(payload[4:7], "little") + 1, int.from_bytes(payload[7:10], "little") + 1
    if name == b"VP8L" and payload[0] == 0x2F:
        bits = int.from_bytes(payload[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8 " and payload[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", payload, 6)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _gif_dimensions(data: bytes) -> tuple[int, int] | None:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _heif_dimensions(data: bytes) -> tuple[int, int] | None:
    """The largest `ispe` property (ISO/IEC 23008-12 6.5.3), because tiles and thumbnails are smaller."""
    sizes = [struct.unpack(">II", extent) for extent in _SPATIAL_EXTENT.findall(data, 0, _HEIF_META_BYTES)]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


def _bmp_dimensions(data: bytes) -> tuple[int, int] | None:
    """The header after the file header. A negative height means that the image is stored from the top."""
    if struct.unpack_from("<I", data, 14)[0] == 12:
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    return abs(width), abs(height)


def _tiff_dimensions(data: bytes) -> tuple[int, int] | None:
    """ImageWidth and ImageLength of the first directory (TIFF 6.0, section 2)."""
    order = "<" if data[:2] == b"II" else ">"
    at = struct.unpack_from(f"{order}I", data, 4)[0]
    tags: dict[int, int] = {}
    for number in range(struct.unpack_from(f"{order}H", data, at)[0]):
        tag, kind = struct.unpack_from(f"{order}HH", data, at + 2 + 12 * number)
        if tag in _TIFF_SIDES and kind in (3, 4):
            tags[tag] = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", data, at + 10 + 12 * number)[0]
    width, height = (tags.get(tag) for tag in _TIFF_SIDES)
    return None if width is None or height is None else (width, height)


_DIMENSIONS = {
    "bmp": _bmp_dimensions,
    "tiff": _tiff_dimensions,
    "jpeg": _jpeg_dimensions,
    "png": _png_dimensions,
    "webp": _webp_dimensions,
    "gif": _gif_dimensions,
    "avif": _heif_dimensions,
    "heic": _heif_dimensions,
}
