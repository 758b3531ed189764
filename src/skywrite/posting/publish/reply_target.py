"""Before a reply from the inbox goes out: does the post that it replies to still exist?

What lives here: that check. What does not: the references themselves, which were fixed when the reply was accepted.
"""

from __future__ import annotations

from skywrite.core.errors import Do, Hint, NeedsDecision, SkywriteError
from skywrite.posting.compose.build import Prepared
from skywrite.posting.compose.references import parse_reference
from skywrite.protocol.atproto.repo import Repo
from skywrite.protocol.atproto.xrpc_errors import RecordNotFound
from skywrite.queue.model import Post

# Only here hours may pass between reading and replying; elsewhere the author has just read the post.
SOURCES = ("inbox", "answer")


REPLY_TARGET_GONE = "reply.target_gone"


def has_target(post: Post, prepared: Prepared) -> bool:
    """Whether to check on the network what a post replies to before its records are fixed."""
    return post.source in SOURCES and "reply" in prepared.records[0]


def check_reply_target(post: Post, prepared: Prepared, repo: Repo) -> None:
    """Raise NeedsDecision if the network says so; a server that cannot be reached does not hold up a reply."""
    for name in ("parent", "root") if has_target(post, prepared) else ():
        authority, collection, rkey = parse_reference(str(prepared.records[0]["reply"][name]["uri"]))
        try:
            repo.get(collection, rkey, repo=authority)
        except RecordNotFound:
            raise NeedsDecision(
                f"What post {post.id} replies to was deleted in the meantime ({name}).",
                code=REPLY_TARGET_GONE,
                hint=Hint("Cancel it: ", Do("posts.cancel", post.id)),
            ) from None
        except SkywriteError:
            return
