"""Rights: what Skywrite may request from an account, as OAuth scopes, and which of them are missing. Pure.

What lives here: the rights by the names that users write, and the comparison of requested and granted rights: servers
drop scopes that they do not understand. What does not: requesting them (see `oauth`).

Source: https://atproto.com/specs/permission
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import parse_qsl

from skywrite.core.errors import InputError

BASE_SCOPE = "atproto"
_RECORD_ACTIONS = ("create", "update", "delete")
_BLUESKY = "did:web:api.bsky.app%23bsky_appview"


class Right(NamedTuple):
    """Something that a session may do. `without` says what fails without it."""

    name: str
    scopes: tuple[str, ...]
    allows: str
    without: str


def _records(*collections: str) -> str:
    named = "&".join(f"collection={collection}" for collection in collections)
    return f"repo?{named}&action=create&action=delete"


RIGHTS: dict[str, Right] = {
    right.name: right
    for right in (
        Right(
            "posts",
            (_records("app.bsky.feed.post", "app.bsky.feed.threadgate", "app.bsky.feed.postgate"),),
            "publish and delete posts, and set who may reply and quote",
            "publishing and deleting posts",
        ),
        Right(
            "media",
            ("blob?accept=image/*&accept=video/*&accept=text/vtt",),
            "upload images, videos and captions",
            "posts with images, videos or link cards",
        ),
        Right(
            "video",
            ("rpc:com.atproto.repo.uploadBlob?aud=*", "rpc:app.bsky.video.getUploadLimits?aud=*"),
            "send videos through the video service",
            "videos through the video service",
        ),
        Right("likes", (_records("app.bsky.feed.like"),), "like posts, and take likes back", "likes"),
        Right("reposts", (_records("app.bsky.feed.repost"),), "repost posts, and take reposts back", "reposts"),
        Right(
            "drafts",
            (f"rpc?lxm=app.bsky.draft.getDrafts&lxm=app.bsky.draft.updateDraft&aud={_BLUESKY}",),
            "read the drafts of the Bluesky app, and mark those that were taken over",
            "taking over drafts of the app",
        ),
        Right(
            "inbox",
            (
                "rpc?lxm=app.bsky.notification.listNotifications&lxm=app.bsky.notification.updateSeen"
                f"&lxm=app.bsky.feed.getPosts&lxm=app.bsky.feed.getPostThread&aud={_BLUESKY}",
            ),
            "read replies and mentions, and mark them as seen",
            "the inbox of replies",
        ),
        Right(
            "profile",
            ("repo:app.bsky.actor.profile?action=create&action=update",),
            "pin posts, and say in the profile that the account is a bot",
            "pins, and the label of a bot",
        ),
        Right("follow", (_records("app.bsky.graph.follow"),), "follow people, and unfollow them", "follows"),
    )
}
ALWAYS = ("posts", "media", "video")


def chosen_rights(extra: Iterable[str] = ()) -> tuple[str, ...]:
    """The rights to request: those for posting, and the named ones. Raises InputError for an unknown name."""
    wanted = [*ALWAYS, *extra]
    for name in wanted:
        if name not in RIGHTS:
            raise InputError(f"There is no right {name!r}.", hint=f"The rights are: {', '.join(RIGHTS)}.")
    return tuple(name for name in RIGHTS if name in wanted)


def scope_of(rights: Iterable[str]) -> str:
    """The scope to request."""
    return " ".join((BASE_SCOPE, *(scope for name in rights for scope in RIGHTS[name].scopes)))


def granted_rights(granted: str) -> tuple[str, ...]:
    """The rights that a granted scope contains in full."""
    return tuple(name for name, right in RIGHTS.items() if not _lacking(right.scopes, granted))


def missing_rights(asked: str, granted: str) -> tuple[Right, ...]:
    """The rights that were requested, but not granted in full."""
    wanted = set(asked.split())
    rights = (right for right in RIGHTS.values() if wanted.issuperset(right.scopes))
    return tuple(right for right in rights if _lacking(right.scopes, granted))


def right_for(scope: str) -> Right | None:
    """The right that contains a scope, such as a missing one that a server names."""
    for right in RIGHTS.values():
        if not _lacking((scope,), " ".join(right.scopes)):
            return right
    return None


def scope_in(message: str) -> str:
    """The scope that a server names in its refusal; empty if there is none."""
    match = re.search(r"\b(?:repo|blob|rpc|account|identity)[:?][^\s\"'`]+", message)
    return match[0].rstrip(".,)") if match else ""


Permission = tuple[str, str, str]


def _permissions(scope: str) -> set[Permission]:
    """The single permissions in one scope: a record action, a type of blob, a method at a service."""
    head, _, query = scope.partition("?")
    resource, _, positional = head.partition(":")
    params = parse_qsl(query)

    def values(name: str, default: tuple[str, ...] = ()) -> list[str]:
        return [value for key, value in params if key == name] or list(default)

    match resource:
        case "repo":
            collections = [positional] if positional else values("collection")
            return {("repo", item, action) for item in collections for action in values("action", _RECORD_ACTIONS)}
        case "blob":
            return {("blob", accept, "") for accept in ([positional] if positional else values("accept"))}
        case "rpc":
            methods = [positional] if positional else values("lxm")
            return {("rpc", method, audience) for method in methods for audience in values("aud")}
    return {(resource, positional, query)}


def _lacking(scopes: Iterable[str], granted: str) -> bool:
    held = {permission for scope in granted.split() for permission in _permissions(scope)}
    return any(not _is_held(wanted, held) for scope in scopes for wanted in _permissions(scope))


def _is_held(wanted: Permission, held: set[Permission]) -> bool:
    return wanted in held or any(
        all(_fits(have, want) for have, want in zip(permission, wanted, strict=True)) for permission in held
    )


def _fits(have: str, want: str) -> bool:
    """`*` and `image/*` stand for more than themselves."""
    if have in ("*", "*/*", want):
        return True
    return have.endswith("/*") and want.startswith(have.removesuffix("*"))
