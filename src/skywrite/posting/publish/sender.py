"""Sending frozen records: the media first, then everything in one commit.

What lives here: the one path to a repository, for the worker and for `Client`. What does not: leases, attempts and
retries (`publisher`, `worker`), the doubt after a write (`atproto.repo`, which settles it by reading back).
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from skywrite.core.clock import Clock
from skywrite.core.errors import NoAnswer, NotSent
from skywrite.posting.compose.fields import Stored
from skywrite.posting.compose.freeze import Frozen, replace_blobs
from skywrite.protocol.atproto.repo import Repo, Unwritten
from skywrite.protocol.atproto.xrpc_errors import ServerFailure

SEND_TRIES = 4

Pieces = Callable[[], Iterator[bytes]]
Progress = Callable[[str, int, int], None]
VideoUpload = Callable[[Stored, Pieces, Callable[[int], None]], Mapping[str, Any] | None]


class Sent(NamedTuple):
    """What is in the repository now. `existed`: the server refused it because it had been there before: another program
    wrote the same records in the same millisecond.
    """

    frozen: Frozen
    existed: bool = False


class Sending(NamedTuple):
    """How to send: `open_media(cid)` reads the bytes from the start; `video` uploads through a video service, or
    returns None for a plain upload; `progress(what, done_bytes, all_bytes)` may raise to stop.
    """

    open_media: Callable[[str], Iterator[bytes]]
    video: VideoUpload | None = None
    progress: Progress | None = None


def upload(repo: Repo, frozen: Frozen, sending: Sending) -> Frozen:
    """Upload the media of a post. Returns the records, with other blobs if the video service created some."""
    answers = {item.cid: _upload_one(repo, item, sending) for item in frozen.blobs}
    return replace_blobs(frozen, answers)


def _upload_one(repo: Repo, item: Stored, sending: Sending) -> Mapping[str, Any]:
    def pieces() -> Iterator[bytes]:
        return sending.open_media(item.cid)

    def report(done: int) -> None:
        if sending.progress:
            sending.progress(item.cid, done, item.size)

    if sending.video and item.mime.startswith("video/"):
        answer = sending.video(item, pieces, report)
        if answer is not None:
            return answer
    return repo.upload_blob(pieces, item.mime, size=item.size, cid=item.cid, progress=report)


def write(repo: Repo, frozen: Frozen) -> Unwritten | None:
    """Create all records of a post, or none; None if they are already there."""
    result = repo.try_create_all(frozen.writes)
    return result if isinstance(result, Unwritten) else None


def send(repo: Repo, frozen: Frozen, sending: Sending, clock: Clock) -> Sent:
    """Upload and write, retrying for some seconds, for callers without a queue.

    The keys are fixed, so a lost response is settled by reading back, and a refused connection by retrying.
    """
    frozen = upload(repo, frozen, sending)
    in_doubt = False
    for tries_left in range(SEND_TRIES - 1, -1, -1):
        result = repo.try_create_all(frozen.writes)
        if not isinstance(result, Unwritten):
            return Sent(frozen, result.refused and not in_doubt)
        if not tries_left or not isinstance(result.error, NotSent | NoAnswer | ServerFailure):
            raise result.error
        in_doubt = in_doubt or result.known == "unknown"
        clock.wait(threading.Event(), 2.0 ** (SEND_TRIES - tries_left - 2) + clock.random())
    raise AssertionError("unreachable")
