"""Whether the post that a draft replies to or quotes has closed gates. The network hides such posts, so we warn.

What does not live here: the gates of our own posts (`bsky.gates`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from skywrite.core.errors import Notice, SkywriteError
from skywrite.posting.compose.references import parse_reference
from skywrite.protocol.bsky.gates import POSTGATE, THREADGATE

_POST = "app.bsky.feed.post"
NOBODY = "This thread takes no replies, so the reply is not shown."
_ALLOWED = {
    "mentionRule": "people whom it mentions",
    "followerRule": "followers of its author",
    "followingRule": "people whom its author follows",
    "listRule": "members of a list",
}

GetRecord = Callable[[str], Mapping[str, Any]]


def reply_warnings(root_uri: str, get_record: GetRecord, own_did: str) -> list[Notice]:
    """A warning if the author of a thread limits who may reply to it."""
    gate = _gate(root_uri, THREADGATE, get_record, own_did)
    allow = gate.get("allow")
    if not isinstance(allow, list):
        return []
    kinds = [str(rule.get("$type", "")).rpartition("#")[2] for rule in allow if isinstance(rule, Mapping)]
    who = ", ".join(_ALLOWED[kind] for kind in kinds if kind in _ALLOWED)
    some = f"Only {who} may reply to this thread: unless you are one of them, the reply is not shown."
    text = some if who else NOBODY
    return [Notice("RepliesLimited", text, root_uri)]


def quote_warnings(uri: str, get_record: GetRecord, own_did: str) -> list[Notice]:
    """A warning if the author of a post does not let others quote it."""
    rules = _gate(uri, POSTGATE, get_record, own_did).get("embeddingRules")
    kinds = [rule.get("$type") for rule in rules if isinstance(rule, Mapping)] if isinstance(rules, list) else []
    if f"{POSTGATE}#disableRule" not in kinds:
        return []
    return [
        Notice("QuotesClosed", "The author of the quoted post allows no quotes: readers do not see the quote.", uri)
    ]


def _gate(uri: str, collection: str, get_record: GetRecord, own_did: str) -> Mapping[str, Any]:
    """The gate of a post; empty if there is none, if the post is ours, or if the gate cannot be read."""
    authority, kind, rkey = parse_reference(uri)
    if kind != _POST or authority == own_did:
        return {}
    try:
        value = get_record(f"at://{authority}/{collection}/{rkey}").get("value")
    except SkywriteError:
        return {}
    return value if isinstance(value, Mapping) and value.get("$type") == collection else {}
