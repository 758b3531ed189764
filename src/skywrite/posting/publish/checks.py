"""What an attempt asks the network besides publishing: whether what was approved still means the same people, whether
the post that a reply from the inbox replies to still exists, and whether an account lives on another server now.

What does not live here: the approval itself (`queue.approvals`), references, which were fixed when a post was accepted,
and signing in. Tokens never go to a server because a DID document names it: the account waits for a new sign-in
instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from skywrite.core.errors import (
    ENDED,
    SIGN_IN,
    Do,
    Hint,
    InputError,
    NeedsDecision,
    NoAnswer,
    NotSent,
    SignInError,
    SkywriteError,
    TemporaryError,
)
from skywrite.posting.compose.build import Prepared
from skywrite.posting.compose.references import parse_reference
from skywrite.protocol.atproto.repo import Repo
from skywrite.protocol.atproto.session_data import Session
from skywrite.protocol.atproto.xrpc_errors import RecordNotFound
from skywrite.queue.approval_rules import DRIFTED
from skywrite.queue.model import Post

if TYPE_CHECKING:
    from skywrite.protocol.atproto.identity import Resolver
    from skywrite.protocol.atproto.oauth_session import OAuthSession

DEAD_TRIES = 3
# Only here hours may pass between reading and replying; elsewhere the author has just read the post.
SOURCES = ("inbox", "answer")
REPLY_TARGET_GONE = "reply.target_gone"
MENTION = "app.bsky.richtext.facet#mention"


def is_worth_asking(error: Exception, attempts: int) -> bool:
    """Whether an attempt with this result is a reason to look up the account again."""
    if isinstance(error, NotSent | NoAnswer):
        return attempts >= DEAD_TRIES
    return isinstance(error, SignInError)


def moved(session: Session | OAuthSession, resolver: Resolver) -> SignInError | None:
    """The error to report if the account has moved; None if it has not, or if that is unknown."""
    try:
        named = resolver.pds_url(session.did)
    except SkywriteError:
        return None
    host = urlsplit(named).hostname
    if host == urlsplit(session.pds_url).hostname:
        return None
    # A server may be reached at a private address, such as one inside a container network. Then its tokens are still
    # issued for the name in the DID document.
    if isinstance(session, Session) and session.audience == f"did:web:{host}":
        return None
    return SignInError(
        f"{session.handle} has moved to {named}: its DID document names that server now.",
        code="account.moved",
        hint=SIGN_IN,
    )


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


def approved_mentions(prepared: Prepared) -> Iterator[tuple[str, str | None]]:
    """The handles in the texts, with the approved DIDs; None if the handle was to stay plain text."""
    for record in prepared.records:
        for facet in record.get("facets", ()):
            yield from mentions_of(str(record.get("text", "")), facet)
    for item in prepared.pending:
        yield item.handle, None


def mentions_of(text: str, facet: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The handle that a facet of a text mentions, with its DID; nothing if it shows something else."""
    shown = text.encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode("utf-8", "replace")
    for feature in facet.get("features", ()):
        if feature.get("$type") == MENTION and shown.startswith("@") and "." in shown:
            yield shown[1:].lower(), str(feature["did"])


def check_drift(post_id: int, prepared: Prepared, resolve: Callable[[str], str]) -> None:
    """Raise NeedsDecision if a handle means another account than the approved one.

    What cannot be looked up now is published as approved.
    """
    for handle, approved in approved_mentions(prepared):
        try:
            now: str | None = resolve(handle)
        except InputError:
            now = None
        except TemporaryError as error:
            if isinstance(error, ENDED):
                raise
            continue
        if now != approved:
            raise NeedsDecision(
                f"@{handle} was approved as {approved or 'plain text'}, and is {now or 'nobody'} now.",
                code=DRIFTED,
                hint=Hint("See it and approve it again: ", Do("posts.approve", post_id)),
            )
