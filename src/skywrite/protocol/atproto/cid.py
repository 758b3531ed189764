"""CIDs, computed here as a PDS computes them, and the DAG-CBOR of records.

What lives here: the data model's JSON (`{"$link": cid}`, `{"$bytes": base64}`, blob refs) to DAG-CBOR, and hashes.
What does not: what the fields of a post mean. Sources: https://atproto.com/specs/data-model, DASL CIDs.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any

from libipld import decode_cid, decode_multibase, encode_cid, encode_dag_cbor

# hashlib is faster for large inputs, but loads OpenSSL: a tenth of the memory of a `skywrite post`.
from nacl.bindings import crypto_hash_sha256 as sha256

from skywrite.protocol.atproto.syntax import InvalidSyntax

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 64
_DAG_CBOR_SHA256 = b"\x01\x71\x12\x20"
_RAW_SHA256 = b"\x01\x55\x12\x20"


def cid_for_record(record: Mapping[str, Any]) -> str:
    """The CID of a record (CIDv1, dag-cbor, sha2-256, base32); the record includes its `$type`."""
    return encode_cid(_DAG_CBOR_SHA256 + sha256(encode_record(record)))


def cid_for_blob(data: bytes) -> str:
    """The CID of a blob's bytes (CIDv1, raw, sha2-256, base32)."""
    hasher = BlobHasher()
    hasher.update(data)
    return hasher.cid()


class BlobHasher:
    """The CID of a blob that comes in pieces."""

    def __init__(self) -> None:
        import hashlib

        self._hash = hashlib.sha256()

    def update(self, piece: bytes) -> None:
        """Take the next bytes."""
        self._hash.update(piece)

    def cid(self) -> str:
        """The CID of everything taken so far."""
        return encode_cid(_RAW_SHA256 + self._hash.digest())


def encode_record(record: Mapping[str, Any]) -> bytes:
    """Encode a record from the data model's JSON form as DAG-CBOR. Raises InvalidSyntax with the path of the bad value.

    An integer written as a float (`123.0`) counts as an integer, as it does for servers written in JavaScript.
    """
    if not isinstance(record, Mapping):
        raise InvalidSyntax(f"A record must be an object, not {type(record).__name__}.", code="record.invalid")
    try:
        return encode_dag_cbor(_value(record, (), 0))
    except ValueError as error:
        if isinstance(error, InvalidSyntax):
            raise
        raise InvalidSyntax(f"The record cannot be encoded: {error}", code="record.invalid") from None


# The path of a value is only put together for an error: the parts above it, and its own.
_Path = tuple["_Path", str | int] | tuple[()]


def _value(value: Any, path: _Path, depth: int) -> Any:
    """A value that libipld encodes correctly: links as the CID's bytes, no floats, no tuples."""
    # Most values of a record are texts, and this runs for each of them.
    if type(value) is str or value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (int, float)):
        return _integer(value, path)
    if isinstance(value, bytes):
        return _bytes(value, path)
    if depth >= MAX_DEPTH:
        raise _invalid(path, f"is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, Mapping):
        return _object(value, path, depth)
    if isinstance(value, (list, tuple)):
        return [_value(item, (path, number), depth + 1) for number, item in enumerate(value)]
    raise _invalid(path, f"is of type {type(value).__name__}, which records cannot hold")


def _integer(value: int | float, path: _Path) -> int:
    if value != value or abs(value) > MAX_INTEGER or int(value) != value:
        raise _invalid(path, f"is {value}: records hold integers up to 2^53 - 1 and no fractions")
    return int(value)


def _object(value: Mapping[Any, Any], path: _Path, depth: int) -> Any:
    if "$link" in value:
        return _link(value, path)
    if "$bytes" in value:
        return _bytes(_decoded(value, path), path)
    if "$type" in value:
        _check_type(value, path)
    plain: dict[str, Any] = {}
    for name, item in value.items():
        if not isinstance(name, str):
            raise _invalid(path, f"has a key of type {type(name).__name__}")
        plain[name] = item if type(item) is str else _value(item, (path, name), depth + 1)
    return plain


def _check_type(value: Mapping[Any, Any], path: _Path) -> None:
    if not isinstance(value["$type"], str) or not value["$type"]:
        raise _invalid(path, "has a $type that is not a name")
    if value["$type"] != "blob":
        return
    size = value.get("size")
    if not isinstance(value.get("ref"), Mapping) or "$link" not in value["ref"]:
        raise _invalid(path, "is a blob whose ref is not a $link")
    if not isinstance(value.get("mimeType"), str):
        raise _invalid(path, "is a blob without a mimeType")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise _invalid(path, "is a blob whose size is not a number of bytes")


def _link(value: Mapping[Any, Any], path: _Path) -> bytes:
    cid = value["$link"]
    try:
        if len(value) == 1 and isinstance(cid, str) and cid.startswith("b") and decode_cid(cid)["version"] == 1:
            return bytes(decode_multibase(cid)[1])
    except ValueError:
        pass
    raise _invalid(path, "is a $link without a valid CID")


def _decoded(value: Mapping[Any, Any], path: _Path) -> bytes:
    text = value["$bytes"]
    try:
        if len(value) == 1 and isinstance(text, str):
            unpadded = text.rstrip("=")
            return binascii.a2b_base64(unpadded + "=" * (-len(unpadded) % 4), strict_mode=True)
    except ValueError:
        pass
    raise _invalid(path, "holds $bytes that are not base64")


def _bytes(value: bytes, path: _Path) -> bytes:
    """Refuse bytes that look like a CID: libipld would write them as a link, and the record's CID would be wrong."""
    try:
        decode_cid(value)
    except ValueError:
        return value
    raise _invalid(path, "contains bytes that look like a CID and cannot be distinguished from a link")


def _invalid(path: _Path, what: str) -> InvalidSyntax:
    return InvalidSyntax(f"{_spelled(path).lstrip('.') or 'The record'} {what}.", code="record.invalid")


def _spelled(path: _Path) -> str:
    if not path:
        return ""
    above, own = path
    return _spelled(above) + (f"[{own}]" if isinstance(own, int) else f".{own}")
