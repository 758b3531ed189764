"""The proof that a record is in a repository: a signed commit, and the path through the tree from it to the record.

What lives here: reading such a proof (a CAR file, as com.atproto.sync.getRecord sends it), and checking each hash and
the signature. What does not: where proofs come from, and how to store them (`posting.receipts`).

Sources: https://atproto.com/specs/repository (commits, MST), https://atproto.com/specs/cryptography (keys, signatures),
CAR v1 (https://ipld.io/specs/transport/car/carv1/).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from libipld import decode_dag_cbor, decode_multibase, encode_cid, encode_dag_cbor, encode_multibase
from nacl.bindings import crypto_hash_sha256 as sha256

from skywrite.core.errors import InputError

PROOF_BYTES_MAX = 2_000_000
DEPTH_MAX = 64
_CID_BYTES = 36
_DAG_CBOR_SHA256 = b"\x01\x71\x12\x20"
_K256 = b"\xe7\x01"
_P256 = b"\x80\x24"
_OLD_KINDS = {"EcdsaSecp256k1VerificationKey2019": _K256, "EcdsaSecp256r1VerificationKey2019": _P256}


class Proven(NamedTuple):
    """What a proof shows: whose repository, at which revision, and the record."""

    did: str
    rev: str
    record_cid: str
    record: Any


def check_proof(car: bytes, *, did: str, path: str, public_key: str) -> Proven:
    """Check that the record at `path` (collection/rkey) was in the repository of `did`, signed by `public_key`.

    `public_key` is a Multikey, as DID documents have it. Raises InputError.
    """
    if len(car) > PROOF_BYTES_MAX:
        raise InputError("The proof is too large for a single record.", code="proof.invalid")
    try:
        root, blocks = _read_car(car)
        commit = _block(blocks, root)
        signature = commit.pop("sig")
        if commit["did"] != did:
            raise InputError(f"The commit belongs to {commit['did']}, not to {did}.", code="proof.invalid")
        _check_signature(public_key, signature, encode_dag_cbor(commit))
        record_cid = _find(blocks, commit["data"], path.encode(), 0)
        record = _block(blocks, record_cid)
        return Proven(did, str(commit["rev"]), encode_cid(record_cid), record)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("The proof cannot be read.", code="proof.invalid", hint="Is the file complete?") from None


def multikey(kind: str, key: object) -> str:
    """The key of a verification method as a Multikey. Documents of older directories contain the bare curve point.

    Raises InputError.
    """
    if not isinstance(key, str):
        raise InputError("The account's DID document contains no usable key.", code="proof.invalid")
    if kind == "Multikey":
        return key
    try:
        point = bytes(decode_multibase(key)[1])
        prefix = _OLD_KINDS[kind]
        if len(point) == 65:
            point = bytes([2 + point[64] % 2]) + point[1:33]
        return str(encode_multibase("z", prefix + point))
    except (ValueError, KeyError):
        raise InputError(
            f"The account's key is of the kind {kind}, which cannot be used.", code="proof.invalid"
        ) from None


def _read_car(car: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """The CID of the commit, and every block by its CID. The hash of each block is checked."""
    size, start = _varint(car, 0)
    header = decode_dag_cbor(car[start : start + size])
    (root,) = header["roots"]
    blocks = dict(_blocks(car, start + size))
    return bytes(root), blocks


def _blocks(car: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    while at < len(car):
        size, start = _varint(car, at)
        cid, data = car[start : start + _CID_BYTES], car[start + _CID_BYTES : start + size]
        if cid != _DAG_CBOR_SHA256 + sha256(data) or len(data) != size - _CID_BYTES:
            raise InputError("A block of the proof does not have the hash that its CID names.", code="proof.invalid")
        yield cid, data
        at = start + size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
        if shift > 35:
            raise InputError("The proof cannot be read.", code="proof.invalid", hint="Is the file complete?")


def _block(blocks: Mapping[bytes, bytes], cid: bytes) -> Any:
    if bytes(cid) not in blocks:
        raise InputError("The proof is incomplete: a block on the path to the record is missing.", code="proof.invalid")
    return decode_dag_cbor(blocks[bytes(cid)])


def _find(blocks: Mapping[bytes, bytes], node_cid: bytes | None, key: bytes, depth: int) -> bytes:
    """The CID at a key of the Merkle search tree below a node."""
    if node_cid is None or depth > DEPTH_MAX:
        raise InputError("The record is not in the repository that the proof shows.", code="proof.invalid")
    node = _block(blocks, node_cid)
    below, name = node["l"], b""
    for entry in node["e"]:
        name = name[: entry["p"]] + bytes(entry["k"])
        if name == key:
            return bytes(entry["v"])
        if key < name:
            break
        below = entry["t"]
    return _find(blocks, below, key, depth + 1)


def _check_signature(public_key: str, signature: bytes, message: bytes) -> None:
    from skywrite.protocol.atproto.ecdsa import K256, P256, is_signed, point_of

    raw = bytes(decode_multibase(public_key)[1])
    curve = {_K256: K256, _P256: P256}[raw[:2]]
    if len(signature) != 64:
        raise InputError("The commit's signature does not have the length that the network uses.", code="proof.invalid")
    # Each signature has a twin with the same meaning. The network accepts only the one with the lower number.
    if int.from_bytes(signature[32:]) > curve.order // 2:
        raise InputError("The commit's signature is not in the form that the network accepts.", code="proof.invalid")
    if not is_signed(curve, point_of(curve, raw[2:]), message, signature):
        raise InputError("The commit was not signed with the account's key, or has been changed.", code="proof.invalid")
