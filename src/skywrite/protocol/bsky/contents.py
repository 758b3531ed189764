"""What published records say, for programs that know nothing of records: texts, media, addresses. Pure.

What lives here: reading our own records back. What does not: making them (`post`, `embed`), who is told of them
(`queue.events`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from skywrite.protocol.bsky import embed as embeds
from skywrite.protocol.bsky.limits import POST

LINK = "app.bsky.richtext.facet#link"
# What a link that was shortened ends with.
CUT = ("…", "...")


def web_url(did: str, rkey: str) -> str:
    """Where people read a post."""
    return f"https://bsky.app/profile/{did}/post/{rkey}"


def parts_of(writes: Iterable[Sequence[Any]], did: str, pds_url: str) -> list[dict[str, Any]]:
    """The posts of a thread, in order. A write is its collection, record key, record and CID."""
    return [
        {"uri": f"at://{did}/{POST}/{rkey}", "cid": cid, "url": web_url(did, rkey), **_part(value, did, pds_url)}
        for collection, rkey, value, cid in writes
        if collection == POST
    ]


def _part(value: Mapping[str, Any], did: str, pds_url: str) -> dict[str, Any]:
    facets = list(value.get("facets", ()))
    embed = value.get("embed") or {}
    quote = _inner(embed, embeds.RECORD)
    media = _inner(embed, *embeds.MEDIA)
    card = media.get("external") if media.get("$type") == embeds.EXTERNAL else None
    return {
        "text": value["text"],
        "plain_text": plain_text(value["text"], facets),
        "facets": facets,
        "langs": list(value.get("langs", ())),
        "tags": list(value.get("tags", ())),
        "labels": [one["val"] for one in value.get("labels", {}).get("values", ())],
        "created_at": value["createdAt"],
        "media": _media(media, did, pds_url),
        "card": None if card is None else _card(card, did, pds_url),
        "quote": quote.get("record"),
        "reply_to": value["reply"]["parent"] if "reply" in value else None,
    }


def plain_text(text: str, facets: Sequence[Mapping[str, Any]]) -> str:
    """The text with its links written out, as other networks need it.

    A shortened address is replaced by the whole one; words that lead somewhere are followed by where.
    """
    data, done = text.encode(), 0
    pieces: list[str] = []
    for facet in facets:
        start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        uri = next((one["uri"] for one in facet["features"] if one["$type"] == LINK), None)
        if uri is None:
            continue
        label = data[start:end].decode()
        pieces += [data[done:start].decode(), uri if _is_address(label, uri) else f"{label} ({uri})"]
        done = end
    return "".join([*pieces, data[done:].decode()])


def _is_address(label: str, uri: str) -> bool:
    """Whether a link's words are its address, whole or shortened."""
    shown = label
    for end in CUT:
        shown = shown.removesuffix(end)
    shown, bare = (one.partition("://")[2] or one for one in (shown, uri))
    shown, bare = shown.removeprefix("www."), bare.removeprefix("www.")
    return bare.startswith(shown) and shown.startswith(bare.partition("/")[0])


def _inner(embed: Mapping[str, Any], *kinds: str) -> Mapping[str, Any]:
    """The embed of one of these kinds, alone or beside a quote."""
    if embed.get("$type") in kinds:
        return embed
    if embed.get("$type") == embeds.RECORD_WITH_MEDIA:
        inner: Mapping[str, Any] = embed["record"] if kinds == (embeds.RECORD,) else embed["media"]
        return inner
    return {}


def _media(embed: Mapping[str, Any], did: str, pds_url: str) -> list[dict[str, Any]]:
    if embed.get("$type") == embeds.VIDEO:
        kind = "gif" if embed.get("presentation") == "gif" else "video"
        captions = [{"lang": one["lang"], **_file(one["file"], did, pds_url)} for one in embed.get("captions", ())]
        return [{"kind": kind, **_described(embed, embed["video"], did, pds_url), "captions": captions}]
    items = embed.get("images") or embed.get("items") or ()
    return [{"kind": "image", **_described(item, item["image"], did, pds_url)} for item in items]


def _described(item: Mapping[str, Any], blob: Mapping[str, Any], did: str, pds_url: str) -> dict[str, Any]:
    size = item.get("aspectRatio") or {}
    about = {"alt": item.get("alt", ""), "width": size.get("width"), "height": size.get("height")}
    return {**_file(blob, did, pds_url), **about}


def _card(card: Mapping[str, Any], did: str, pds_url: str) -> dict[str, Any]:
    image = _file(card["thumb"], did, pds_url) if "thumb" in card else None
    return {"url": card["uri"], "title": card["title"], "description": card["description"], "image": image}


def _file(blob: Mapping[str, Any], did: str, pds_url: str) -> dict[str, Any]:
    """A file of a repository, at the address where its server gives it to anybody."""
    cid = blob["ref"]["$link"]
    query = urlencode({"did": did, "cid": cid})
    url = f"{pds_url.rstrip('/')}/xrpc/com.atproto.sync.getBlob?{query}"
    return {"url": url, "mime": blob["mimeType"], "size": blob["size"]}
