"""What was deleted from the network through Skywrite: an address a line, in a file that no backup holds.

A restored database does not know that a post went out and was deleted since, and at its record key nothing is left to
tell. The last line about an address counts. What lives here: that file. What does not: deleting (`app.posts`,
`features.reposts`), and holding what comes back (`publisher`).
"""

import os
from contextlib import suppress
from pathlib import Path

from skywrite.core.errors import Do, Hint, NeedsDecision
from skywrite.queue.model import Post

_DELETED, _WANTED = "deleted", "wanted"
DELETED_BY_HAND = "post.deleted_by_hand"


def deleted_by_hand(post: Post) -> NeedsDecision:
    """The error for a post that came back with an older database."""
    return NeedsDecision(
        f"Post {post.id} was published before, and deleted since: an older database has brought it back.",
        code=DELETED_BY_HAND,
        hint=Hint("Drop it: ", Do("posts.cancel", post.id), ". Publish it again: ", Do("posts.release", post.id), "."),
    )


class Tombstones:
    """The addresses that were deleted. Safe to share between threads and processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._deleted: frozenset[str] = frozenset()

    def add(self, uri: str) -> None:
        """Note that a record is deleted. Where that cannot be noted, it is deleted all the same."""
        if uri not in self:
            self._append(_DELETED, uri)

    def lift(self, uri: str) -> None:
        """Somebody wants it to be published again."""
        if uri in self:
            self._append(_WANTED, uri)

    def __contains__(self, uri: object) -> bool:
        """Whether it was deleted, as far as this computer knows."""
        with suppress(OSError):
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size)
            if seen != self._seen:
                self._deleted, self._seen = _read(self._path), seen
            return uri in self._deleted
        return False

    def _append(self, what: str, uri: str) -> None:
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # One short write at the end: lines of two processes do not mix.
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, f"{what} {uri}\n".encode())
            finally:
                os.close(descriptor)


def _read(path: Path) -> frozenset[str]:
    lines = (line.partition(" ") for line in path.read_text("utf-8", "replace").splitlines())
    last = {uri: what for what, _, uri in lines}
    return frozenset(uri for uri, what in last.items() if what == _DELETED)
