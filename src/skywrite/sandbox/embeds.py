"""What the AppView makes of a post's embed: addresses in place of blobs, and what is quoted in place of its address.

What lives here: pure functions. What does not: finding what is quoted (`appview`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_EMBED = "app.bsky.embed"
Address = Callable[[str], str]
Quoted = Callable[[str], dict[str, Any] | None]


def embed_view(embed: Mapping[str, Any], address: Address, quoted: Quoted) -> dict[str, Any] | None:
    """An embed as readers see it; None for a kind that is not known here.

    `address`: where a blob is, by its CID. `quoted`: a post as it is shown where it is quoted.
    """
    kind = str(embed.get("$type", "")).removeprefix(f"{_EMBED}.")
    makers = {"images": _images, "external": _external, "video": _video}
    if kind in makers:
        return {"$type": f"{_EMBED}.{kind}#view", **makers[kind](embed, address)}
    if kind == "record":
        return {"$type": f"{_EMBED}.record#view", **_record(embed, quoted)}
    if kind == "recordWithMedia":
        media = embed_view(embed["media"], address, quoted)
        return {"$type": f"{_EMBED}.recordWithMedia#view", "record": _record(embed["record"], quoted), "media": media}
    return None


def _images(embed: Mapping[str, Any], address: Address) -> dict[str, Any]:
    return {
        "images": [
            {"thumb": place, "fullsize": place, "alt": image["alt"], **_ratio(image)}
            for image in embed["images"]
            if (place := address(_cid(image["image"])))
        ]
    }


def _external(embed: Mapping[str, Any], address: Address) -> dict[str, Any]:
    card = {name: embed["external"][name] for name in ("uri", "title", "description")}
    thumb = {"thumb": address(_cid(embed["external"]["thumb"]))} if "thumb" in embed["external"] else {}
    return {"external": {**card, **thumb}}


def _video(embed: Mapping[str, Any], address: Address) -> dict[str, Any]:
    alt = {"alt": embed["alt"]} if "alt" in embed else {}
    return {"cid": _cid(embed["video"]), "playlist": address(_cid(embed["video"])), **alt, **_ratio(embed)}


def _record(embed: Mapping[str, Any], quoted: Quoted) -> dict[str, Any]:
    uri = embed["record"]["uri"]
    missing = {"$type": f"{_EMBED}.record#viewNotFound", "uri": uri, "notFound": True}
    return {"record": quoted(uri) or missing}


def _ratio(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"aspectRatio": value["aspectRatio"]} if "aspectRatio" in value else {}


def _cid(blob: Mapping[str, Any]) -> str:
    return str(blob["ref"]["$link"])
