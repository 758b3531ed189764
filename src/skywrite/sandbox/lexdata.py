"""Conversion between JSON and the data model, as in the reference server.

What lives here: JSON bodies to values (links, bytes, integers written as floats, lone surrogates), blob refs inside
records, and the short previews that error messages show. What does not: schemas (see `lexicon`).
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Iterator
from typing import Any

from libipld import decode_cid

PREVIEW_LENGTH = 256
MAX_SAFE_INTEGER = 2**53 - 1
_RAW_CID = re.compile(r"bafkrei[a-z2-7]{52}")
_SURROGATES = re.compile("[\ud800-\udfff]")


class Link(str):
    """A CID link, `{"$link": ...}` in JSON."""

    __slots__ = ()


def read_json(body: bytes) -> Any:
    """The value of a JSON body, as the server stores it. Raises ValueError unless it is an object or a list."""
    value = json.loads(body.decode("utf-8", "replace"), parse_constant=_refuse)
    if not isinstance(value, dict | list):
        raise ValueError("the body is neither an object nor a list")
    return _plain(value)


def _plain(value: Any) -> Any:
    """`1.0` becomes 1, as in JavaScript, a lone surrogate becomes U+FFFD, and base64 loses its padding."""
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_SAFE_INTEGER:
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        data = value.get("$bytes")
        if len(value) == 1 and isinstance(data, str) and (decoded := _decode(data)) is not None:
            return {"$bytes": binascii.b2a_base64(decoded, newline=False).rstrip(b"=").decode()}
        return {_plain(name): _plain(item) for name, item in value.items()}
    return value


def to_lex(value: Any) -> Any:
    """JSON to the data model: links become `Link`, base64 becomes bytes. Malformed values stay objects."""
    if isinstance(value, list):
        return [to_lex(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        link, data = value.get("$link"), value.get("$bytes")
        if isinstance(link, str) and is_cid(link):
            return Link(link)
        if isinstance(data, str) and (decoded := _decode(data)) is not None:
            return decoded
    return {name: to_lex(item) for name, item in value.items()}


def is_cid(text: str) -> bool:
    """Whether it is a valid CID."""
    try:
        decode_cid(text)
    except ValueError:
        return False
    return True


def is_blob(value: Any) -> bool:
    """Whether it is a blob ref and nothing else (in the data model)."""
    return (
        isinstance(value, dict)
        and value.keys() == {"$type", "ref", "mimeType", "size"}
        and value["$type"] == "blob"
        and isinstance(value["mimeType"], str)
        and "/" in value["mimeType"]
        and is_integer(value["size"])
        and value["size"] >= 0
        and isinstance(value["ref"], Link)
        and _RAW_CID.fullmatch(value["ref"]) is not None
    )


def is_old_blob(value: Any) -> bool:
    """Whether it is a blob ref in the old form, `{cid, mimeType}`."""
    return (
        isinstance(value, dict)
        and value.keys() == {"cid", "mimeType"}
        and isinstance(value["cid"], str)
        and _RAW_CID.fullmatch(value["cid"]) is not None
        and isinstance(value["mimeType"], str)
        and value["mimeType"] != ""
    )


def blobs_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every blob ref of a record (in the data model), in either form."""
    if isinstance(value, list):
        for item in value:
            yield from blobs_in(item)
    elif isinstance(value, dict):
        if is_blob(value) or is_old_blob(value):
            yield value
        else:
            for item in value.values():
                yield from blobs_in(item)


def is_integer(value: Any) -> bool:
    """Whether it is an integer that JavaScript can represent exactly."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_SAFE_INTEGER


def preview(value: Any) -> str:
    """A value as error messages show it: long texts shortened, objects as their first keys."""
    if isinstance(value, Link):
        return "cid"
    if isinstance(value, str):
        return _quoted(value if len(value) < PREVIEW_LENGTH else value[: PREVIEW_LENGTH - 1] + "…")
    if isinstance(value, bytes):
        return "object"
    if isinstance(value, list):
        return f"[{_first_two([preview(item) for item in value[:2]], len(value))}]"
    if isinstance(value, dict):
        return f"{{{_first_two([f'{_quoted(name)}: ...' for name in list(value)[:2]], len(value))}}}"
    return json.dumps(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _first_two(shown: list[str], count: int) -> str:
    return ", ".join(shown) + (", ..." if count > 2 else "")


def _decode(text: str) -> bytes | None:
    unpadded = text.rstrip("=")
    try:
        return binascii.a2b_base64(unpadded + "=" * (-len(unpadded) % 4), strict_mode=True)
    except ValueError:
        return None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
