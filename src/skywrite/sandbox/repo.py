"""One account's repository: records by collection and key, commits, and the blobs that records refer to.

A commit is all or nothing. Record CIDs are the real ones. Commit CIDs are unique and in the right form, but there is no
Merkle tree behind them, which makes no difference to programs that only write and read records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from skywrite.protocol.atproto.cid import cid_for_blob, cid_for_record
from skywrite.sandbox.blobs import Blob, sniff
from skywrite.sandbox.wire import XrpcFailure

MAX_WRITES = 200
Action: TypeAlias = Literal["create", "update", "delete"]
Key: TypeAlias = tuple[str, str]
UNSET: Any = object()


@dataclass(frozen=True, slots=True)
class Record:
    """A stored record: `value` as JSON, and `serial`, its place in the order of commits."""

    uri: str
    cid: str
    value: dict[str, Any]
    indexed_at: str
    serial: int


@dataclass(frozen=True, slots=True)
class Write:
    """One change, already checked against its lexicon.

    `swap` is the CID that must be there before (None: nothing may be there; UNSET: anything).
    """

    action: Action
    collection: str
    rkey: str
    value: dict[str, Any] = field(default_factory=dict)
    cid: str = ""
    blobs: tuple[dict[str, Any], ...] = ()
    validation: str | None = None
    swap: str | None = UNSET

    @property
    def key(self) -> Key:
        return self.collection, self.rkey


@dataclass(frozen=True, slots=True)
class Commit:
    """The CID and revision of a change of the repository."""

    cid: str
    rev: str

    def as_json(self) -> dict[str, str]:
        return {"cid": self.cid, "rev": self.rev}


class Repo:
    """The repository of one DID."""

    def __init__(self, did: str, next_tid: Callable[[], str]) -> None:
        self.did = did
        self.next_tid = next_tid
        self._collections: dict[str, dict[str, Record]] = {}
        self._blobs: dict[str, Blob] = {}
        self._holders: dict[str, set[Key]] = {}
        self._serial = 0
        self.head = self._commit_after("")

    def uri(self, key: Key) -> str:
        return f"at://{self.did}/{key[0]}/{key[1]}"

    def get(self, collection: str, rkey: str) -> Record | None:
        return self._collections.get(collection, {}).get(rkey)

    def records(self, collection: str) -> list[Record]:
        """The records of a collection in the order of their keys."""
        held = self._collections.get(collection, {})
        return [held[rkey] for rkey in sorted(held)]

    def collections(self) -> list[str]:
        return sorted(name for name, held in self._collections.items() if held)

    def commit(self, writes: Sequence[Write], *, now: str, swap_commit: str | None = None) -> Commit:
        """Apply all writes, or none.

        Raises XrpcFailure as the reference server does: InvalidSwap for a failed precondition, 500 for creating a
        record that exists or changing one that does not, BlobNotFound and related errors for blobs.
        """
        if len(writes) > MAX_WRITES:
            raise XrpcFailure(400, f"Too many writes. Max: {MAX_WRITES}")
        if swap_commit is not None and swap_commit != self.head.cid:
            raise XrpcFailure(400, f"Commit was at {self.head.cid}", "InvalidSwap")
        for write in writes:
            self._check_swap(write)
        self._check_actions(writes)
        for write in writes:
            for blob in write.blobs:
                self._check_blob(blob)
        self._apply(writes, now)
        self.head = self._commit_after(self.head.cid)
        return self.head

    def upload(self, data: bytes, announced_mime: str, now: datetime) -> dict[str, Any]:
        """Store a blob, temporarily until a record refers to it. Returns the blob ref, with the type from its bytes."""
        cid = cid_for_blob(data)
        mime = sniff(data) or announced_mime
        blob = self._blobs.setdefault(cid, Blob(data, mime, now))
        if blob.temporary:
            blob.uploaded_at = now
        return blob.ref(cid, mime)

    def blob(self, cid: str) -> Blob | None:
        """A blob that a record refers to."""
        blob = self._blobs.get(cid)
        return None if blob is None or blob.temporary else blob

    def drop_blobs_before(self, at: datetime) -> None:
        """Delete temporary blobs that were uploaded before a time."""
        for cid, blob in list(self._blobs.items()):
            if blob.temporary and blob.uploaded_at < at:
                del self._blobs[cid]

    def matching(self, collection: str, same: Callable[[dict[str, Any]], bool]) -> Iterator[str]:
        """The keys of a collection's records whose value matches."""
        for rkey, record in self._collections.get(collection, {}).items():
            if same(record.value):
                yield rkey

    def _check_swap(self, write: Write) -> None:
        if write.swap is UNSET:
            return
        current = self.get(*write.key)
        current_cid = current.cid if current else None
        if current_cid != write.swap:
            raise XrpcFailure(400, f"Record was at {current_cid or 'null'}", "InvalidSwap")

    def _check_actions(self, writes: Sequence[Write]) -> None:
        present: dict[Key, bool] = {}
        for write in writes:
            there = present.get(write.key, self.get(*write.key) is not None)
            if there == (write.action == "create"):
                raise XrpcFailure(500)
            present[write.key] = write.action != "delete"

    def _check_blob(self, ref: dict[str, Any]) -> None:
        cid = str(ref["ref"])
        blob = self._blobs.get(cid)
        if blob is None:
            raise XrpcFailure(400, f"Could not find blob: {cid}", "BlobNotFound")
        if not blob.temporary:
            return
        stored, named = blob.mime, ref["mimeType"]
        if stored != named:
            message = f"Referenced Mimetype does not match stored blob. Expected: {stored}, Got: {named}"
            raise XrpcFailure(400, message, "InvalidMimeType")
        if len(blob.data) != ref["size"]:
            message = f"Referenced Size does not match stored blob. Expected: {len(blob.data)}, Got: {ref['size']}"
            raise XrpcFailure(400, message, "InvalidSize")

    def _apply(self, writes: Sequence[Write], now: str) -> None:
        released: set[str] = set()
        for write in writes:
            if write.action != "create":
                released |= self._release(write.key)
            held = self._collections.setdefault(write.collection, {})
            if write.action == "delete":
                held.pop(write.rkey)
                continue
            self._serial += 1
            held[write.rkey] = Record(self.uri(write.key), write.cid, write.value, now, self._serial)
            for blob in write.blobs:
                cid = str(blob["ref"])
                self._blobs[cid].temporary = False
                self._holders.setdefault(cid, set()).add(write.key)
        for cid in released:
            if not self._holders.get(cid):
                self._blobs.pop(cid, None)

    def _release(self, key: Key) -> set[str]:
        released = {cid for cid, holders in self._holders.items() if key in holders}
        for cid in released:
            self._holders[cid].discard(key)
        return released

    def _commit_after(self, previous: str) -> Commit:
        rev = self.next_tid()
        return Commit(cid_for_record({"did": self.did, "version": 3, "rev": rev, "prev": previous}), rev)
