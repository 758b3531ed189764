"""Sending frozen records: the media first, then everything in one commit.

What lives here: the one road to a repository, for the worker and for `Client`. What does not: leases, attempts and
retries (`publisher`, `worker`), the doubt after a write (`atproto.repo`, which settles it by reading back).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from skywrite.atproto.repo import Repo
from skywrite.compose.draft import Stored
from skywrite.compose.freeze import Frozen, replace_blobs

Pieces = Callable[[], Iterator[bytes]]
Progress = Callable[[str, int, int], None]
FilmUpload = Callable[[Stored, Pieces, Callable[[int], None]], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Sending:
    """How to send: `open_media(cid)` begins the bytes anew; `film` uploads through a video service, and answers None
    where the plain way is to be taken; `progress(what, done_bytes, all_bytes)` may raise to stop."""

    open_media: Callable[[str], Iterator[bytes]]
    film: FilmUpload | None = None
    progress: Progress | None = None


def upload(repo: Repo, frozen: Frozen, sending: Sending) -> Frozen:
    """Upload the media of a post; the answer has other blobs where the video service made some."""
    answers = {item.cid: _upload_one(repo, item, sending) for item in frozen.blobs}
    return replace_blobs(frozen, answers)


def _upload_one(repo: Repo, item: Stored, sending: Sending) -> Mapping[str, Any]:
    def pieces() -> Iterator[bytes]:
        return sending.open_media(item.cid)

    def told(done: int) -> None:
        if sending.progress:
            sending.progress(item.cid, done, item.size)

    if sending.film and item.mime.startswith("video/"):
        answer = sending.film(item, pieces, told)
        if answer is not None:
            return answer
    return repo.upload_blob(pieces, item.mime, size=item.size, cid=item.cid, progress=told)


def write(repo: Repo, frozen: Frozen) -> None:
    """Create all records of a post, or none; returns only when they are known to be there."""
    repo.create_all(frozen.writes)
