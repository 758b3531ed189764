"""app.bsky.*: as much of the AppView as a posting bot needs, made from the sandbox's own repositories.

What lives here: posts with their counts, threads, profiles and lists. What does not: who follows or likes what
(`people`), who is notified of what (`notifications`), how an embed is shown (`embeds`), drafts (`app_drafts`),
algorithms, moderation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from skywrite.core.clock import to_iso
from skywrite.core.http import Response
from skywrite.protocol.atproto.syntax import AtUri, InvalidSyntax
from skywrite.sandbox.accounts import Account
from skywrite.sandbox.embeds import embed_view
from skywrite.sandbox.pds import Call, Method, Pds
from skywrite.sandbox.repo import Record
from skywrite.sandbox.wire import XrpcFailure, empty_answer, json_answer

POST = "app.bsky.feed.post"
FOLLOW = "app.bsky.graph.follow"
BLOCK = "app.bsky.graph.block"
_DEFS = "app.bsky.feed.defs"


def get_posts(pds: Pds, call: Call) -> Response:
    located = (locate(pds, uri, POST) for uri in dict.fromkeys(call.params["uris"]))
    posts = [one for one in located if one is not None and not _between(pds, call.did, one[0])]
    return json_answer({"posts": [_post_view(pds, *one, call.did) for one in posts]})


def get_post_thread(pds: Pds, call: Call) -> Response:
    uri = call.params["uri"]
    location = locate(pds, uri, POST)
    if location is None:
        raise XrpcFailure(400, f"Post not found: {uri}", "NotFound")
    if block := _between(pds, call.did, location[0]):
        return json_answer({"thread": _blocked_view(*location, block)})
    thread = _thread_below(pds, *location, call.did, depth=call.params["depth"])
    _add_parents(pds, thread, location[1], call.did, call.params["parentHeight"])
    return json_answer({"thread": thread})


def _thread_below(pds: Pds, account: Account, record: Record, reader: str, depth: int) -> dict[str, Any]:
    view: dict[str, Any] = {"$type": f"{_DEFS}#threadViewPost", "post": _post_view(pds, account, record, reader)}
    if depth > 0:
        answers = [one for one in everything(pds, POST) if parent_of(one[1]) == record.uri]
        view["replies"] = [_thread_below(pds, *one, reader, depth=depth - 1) for one in answers]
    return view


def _add_parents(pds: Pds, thread: dict[str, Any], record: Record, reader: str, height: int) -> None:
    while height > 0 and (parent := parent_of(record)) is not None:
        location = locate(pds, parent, POST)
        if location is None:
            thread["parent"] = {"$type": f"{_DEFS}#notFoundPost", "uri": parent, "notFound": True}
            return
        if block := _between(pds, reader, location[0]):
            thread["parent"] = _blocked_view(*location, block)
            return
        thread["parent"] = _thread_below(pds, *location, reader, depth=0)
        thread, record, height = thread["parent"], location[1], height - 1


def _blocked_view(account: Account, record: Record, block: dict[str, Any]) -> dict[str, Any]:
    author = {"did": account.did, "viewer": block}
    return {"$type": f"{_DEFS}#blockedPost", "uri": record.uri, "blocked": True, "author": author}


def get_author_feed(pds: Pds, call: Call) -> Response:
    account = actor(pds, call.params["actor"])
    belongs = _FILTERS.get(call.params.get("filter", "posts_with_replies"))
    if belongs is None:
        raise XrpcFailure(400, "Unknown filter")
    return json_answer(
        _feed(pds, [(account, record) for record in account.repo.records(POST) if belongs(record)], call)
    )


def _media_kind(record: Record) -> str:
    """What a post shows besides its text: images, video or nothing."""
    embed = record.value.get("embed") or {}
    return str((embed.get("media") or embed).get("$type", "")).removeprefix("app.bsky.embed.")


def _is_own_thread(record: Record) -> bool:
    """Whether a post is no answer to somebody else."""
    parent = parent_of(record)
    return parent is None or parent.startswith(record.uri.rpartition("/app.bsky.")[0])


_FILTERS: dict[str, Callable[[Record], bool]] = {
    "posts_with_replies": lambda record: True,
    "posts_no_replies": lambda record: parent_of(record) is None,
    "posts_with_media": lambda record: _media_kind(record) in ("images", "video"),
    "posts_with_video": lambda record: _media_kind(record) == "video",
    "posts_and_author_threads": _is_own_thread,
}


def search_posts(pds: Pds, call: Call) -> Response:
    """Posts with all words of a query, newest first."""
    words = str(call.params["q"]).lower().split()
    author = call.params.get("author")
    by = None if author is None else actor(pds, author)
    posts = [
        one
        for one in everything(pds, POST)
        if by in (None, one[0]) and all(word in str(one[1].value.get("text", "")).lower() for word in words)
    ]
    page = _feed(pds, posts, call)
    return json_answer({"posts": [item["post"] for item in page.pop("feed")], **page})


def get_timeline(pds: Pds, call: Call) -> Response:
    reader = caller(pds, call)
    follows = {record.value["subject"] for record in reader.repo.records(FOLLOW)}
    seen = [one for one in everything(pds, POST) if one[0].did in follows or one[0] is reader]
    return json_answer(_feed(pds, seen, call))


def _feed(pds: Pds, posts: list[tuple[Account, Record]], call: Call) -> dict[str, Any]:
    """Newest first by the earlier of createdAt and indexedAt, as the AppView sorts."""
    posts.sort(key=lambda one: sort_at(one[1]), reverse=True)
    cursor = call.params.get("cursor")
    rest = [one for one in posts if cursor is None or sort_at(one[1]) < cursor]
    page = rest[: call.params["limit"]]
    answer: dict[str, Any] = {"feed": [{"post": _post_view(pds, *one, call.did)} for one in page]}
    if len(rest) > len(page):
        answer["cursor"] = sort_at(page[-1][1])
    return answer


def sort_at(record: Record) -> str:
    """The time by which posts and notifications are sorted: the earlier of what the author says and what is true."""
    try:
        created_at = datetime.fromisoformat(str(record.value.get("createdAt")))
    except ValueError:
        return record.indexed_at
    return min(to_iso(created_at if created_at.tzinfo else created_at.replace(tzinfo=UTC)), record.indexed_at)


def get_profile(pds: Pds, call: Call) -> Response:
    return json_answer(_profile(pds, actor(pds, call.params["actor"]), call.did))


def get_profiles(pds: Pds, call: Call) -> Response:
    accounts = (pds.accounts.find(name) for name in call.params["actors"])
    return json_answer({"profiles": [_profile(pds, one, call.did) for one in accounts if one is not None]})


def search_actors_typeahead(pds: Pds, call: Call) -> Response:
    """Accounts whose handle or display name begins like this."""
    begin = str(call.params.get("q", "")).lower()
    views = (seen_actor(pds, account, call.did) for account in pds.accounts)
    matches = [
        view for view in views if any(view[name].lower().startswith(begin) for name in ("handle", "displayName"))
    ]
    return json_answer({"actors": matches[: call.params["limit"]] if begin else []})


def search_actors(pds: Pds, call: Call) -> Response:
    """Accounts whose handle, display name or description has this in it."""
    asked = str(call.params.get("q", call.params.get("term", ""))).lower()
    views = (_profile(pds, account, call.did) for account in pds.accounts if account.status == "active")
    names = ("handle", "displayName", "description")
    matches = [view for view in views if asked and any(asked in view.get(name, "").lower() for name in names)]
    return json_answer({"actors": matches[: call.params["limit"]]})


def mute_actor(pds: Pds, call: Call) -> Response:
    """Mute somebody; it shows in what the caller sees of them."""
    caller(pds, call).muted.add(actor(pds, call.body["actor"]).did)
    return empty_answer()


def unmute_actor(pds: Pds, call: Call) -> Response:
    """Take that back."""
    caller(pds, call).muted.discard(actor(pds, call.body["actor"]).did)
    return empty_answer()


def _profile(pds: Pds, account: Account, reader: str) -> dict[str, Any]:
    follows = account.repo.records(FOLLOW)
    followers = sum(record.value["subject"] == account.did for _, record in everything(pds, FOLLOW))
    profile = account.repo.get("app.bsky.actor.profile", "self")
    value = profile.value if profile else {}
    view = actor_view(pds, account)
    for name in ("description", "pinnedPost"):
        if name in value:
            view[name] = value[name]
    counts = {"followsCount": len(follows), "followersCount": followers, "postsCount": len(account.repo.records(POST))}
    return {**view, **counts, **seen_profile(pds, account, reader)}


def seen_actor(pds: Pds, account: Account, reader: str) -> dict[str, Any]:
    return {**actor_view(pds, account), **seen_profile(pds, account, reader)}


def seen_profile(pds: Pds, account: Account, reader: str) -> dict[str, Any]:
    """What there is between the reader and an account; nothing for those who are not signed in."""
    who = pds.accounts.find(reader) if reader else None
    if who is None:
        return {}
    follow = _record_about(who, FOLLOW, account.did)
    followed = _record_about(account, FOLLOW, reader)
    ways = {"following": follow, "followedBy": followed, "blocking": _record_about(who, BLOCK, account.did)}
    known = {name: uri for name, uri in ways.items() if uri is not None}
    blocked = _record_about(account, BLOCK, reader) is not None
    return {"viewer": {"muted": account.did in who.muted, "blockedBy": blocked, **known}}


def is_silenced(pds: Pds, reader: Account, account: Account) -> bool:
    """Whether somebody is told nothing of an account: muted, or one of the two blocked the other."""
    return account.did in reader.muted or bool(_between(pds, reader.did, account))


def _between(pds: Pds, reader: str, account: Account) -> dict[str, Any]:
    """Which of a reader and an account blocked the other; empty where none did."""
    viewer = seen_profile(pds, account, reader).get("viewer", {})
    return {name: viewer[name] for name in ("blockedBy", "blocking") if viewer.get(name)}


def _record_about(account: Account, collection: str, subject: str) -> str | None:
    """The address of an account's record about somebody or something."""
    for record in account.repo.records(collection):
        about = record.value.get("subject")
        if subject in (about, about.get("uri") if isinstance(about, dict) else None):
            return record.uri
    return None


def get_feed_generator(pds: Pds, call: Call) -> Response:
    location = locate(pds, call.params["feed"], "app.bsky.feed.generator")
    if location is None:
        raise XrpcFailure(400, "could not find feed")
    account, record = location
    view = _view(pds, account, record, ("did", "displayName", "description"))
    return json_answer({"view": view, "isOnline": True, "isValid": True})


def get_list(pds: Pds, call: Call) -> Response:
    location = locate(pds, call.params["list"], "app.bsky.graph.list")
    if location is None:
        raise XrpcFailure(400, "List not found")
    account, record = location
    members = [one for one in account.repo.records("app.bsky.graph.listitem") if one.value["list"] == record.uri]
    view = _view(pds, account, record, ("name", "purpose", "description"))
    items = [
        {"uri": member.uri, "subject": seen_actor(pds, subject, call.did)}
        for member in members
        if (subject := pds.accounts.find(member.value["subject"])) is not None
    ]
    return json_answer({"list": {**view, "listItemCount": len(members)}, "items": items})


def get_starter_pack(pds: Pds, call: Call) -> Response:
    location = locate(pds, call.params["starterPack"], "app.bsky.graph.starterpack")
    if location is None:
        raise XrpcFailure(400, "Starter pack not found")
    account, record = location
    view = _view(pds, account, record, ())
    return json_answer({"starterPack": {**view, "record": record.value}})


def _view(pds: Pds, account: Account, record: Record, names: tuple[str, ...]) -> dict[str, Any]:
    view: dict[str, Any] = {"uri": record.uri, "cid": record.cid, "creator": actor_view(pds, account)}
    view.update({name: record.value[name] for name in names if name in record.value})
    view["indexedAt"] = record.indexed_at
    return view


def caller(pds: Pds, call: Call) -> Account:
    account = pds.accounts.find(call.did)
    if account is None:
        raise XrpcFailure(400, "Profile not found")
    return account


def actor(pds: Pds, name: str) -> Account:
    account = pds.accounts.find(name)
    if account is None:
        raise XrpcFailure(400, "Profile not found")
    if account.taken_down:
        raise XrpcFailure(400, "Account has been suspended", "AccountTakedown")
    return account


def locate(pds: Pds, uri: str, collection: str) -> tuple[Account, Record] | None:
    try:
        parsed = AtUri(uri)
    except InvalidSyntax:
        return None
    account = pds.accounts.find(parsed.authority)
    if account is None or account.status != "active" or parsed.collection != collection:
        return None
    record = account.repo.get(collection, parsed.rkey)
    return None if record is None else (account, record)


def everything(pds: Pds, collection: str) -> Iterator[tuple[Account, Record]]:
    for account in pds.accounts:
        if account.status == "active":
            for record in account.repo.records(collection):
                yield account, record


def parent_of(record: Record) -> str | None:
    uri = record.value.get("reply", {}).get("parent", {}).get("uri")
    return uri if isinstance(uri, str) else None


def actor_view(pds: Pds, account: Account) -> dict[str, Any]:
    profile = account.repo.get("app.bsky.actor.profile", "self")
    value = profile.value if profile else {}
    view: dict[str, Any] = {"did": account.did, "handle": account.handle, "displayName": value.get("displayName", "")}
    if "avatar" in value:
        cid = value["avatar"]["ref"]["$link"]
        view["avatar"] = f"{pds.url}/xrpc/com.atproto.sync.getBlob?did={account.did}&cid={cid}"
    if profile is not None and (labels := self_labels(account, profile)):
        view["labels"] = labels
    return view


def self_labels(account: Account, record: Record) -> list[dict[str, str]]:
    """The labels that an account gave a record, or itself in its profile."""
    return [
        {"src": account.did, "uri": record.uri, "cid": record.cid, "val": one["val"], "cts": record.indexed_at}
        for one in (record.value.get("labels") or {}).get("values", ())
    ]


def _post_view(pds: Pds, account: Account, record: Record, reader: str) -> dict[str, Any]:
    def count(collection: str) -> int:
        return sum(one.value.get("subject", {}).get("uri") == record.uri for _, one in everything(pds, collection))

    posts = [one for _, one in everything(pds, POST)]
    return {
        "uri": record.uri,
        "cid": record.cid,
        "author": seen_actor(pds, account, reader),
        "record": record.value,
        "bookmarkCount": 0,
        "replyCount": sum(parent_of(one) == record.uri for one in posts),
        "repostCount": count("app.bsky.feed.repost"),
        "likeCount": count("app.bsky.feed.like"),
        "quoteCount": sum(quoted_by(one) == record.uri for one in posts),
        "indexedAt": record.indexed_at,
        "labels": self_labels(account, record),
        **_shown_embed(pds, account, record),
        **_seen_post(pds, record, reader),
    }


def _shown_embed(pds: Pds, account: Account, record: Record) -> dict[str, Any]:
    def quoted(uri: str) -> dict[str, Any] | None:
        location = locate(pds, uri, POST)
        if location is None:
            return None
        author, post = location
        view = {"uri": uri, "cid": post.cid, "author": actor_view(pds, author), "value": post.value}
        return {"$type": "app.bsky.embed.record#viewRecord", **view, "indexedAt": post.indexed_at}

    def address(cid: str) -> str:
        return f"{pds.url}/xrpc/com.atproto.sync.getBlob?did={account.did}&cid={cid}"

    embed = record.value.get("embed")
    view = None if embed is None else embed_view(embed, address, quoted)
    return {} if view is None else {"embed": view}


def _seen_post(pds: Pds, record: Record, reader: str) -> dict[str, Any]:
    """What the reader did with a post; nothing for those who are not signed in."""
    who = pds.accounts.find(reader) if reader else None
    if who is None:
        return {}
    done = {name: _record_about(who, f"app.bsky.feed.{name}", record.uri) for name in ("like", "repost")}
    return {"viewer": {"threadMuted": False, **{name: uri for name, uri in done.items() if uri is not None}}}


def quoted_by(record: Record) -> str | None:
    quoted = record.value.get("embed", {}).get("record", {})
    uri = quoted.get("uri") or quoted.get("record", {}).get("uri")
    return uri if isinstance(uri, str) else None


METHODS = {
    "app.bsky.feed.getPosts": Method(get_posts, "optional"),
    "app.bsky.feed.getPostThread": Method(get_post_thread, "optional"),
    "app.bsky.feed.getAuthorFeed": Method(get_author_feed, "optional"),
    "app.bsky.feed.searchPosts": Method(search_posts, "optional"),
    "app.bsky.actor.searchActors": Method(search_actors, "optional"),
    "app.bsky.graph.muteActor": Method(mute_actor, "access"),
    "app.bsky.graph.unmuteActor": Method(unmute_actor, "access"),
    "app.bsky.feed.getTimeline": Method(get_timeline, "access"),
    "app.bsky.feed.getFeedGenerator": Method(get_feed_generator, "optional"),
    "app.bsky.actor.getProfile": Method(get_profile, "optional"),
    "app.bsky.actor.getProfiles": Method(get_profiles, "optional"),
    "app.bsky.actor.searchActorsTypeahead": Method(search_actors_typeahead, "optional"),
    "app.bsky.graph.getList": Method(get_list, "optional"),
    "app.bsky.graph.getStarterPack": Method(get_starter_pack, "optional"),
}
