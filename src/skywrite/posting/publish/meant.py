"""Is the record at a post's key the post? Only then does "it exists" mean that the post went out before. Pure.

The key of a post that people make without a name of its own holds a nonce, or in an import a digest of the row: what is
there is the post, however it was edited since. Other keys follow from names, which another program may use, too: what
the record replies to and quotes must be what the post replies to and quotes, and its text must be the post's. Only
where words are made anew each time (by a feed, a command, a function, a hook, a follow-up) are the first ones right.
"""

from collections.abc import Mapping
from typing import Any

from skywrite.core.errors import Do, Hint
from skywrite.protocol.atproto.repo import Record, RecordConflict
from skywrite.queue import identities
from skywrite.queue.identities import FUNCTION_ANSWERS
from skywrite.queue.model import Post

# The beginnings of the sources and keys of posts whose words are made anew each time.
_SOURCES = ("feed:", "command", "function", "hook:", "follow-up")
_KEYS = (FUNCTION_ANSWERS,)


class AnotherRecord(RecordConflict):
    """At a record key there is something other than what was meant, so nothing was written."""

    code = "record.another"


def check_meant(post: Post, ours: Mapping[str, Any], record: Record) -> None:
    """Raise AnotherRecord unless the record that was found is this post."""
    for what, read in (("replies to", _parent), ("quotes", _quoted)):
        if read(ours) != read(record.value):
            raise _another(post, record, f"{what} {read(record.value) or 'nothing'}, not {read(ours) or 'nothing'}")
    if _has_own_words(post) and ours.get("text") != record.value.get("text"):
        raise _another(post, record, "has another text")


def _another(post: Post, record: Record, why: str) -> AnotherRecord:
    return AnotherRecord(
        f"There is a record at the key of post {post.id} already, {record.uri}, and it {why}.",
        hint=Hint(
            "Nothing was written. If that is this post, cancel this one: ",
            Do("posts.cancel", post.id),
            ". If not, write it as a new post.",
        ),
    )


def _has_own_words(post: Post) -> bool:
    if post.key is None:
        return False
    made_anew = post.key.startswith(_KEYS) or str(post.source).startswith(_SOURCES)
    return not (made_anew or identities.is_row_key(post.key, post.source))


def _parent(value: Mapping[str, Any]) -> object:
    return _uri(_part(value.get("reply")).get("parent"))


def _quoted(value: Mapping[str, Any]) -> object:
    """What a post quotes, whether or not it has media, too."""
    record = _part(_part(value.get("embed")).get("record"))
    return _uri(record) or _uri(record.get("record"))


def _uri(value: object) -> object:
    return _part(value).get("uri")


def _part(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
