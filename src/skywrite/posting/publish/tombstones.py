"""What was deleted from the network through Skywrite: an address a line, in a file that no backup holds.

A restored database does not know that a post went out and was deleted since, and at its record key nothing is left to
tell. What lives here: what that file (`beside`) says. What does not: deleting (`app.posts`, `features.reposts`), and
holding what comes back (`publisher`).
"""

from pathlib import Path

from skywrite.core.errors import Do, Hint, NeedsDecision
from skywrite.posting.publish.beside import Notes
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
        self._notes = Notes(path)

    def add(self, uri: str) -> None:
        """Note that a record is deleted. Where that cannot be noted, it is deleted all the same."""
        if uri not in self:
            self._notes.put(uri, _DELETED)

    def lift(self, uri: str) -> None:
        """Somebody wants it to be published again."""
        if uri in self:
            self._notes.put(uri, _WANTED)

    def __contains__(self, uri: object) -> bool:
        """Whether it was deleted, as far as this computer knows."""
        return isinstance(uri, str) and self._notes.get(uri) == _DELETED
