"""From the bytes of a page to its text, whatever encoding it claims.

What lives here: byte order marks, labels in the header and the page, and the codecs that they mean. The labels are
those of the WHATWG Encoding standard (the table of `webencodings`). Only codecs listed here are used. Python has
others, such as punycode and unicode_escape, that no page is encoded in, but that a hostile page could make us run.
"""

from __future__ import annotations

import codecs
import re

_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_PRESCAN_BYTES = 4096

# Encodings whose Python codec has another name, or for which pages really use a larger one.
# "replacement" and "x-user-defined" are left out: no text is written in them.
_CODECS = {
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "iso-8859-8-i": "iso-8859-8",
    "windows-874": "cp874",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "replacement": None,
    "x-user-defined": None,
}

_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([^\s\"';,]{1,40})", re.IGNORECASE)
_META_CHARSET = re.compile(rb"<meta\b[^>]{0,400}?charset\s*=\s*[\"']?\s*([a-z0-9_:.-]{1,40})", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"\s*<\?xml\b[^>]{0,200}?encoding\s*=\s*[\"']([a-z0-9_:.-]{1,40})", re.IGNORECASE)


def codec_for(label: str) -> str | None:
    """The Python codec for an encoding's label as pages write it; None if it is not an encoding of pages."""
    from webencodings.labels import LABELS

    name = LABELS.get(label.strip("\t\n\f\r ").lower()) if label.isascii() else None
    return _CODECS.get(name, name) if name else None


def header_codec(content_type: str) -> str | None:
    """The codec that a Content-Type header names."""
    match = _HEADER_CHARSET.search(content_type)
    return codec_for(match[1]) if match else None


def xml_codec(data: bytes) -> str | None:
    """The codec that an XML declaration names."""
    match = _XML_ENCODING.match(data[:_PRESCAN_BYTES])
    return codec_for(match[1].decode("ascii")) if match else None


def decode_page(data: bytes, content_type: str = "") -> str:
    """The text of a page: byte order mark, then the header's charset, then the page's own, then UTF-8 or Windows-1252.

    Never raises: unreadable bytes become U+FFFD. A character that is cut off at the end of `data` is left out.
    """
    for mark, codec in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _decode(data[len(mark) :], codec)
    declared = header_codec(content_type) or _from_page(data)
    return _decode(data, declared or ("utf-8" if _is_utf8(data) else "cp1252"))


def _decode(data: bytes, codec: str) -> str:
    return codecs.getincrementaldecoder(codec)("replace").decode(data)


def _from_page(data: bytes) -> str | None:
    head = data[:_PRESCAN_BYTES]
    match = _XML_ENCODING.match(head) or _META_CHARSET.search(head)
    codec = codec_for(match[1].decode("ascii")) if match else None
    # If the label could be read byte by byte, the page is not in a two-byte encoding.
    return "utf-8" if codec in ("utf-16-le", "utf-16-be") else codec


def _is_utf8(data: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")("strict").decode(data)
    except UnicodeDecodeError:
        return False
    return True
