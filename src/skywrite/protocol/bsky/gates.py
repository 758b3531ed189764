"""Who may reply to a thread, and who may quote a post: threadgate and postgate records.

What lives here: the records and the check of their rules. They have the same record key as the post, and are written in
the same commit. Lexicons: app.bsky.feed.threadgate, app.bsky.feed.postgate.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from skywrite.core.errors import InputError
from skywrite.protocol.atproto.syntax import AtUri, InvalidSyntax
from skywrite.protocol.bsky.limits import GATE_RULES_MAX, POST, check_time

THREADGATE = "app.bsky.feed.threadgate"
POSTGATE = "app.bsky.feed.postgate"
LIST = "app.bsky.graph.list"

_RULES = {"mentioned": "mentionRule", "followers": "followerRule", "following": "followingRule"}


def check_allow(allow: Sequence[str]) -> list[str]:
    """The rules about who may reply, without repetitions: `mentioned`, `followers`, `following`, at-uris of lists.

    The result is empty for `nobody`, which excludes other rules, and for no rules at all. Raises InputError.
    """
    rules = list(dict.fromkeys([allow] if isinstance(allow, str) else allow))
    if rules == ["nobody"]:
        return []
    for rule in rules:
        if rule == "nobody":
            raise InputError(
                "'nobody' excludes all other rules about replies.", code="gate.invalid", hint="Use one or the other."
            )
        if rule not in _RULES and not _is_list(rule):
            raise InputError(
                f"{rule!r} does not say who may reply.",
                code="gate.invalid",
                hint=f"Use nobody, {', '.join(_RULES)}, or the at-uri of a list (at://did/{LIST}/key).",
            )
    if len(rules) > GATE_RULES_MAX:
        raise InputError(
            f"{len(rules)} rules say who may reply; the maximum is {GATE_RULES_MAX}.",
            code="gate.invalid",
            hint="Merge lists into one.",
        )
    return rules


def threadgate(post_uri: str, allow: Sequence[str], created_at: datetime | str) -> dict[str, Any]:
    """The record that says who may reply to the thread with the root `post_uri`. An empty `allow` means nobody."""
    rules = [_rule(rule) for rule in check_allow(allow)]
    return {"$type": THREADGATE, "post": _post(post_uri), "allow": rules, "createdAt": check_time(created_at)}


def postgate(post_uri: str, created_at: datetime | str) -> dict[str, Any]:
    """The record that stops others from quoting `post_uri`."""
    rules = [{"$type": f"{POSTGATE}#disableRule"}]
    return {"$type": POSTGATE, "post": _post(post_uri), "embeddingRules": rules, "createdAt": check_time(created_at)}


def _rule(rule: str) -> dict[str, str]:
    if rule in _RULES:
        return {"$type": f"{THREADGATE}#{_RULES[rule]}"}
    return {"$type": f"{THREADGATE}#listRule", "list": rule}


def _is_list(rule: str) -> bool:
    try:
        return AtUri(rule).collection == LIST
    except InvalidSyntax:
        return False


def _post(uri: str) -> str:
    try:
        is_post = AtUri(uri).collection == POST
    except InvalidSyntax:
        is_post = False
    if not is_post:
        raise InputError(
            f"{uri!r} is not the at-uri of a post.", code="gate.invalid", hint=f"It looks like at://did/{POST}/key."
        )
    return str(uri)
