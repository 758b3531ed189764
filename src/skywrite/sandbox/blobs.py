"""Blobs: bytes by CID, with the type that their first bytes indicate.

A blob is temporary until a record refers to it. The sandbox knows the file types of posts: images, videos, captions,
and a few others that people commonly send by mistake.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\1\0", "image/x-icon"),
    (b"\xff\x0a", "image/jxl"),
    (b"%PDF", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"<?xml ", "application/xml"),
    (b"WEBVTT", "text/vtt"),
    (b"\xef\xbb\xbfWEBVTT", "text/vtt"),
)
_BRANDS = {
    "avif": "image/avif",
    "avis": "image/avif",
    "mif1": "image/heif",
    "msf1": "image/heif-sequence",
    "heic": "image/heic",
    "heix": "image/heic",
    "hevc": "image/heic-sequence",
    "hevx": "image/heic-sequence",
    "qt": "video/quicktime",
    "M4V": "video/x-m4v",
    "M4VH": "video/x-m4v",
    "M4VP": "video/x-m4v",
    "M4P": "video/mp4",
    "M4B": "audio/mp4",
    "M4A": "audio/x-m4a",
    "F4V": "video/mp4",
    "F4P": "video/mp4",
    "F4A": "audio/mp4",
    "F4B": "audio/mp4",
    "crx": "image/x-canon-cr3",
}
_PNG = b"\x89PNG\r\n\x1a\n"
_EBML = b"\x1a\x45\xdf\xa3"


@dataclass(slots=True)
class Blob:
    """Stored bytes; `temporary` until a record refers to them."""

    data: bytes
    mime: str
    uploaded_at: datetime
    temporary: bool = True

    def ref(self, cid: str, mime: str) -> dict[str, Any]:
        """The blob ref for records."""
        return {"$type": "blob", "ref": {"$link": cid}, "mimeType": mime, "size": len(self.data)}


def sniff(data: bytes) -> str | None:
    """The MIME type that the first bytes indicate, or None."""
    if data.startswith(_PNG):
        return _sniff_png(data)
    if data[4:8] == b"ftyp" and len(data) > 8 and data[8] & 0x60:
        brand = data[8:12].replace(b"\0", b" ").decode("latin-1").strip()
        if brand.startswith("3g"):
            return "video/3gpp2" if brand.startswith("3g2") else "video/3gpp"
        return _BRANDS.get(brand, "video/mp4")
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    if data.startswith(_EBML) and b"webm" in data[:64]:
        return "video/webm"
    return next((mime for magic, mime in _MAGIC if data.startswith(magic)), None)


def _sniff_png(data: bytes) -> str | None:
    """An animated PNG says so in a chunk before the image. A file that ends before the image is not a PNG."""
    at = len(_PNG)
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"IDAT":
            return "image/png"
        if kind == b"acTL":
            return "image/apng"
        at += length + 12
    return None
