"""What a file is, by its first bytes; a name proves nothing.

What lives here: magic numbers of images and videos. What does not: whether the rest of the file is valid.
"""

from __future__ import annotations

HEAD_BYTES = 512
"""How many bytes from the start of a file `sniff` needs."""

IMAGES = {
    "jpeg": "JPEG",
    "png": "PNG",
    "gif": "GIF",
    "webp": "WebP",
    "avif": "AVIF",
    "heic": "HEIC",
    "bmp": "BMP",
    "tiff": "TIFF",
}
VIDEOS = {
    "mp4": "MP4",
    "mov": "QuickTime",
    "webm": "WebM or Matroska",
    "avi": "AVI",
    "mpeg": "MPEG",
    "mpegts": "MPEG-TS",
    "ogg": "Ogg",
    "flv": "FLV",
}
OTHERS = {"svg": "SVG", "jxl": "JPEG XL", "pdf": "PDF", "html": "HTML", "ico": "icon"}
NAMES = {**IMAGES, **VIDEOS, **OTHERS}
"""Every kind that `sniff` knows, and its usual name."""

_PREFIXES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"\x1aE\xdf\xa3", "webm"),
    (b"\x00\x00\x01\xba", "mpeg"),
    (b"\x00\x00\x01\xb3", "mpeg"),
    (b"OggS", "ogg"),
    (b"FLV\x01", "flv"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"BM", "bmp"),
    (b"\x00\x00\x01\x00", "ico"),
    (b"\xff\x0a", "jxl"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "jxl"),
    (b"%PDF-", "pdf"),
)
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_QUICKTIME_BOXES = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}


def sniff(head: bytes) -> str:
    """The kind of a file ("jpeg", "mp4", ...; see NAMES) from its first HEAD_BYTES bytes; "" if it is unknown."""
    for prefix, kind in _PREFIXES:
        if head.startswith(prefix):
            return kind
    if head.startswith(b"RIFF"):
        return {b"WEBP": "webp", b"AVI ": "avi"}.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return _brand(head)
    if head[4:8] in _QUICKTIME_BOXES:
        return "mov"
    if head[:1] == b"G" and head[188:189] == b"G" and head[376:377] == b"G":
        return "mpegts"
    return _markup(head)


def _brand(head: bytes) -> str:
    """ISO/IEC 14496-12 4.3: a major brand, a version, and the compatible brands."""
    size = int.from_bytes(head[:4], "big")
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(size, len(head)) - 3, 4))]
    if b"avif" in brands or b"avis" in brands:
        return "avif"
    if brands[0] in _HEIC_BRANDS:
        return "heic"
    return "mov" if brands[0] == b"qt  " else "mp4"


def _markup(head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!doctype svg", b"<!--")) and b"<svg" in text):
        return "svg"
    return "html" if text.startswith((b"<!doctype html", b"<html")) else ""
