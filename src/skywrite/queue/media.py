"""Stored images, videos and captions: reading them piece by piece, who uploaded them, dropping what nothing needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from skywrite.core.errors import NotFound
from skywrite.queue.base import StoreBase
from skywrite.queue.database import DiskFull, Row, Transaction
from skywrite.queue.model import MediaInfo, NewMedia
from skywrite.queue.reading import json_of, readable, reads
from skywrite.queue.rows import dump_json

UNUSED_HOURS = 24
FINISHED_DAYS = 30
LINKS_AT_ONCE = 1000
FILES_AT_ONCE = 20
CHUNK_BYTES = 1 << 20
SPOOL_BYTES = 4 << 20

if TYPE_CHECKING:
    from tempfile import SpooledTemporaryFile

# What is known about an upload.
ABOUT = ("mime", "size", "width", "height", "name", "uploaded_at", "warnings", "gif")


class Upload(NamedTuple):
    """Stored bytes that somebody has uploaded, and what is known about them."""

    who: str
    cid: str
    about: dict[str, Any]


class Media:
    """Operations on stored bytes."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def put(self, media: NewMedia) -> MediaInfo:
        """Store bytes under their CID; bytes that are already there are neither read nor stored.

        They are read before the transaction, so that others can write meanwhile. Bytes that no post needs within a day
        are dropped by `prune`. Raises DiskFull.
        """
        with self._store.writing(wake=False) as tx:
            known = tx.run("touch_media", cid=media.cid, now=self._store.clock.now()) == 1
        if not known:
            from tempfile import SpooledTemporaryFile

            # Next to the database, where the bytes need room anyway.
            folder = str(Path(self._store.place).parent) if self._store.dialect == "sqlite" else None
            with SpooledTemporaryFile(SPOOL_BYTES, dir=folder) as file:
                whole = media._replace(pieces=_spooled(file, media))
                with self._store.writing(wake=False) as tx:
                    put_bytes(tx, whole, self._store.clock.now())
        return MediaInfo(media.cid, media.mime, media.size)

    def info(self, cid: str) -> MediaInfo | None:
        """What is known about stored bytes; None if they are not here."""
        with self._store.reading() as tx:
            row = tx.row("get_media", cid=cid)
        return None if row is None else MediaInfo(row["cid"], row["mime"], row["size"])

    def read(self, cid: str) -> Iterator[bytes]:
        """Stored bytes in pieces of at most 1 MiB; no transaction is open between two pieces. Raises NotFound."""
        info = self.info(cid)
        if info is None:
            raise NotFound(
                f"The bytes {cid} are not in the store.", code="media.unknown", hint="Add the image or video again."
            )
        return self._pieces(info)

    def put_upload(self, who: str, cid: str, about: Mapping[str, Any], *, share: str) -> None:
        """Record that somebody has uploaded stored bytes, and what is known about them."""
        with self._store.writing(wake=False) as tx:
            tx.run("put_upload", who=who, share=share, cid=cid, about=dump_json(about))

    def unneeded_bytes(self, share: str) -> int:
        """How many bytes those who have a share together have uploaded that nothing needs yet."""
        with self._store.reading() as tx:
            row = tx.row("unneeded_bytes", share=share)
        return 0 if row is None else int(row["bytes"])

    def uploads(self, cid: str) -> dict[str, dict[str, Any]]:
        """What is known about uploaded bytes, by who has uploaded them."""
        with self._store.reading() as tx:
            return {one.who: one.about for one in readable(tx.rows("uploads_of_cid", cid=cid), _upload_of)}

    def uploads_by(self, who: str) -> dict[str, dict[str, Any]]:
        """What somebody has uploaded, by CID."""
        with self._store.reading() as tx:
            return {one.cid: one.about for one in readable(tx.rows("uploads_by", who=who), _upload_of)}

    def drop_upload(self, who: str, cid: str) -> None:
        """Forget somebody's upload. Others who have uploaded the same bytes keep theirs, and posts keep the bytes."""
        with self._store.writing(wake=False) as tx:
            tx.run("delete_upload", who=who, cid=cid)

    def prune(self, *, unused_hours: float = UNUSED_HOURS, finished_days: float = FINISHED_DAYS) -> int:
        """Drop bytes that nothing needs.

        Returns how many files were dropped. Posts that were published or cancelled so many days ago no longer need
        theirs; bytes stored within `unused_hours` stay, because their post may be about to be added. Drops a few at a
        time, so that nobody waits long for the database.
        """
        now, dropped = self._store.clock.now(), 0
        while self._forget_finished(now - timedelta(days=finished_days)) == LINKS_AT_ONCE:
            pass
        while (count := self._drop_unneeded(now - timedelta(hours=unused_hours))) == FILES_AT_ONCE:
            dropped += count
        return dropped + count

    def _forget_finished(self, before: datetime) -> int:
        with self._store.writing(wake=False) as tx:
            return tx.run("forget_finished_media", before=before, most=LINKS_AT_ONCE)

    def _drop_unneeded(self, before: datetime) -> int:
        with self._store.writing(wake=False) as tx:
            rows = tx.rows("unneeded_media", before=before, most=FILES_AT_ONCE)
            return sum(tx.run("delete_media", cid=row["cid"]) for row in rows)

    def _pieces(self, info: MediaInfo) -> Iterator[bytes]:
        left, number = info.size, 0
        while left > 0:
            with self._store.reading() as tx:
                row = tx.row("get_media_chunk", cid=info.cid, number=number)
            if row is None:
                raise NotFound(
                    f"The bytes {info.cid} were removed while they were being read.",
                    code="media.unknown",
                    hint="Add them again.",
                )
            yield row["data"]
            left -= len(row["data"])
            number += 1


@reads("upload", "cid")
def _upload_of(row: Row) -> Upload:
    about = json_of(row["about"], dict)
    return Upload(row["who"], row["cid"], {name: about[name] for name in ABOUT})


def require_media(tx: Transaction, cids: Iterable[str]) -> None:
    """Keep stored bytes from being dropped until the transaction ends. Raises NotFound."""
    for cid in sorted(cids):
        if tx.row("lock_media", cid=cid) is None:
            raise NotFound(
                f"The bytes {cid} are not in the store.", code="media.unknown", hint="Add the image or video again."
            )


def put_bytes(tx: Transaction, media: NewMedia, now: datetime) -> None:
    """Store bytes, unless they are already there."""
    while tx.run("insert_media", cid=media.cid, mime=media.mime, size=media.size, now=now) == 0:
        # Another process may be pruning it right now: then it is stored again.
        if tx.run("touch_media", cid=media.cid, now=now) == 1:
            return
    stored = 0
    for number, chunk in enumerate(_chunks(media.pieces)):
        tx.run("insert_media_chunk", cid=media.cid, number=number, data=chunk)
        stored += len(chunk)
    if stored != media.size:
        raise ValueError(f"{media.cid} has {stored} bytes, not {media.size}")


def _spooled(file: SpooledTemporaryFile[bytes], media: NewMedia) -> Iterator[bytes]:
    """The same bytes, after reading all of them into `file`."""
    for piece in media.pieces:
        try:
            file.write(piece)
        except OSError as error:
            raise DiskFull(
                f"There is no room to keep {media.size} bytes of {media.mime} for now: {error.strerror}.",
                hint="Free some space on the disk and try again.",
            ) from error
    file.seek(0)
    return iter(partial(file.read, CHUNK_BYTES), b"")


def _chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of one size, so that a row stays small and reading needs little memory."""
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        while len(buffer) >= CHUNK_BYTES:
            yield bytes(buffer[:CHUNK_BYTES])
            del buffer[:CHUNK_BYTES]
    if buffer:
        yield bytes(buffer)
