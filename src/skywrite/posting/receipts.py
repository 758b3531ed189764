"""Receipts: a file that proves that a record was published, checkable later without Skywrite and without the server.

What lives here: making a receipt from the account's server and its DID document, and checking one. What does
not: the cryptography (`atproto.proof`), files and printing (`features.receipts`).

A receipt is JSON. `proof` is the CAR of com.atproto.sync.getRecord in base64: the commit that the account's server
signed, and the path from it to the record. `signing_key` is the key in the DID document when the receipt was made. The
PLC directory's public log shows whether it was the account's key at that time (`check_key`).
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from libipld import encode_cid

from skywrite.core.clock import to_iso
from skywrite.core.errors import InputError, TemporaryError
from skywrite.protocol.atproto.identity import Resolver
from skywrite.protocol.atproto.proof import PROOF_BYTES_MAX, Proven, check_proof, multikey
from skywrite.protocol.atproto.syntax import AtUri
from skywrite.protocol.atproto.tid import tid_micros
from skywrite.protocol.atproto.xrpc import Xrpc

VERSION = 1
_TEXTS = ("uri", "cid", "did", "handle", "signing_key", "rev")
_CID_STARTS = (b"\x01\x71\x12\x20", b"\x01\x55\x12\x20")


INVALID = "receipt.invalid"


class Receipt(NamedTuple):
    """The contents of a receipt, and its proof."""

    uri: str
    cid: str
    did: str
    handle: str
    signing_key: str
    rev: str
    record: Any
    proof: bytes
    made_at: datetime

    @property
    def committed_at(self) -> datetime:
        """The time that the server gave its commit (a revision is a TID)."""
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=tid_micros(self.rev))

    def as_dict(self) -> dict[str, Any]:
        """The object in the file."""
        return {
            "skywrite_receipt": VERSION,
            "uri": self.uri,
            "cid": self.cid,
            "did": self.did,
            "handle": self.handle,
            "signing_key": self.signing_key,
            "rev": self.rev,
            "committed_at": to_iso(self.committed_at),
            "made_at": to_iso(self.made_at),
            "record": self.record,
            "proof": binascii.b2a_base64(self.proof, newline=False).decode(),
        }


def make_receipt(server: Xrpc, resolver: Resolver, uri: str, *, handle: str, now: datetime) -> Receipt:
    """Get the proof of a record from the account's server, check it, and return it as a receipt.

    Raises InputError if the server's proof is not valid, and RejectedError if it has no such record.
    """
    did, collection, rkey = _parts(uri)
    car = server.query_bytes(
        "com.atproto.sync.getRecord",
        {"did": did, "collection": collection, "rkey": rkey},
        max_bytes=PROOF_BYTES_MAX,
    )
    key = signing_key(resolver.document(did))
    proven = check_proof(car, did=did, path=f"{collection}/{rkey}", public_key=key)
    record = _plain(proven.record)
    return Receipt(uri, proven.record_cid, did, handle, key, proven.rev, record, car, now)


def read_receipt(text: str) -> Receipt:
    """Read a receipt and check its contents against its proof. Raises InputError."""
    receipt = _parsed(text)
    did, collection, rkey = _parts(receipt.uri)
    try:
        proven = check_proof(receipt.proof, did=did, path=f"{collection}/{rkey}", public_key=receipt.signing_key)
    except InputError as error:
        raise InputError(error.message, code=INVALID, hint=error.hint) from None
    if difference := _difference(receipt, proven, did):
        raise InputError(f"The receipt was changed: its {difference} does not match the proof.", code=INVALID)
    return receipt


def _difference(receipt: Receipt, proven: Proven, did: str) -> str:
    claimed = {"did": receipt.did, "cid": receipt.cid, "rev": receipt.rev, "record": receipt.record}
    shown = {"did": did, "cid": proven.record_cid, "rev": proven.rev, "record": _plain(proven.record)}
    return next((name for name in claimed if claimed[name] != shown[name]), "")


def check_key(receipt: Receipt, log: object) -> str:
    """When the receipt's key belonged to the account, in words, from the PLC directory's log (a list of operations).

    Raises InputError if the account never had this key.
    """
    if not isinstance(log, list):
        raise TemporaryError("The directory's log cannot be read.", hint="Try again later.")
    wanted = f"did:key:{receipt.signing_key}"
    since = until = None
    for entry in log:
        operation = entry.get("operation", {}) if isinstance(entry, dict) and not entry.get("nullified") else {}
        methods = operation.get("verificationMethods") or {"atproto": operation.get("signingKey")}
        if methods.get("atproto") == wanted:
            since, until = since or str(entry.get("createdAt")), None
        elif since and until is None:
            until = str(entry.get("createdAt"))
    if since is None:
        raise InputError("The account's public log never contained the key that signed this.", code=INVALID)
    return f"the account's key from {since[:10]}" + (f" to {until[:10]}" if until else " until now")


def signing_key(document: Mapping[str, Any]) -> str:
    """The Multikey with which an account's server signs commits, from the DID document."""
    methods = document.get("verificationMethod")
    for method in methods if isinstance(methods, list) else ():
        if isinstance(method, dict) and str(method.get("id", "")).endswith("#atproto"):
            return multikey(str(method.get("type")), method.get("publicKeyMultibase"))
    raise InputError("The account's DID document does not contain a signing key.", code="proof.invalid")


def _parts(uri: str) -> tuple[str, str, str]:
    parsed = AtUri(uri)
    return str(parsed.authority), str(parsed.collection), str(parsed.rkey)


def _parsed(text: str) -> Receipt:
    try:
        fields = json.loads(text)
        version = fields["skywrite_receipt"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _no_receipt() from None
    if version != VERSION:
        hint = "Upgrade Skywrite to check it."
        raise InputError("The receipt was made by a newer version.", code=INVALID, hint=hint)
    try:
        made_at = datetime.fromisoformat(fields["made_at"])
        uri, cid, did, handle, key, rev = (fields[name] for name in _TEXTS)
        if not all(isinstance(value, str) for value in (uri, cid, did, handle, key, rev)) or made_at.tzinfo is None:
            raise ValueError
        proof = binascii.a2b_base64(fields["proof"], strict_mode=True)
        receipt = Receipt(uri, cid, did, handle, key, rev, fields["record"], proof, made_at)
        _parts(receipt.uri)
        tid_micros(receipt.rev)
    except (ValueError, KeyError, TypeError, RecursionError, InputError):
        raise _no_receipt() from None
    return receipt


def _no_receipt() -> InputError:
    return InputError("The file is not a receipt.", code=INVALID, hint="Use a file that was saved as a receipt.")


def _plain(value: Any) -> Any:
    """A record as JSON: links as {"$link"}, other bytes as {"$bytes"}."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        if len(value) == 36 and value[:4] in _CID_STARTS:
            return {"$link": encode_cid(value)}
        return {"$bytes": binascii.b2a_base64(value, newline=False).decode().rstrip("=")}
    return value
