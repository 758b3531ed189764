"""Stored images, videos and captions: reading them piece by piece, who uploaded them, dropping what nothing needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from skywrite.core.errors import NotFound
from skywrite.queue.base import StoreBase
from skywrite.queue.database import Row
from skywrite.queue.model import MediaInfo
from skywrite.queue.reading import json_of, readable, reads
from skywrite.queue.rows import dump_json

UNUSED_HOURS = 24
FINISHED_DAYS = 30
LINKS_AT_ONCE = 1000
FILES_AT_ONCE = 20


# What is known about an upload.
ABOUT = ("mime", "size", "width", "height", "name", "uploaded_at", "warnings", "gif")


class Upload(NamedTuple):
    """Stored bytes that somebody has uploaded, and what is known about them."""

    who: str
    cid: str
    about: dict[str, Any]


class MediaOperations(StoreBase):
    """Operations on stored bytes."""

    def media_info(self, cid: str) -> MediaInfo | None:
        """What is known about stored bytes; None if they are not here."""
        with self._reading() as tx:
            row = tx.row("get_media", cid=cid)
        return None if row is None else MediaInfo(row["cid"], row["mime"], row["size"])

    def media_of(self, post_id: int) -> list[MediaInfo]:
        """The stored bytes that a post needs."""
        with self._reading() as tx:
            rows = tx.rows("media_of_post", post_id=post_id)
        return [MediaInfo(row["cid"], row["mime"], row["size"]) for row in rows]

    def read_media(self, cid: str) -> Iterator[bytes]:
        """Stored bytes in pieces of at most 1 MiB; no transaction is open between two pieces. Raises NotFound."""
        info = self.media_info(cid)
        if info is None:
            raise NotFound(
                f"The bytes {cid} are not in the store.", code="media.unknown", hint="Add the image or video again."
            )
        return self._pieces(info)

    def put_upload(self, who: str, cid: str, about: Mapping[str, Any], *, share: str) -> None:
        """Record that somebody has uploaded stored bytes, and what is known about them."""
        with self._writing(wake=False) as tx:
            tx.run("put_upload", who=who, share=share, cid=cid, about=dump_json(about))

    def unneeded_bytes(self, share: str) -> int:
        """How many bytes those who have a share together have uploaded that nothing needs yet."""
        with self._reading() as tx:
            row = tx.row("unneeded_bytes", share=share)
        return 0 if row is None else int(row["bytes"])

    def uploads(self, cid: str) -> dict[str, dict[str, Any]]:
        """What is known about uploaded bytes, by who has uploaded them."""
        with self._reading() as tx:
            return {one.who: one.about for one in readable(tx.rows("uploads_of_cid", cid=cid), _upload_of)}

    def uploads_by(self, who: str) -> dict[str, dict[str, Any]]:
        """What somebody has uploaded, by CID."""
        with self._reading() as tx:
            return {one.cid: one.about for one in readable(tx.rows("uploads_by", who=who), _upload_of)}

    def drop_upload(self, who: str, cid: str) -> None:
        """Forget somebody's upload. Others who have uploaded the same bytes keep theirs, and posts keep the bytes."""
        with self._writing(wake=False) as tx:
            tx.run("delete_upload", who=who, cid=cid)

    def prune(self, *, unused_hours: float = UNUSED_HOURS, finished_days: float = FINISHED_DAYS) -> int:
        """Drop bytes that nothing needs.

        Returns how many files were dropped. Posts that were published or cancelled so many days ago no longer need
        theirs; bytes stored within `unused_hours` stay, because their post may be about to be added. Drops a few at a
        time, so that nobody waits long for the database.
        """
        now, dropped = self._clock.now(), 0
        while self._forget_finished(now - timedelta(days=finished_days)) == LINKS_AT_ONCE:
            pass
        while (found := self._drop_unneeded(now - timedelta(hours=unused_hours))) == FILES_AT_ONCE:
            dropped += found
        return dropped + found

    def _forget_finished(self, before: datetime) -> int:
        with self._writing(wake=False) as tx:
            return tx.run("forget_finished_media", before=before, most=LINKS_AT_ONCE)

    def _drop_unneeded(self, before: datetime) -> int:
        with self._writing(wake=False) as tx:
            rows = tx.rows("unneeded_media", before=before, most=FILES_AT_ONCE)
            return sum(tx.run("delete_media", cid=row["cid"]) for row in rows)

    def _pieces(self, info: MediaInfo) -> Iterator[bytes]:
        left, number = info.size, 0
        while left > 0:
            with self._reading() as tx:
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
