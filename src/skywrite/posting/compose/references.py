"""From what people paste (an at-uri, or a link to bsky.app) to the at-uri of a record. Pure.

What does not live here: checking that the record exists (`resolve`).
"""

from __future__ import annotations

import re

from skywrite.core.errors import Do, Hint, InputError
from skywrite.protocol.atproto.syntax import Did, Handle, InvalidSyntax, Nsid, RecordKey

_COLLECTIONS = {
    "post": "app.bsky.feed.post",
    "feed": "app.bsky.feed.generator",
    "lists": "app.bsky.graph.list",
}
# `re` compiles a pattern on first use and caches it, so importing this module compiles none.
_APP_LINK = r"https://bsky\.app/profile/([^/?#]+)/(post|feed|lists)/([^/?#]+)/?(?:[?#].*)?"
_PACK_LINK = r"https://bsky\.app/(?:starter-pack|start)/([^/?#]+)/([^/?#]+)/?(?:[?#].*)?"
_AT_URI = r"at://([^/?#]+)/([a-zA-Z][a-zA-Z0-9.-]+)/([^/?#]+)"


def parse_reference(text: str) -> tuple[str, str, str]:
    """(authority, collection, record key); the authority is a DID or a handle. Raises InputError."""
    parts = _parts(text.strip())
    if parts is not None and _is_valid(*parts):
        return parts
    hint = Hint("Paste its link from bsky.app, or its at-uri (at://did/collection/key).")
    if re.fullmatch(r"(?a)#?[0-9]{1,9}", text.strip()):
        hint = Hint("Paste its link. That of a post in the queue: ", Do("posts.get", int(text.strip().lstrip("#"))))
    raise InputError(f"{text!r} is not a post, feed, list or starter pack.", code="link.invalid", hint=hint)


def _parts(text: str) -> tuple[str, str, str] | None:
    if match := re.fullmatch(_AT_URI, text):
        return match[1], match[2], match[3]
    if match := re.fullmatch(_APP_LINK, text):
        return match[1], _COLLECTIONS[match[2]], match[3]
    if match := re.fullmatch(_PACK_LINK, text):
        return match[1], "app.bsky.graph.starterpack", match[2]
    return None


def _is_valid(authority: str, collection: str, rkey: str) -> bool:
    try:
        Did(authority) if authority.startswith("did:") else Handle(authority)
        Nsid(collection)
        RecordKey(rkey)
    except InvalidSyntax:
        return False
    return True


def app_link(uri: str, handle: str | None = None) -> str:
    """The page of a post on bsky.app."""
    authority, _, rkey = parse_reference(uri)
    return f"https://bsky.app/profile/{authority if handle is None else handle}/post/{rkey}"
