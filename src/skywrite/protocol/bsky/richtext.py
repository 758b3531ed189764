"""Rich text: the public interface to facets, and what the official app does to a text before it sends it.

What lives here: detection that respects existing facets, shortening links for display, tidying white space, and facets
as records. The parts are in `facets`, `detection`, `graphemes` and `markdown`; their public names are here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from skywrite.protocol.bsky.detection import JS_SPACE, JS_SPACES, detect_facets
from skywrite.protocol.bsky.facets import ByteOffsets, Facet, FacetKind, RichText, utf8_length, without_overlaps
from skywrite.protocol.bsky.graphemes import grapheme_length
from skywrite.protocol.bsky.limits import is_uri
from skywrite.protocol.bsky.markdown import parse_markdown_links
from skywrite.protocol.bsky.shortlink import short_url

__all__ = [
    "ByteOffsets",
    "Facet",
    "FacetKind",
    "RichText",
    "detect",
    "detect_facets",
    "facet_records",
    "grapheme_length",
    "parse_markdown_links",
    "shorten_links",
    "tidy",
    "utf8_length",
]


def detect(rich: RichText) -> RichText:
    """The same text with its existing facets and those that detection finds, without overlaps."""
    own_facets, new_facets = without_overlaps(rich.facets), detect_facets(rich.text)
    if own_facets:
        new_facets = [facet for facet in new_facets if not any(facet.overlaps(other) for other in own_facets)]
    return RichText(rich.text, tuple(without_overlaps([*own_facets, *new_facets])))


def shorten_links(rich: RichText, *, longer_than: int = 0) -> RichText:
    """Shorten links for display, as the official app does. The facets keep the whole URL.

    This changes only links whose text is their whole URL, and only those with more than `longer_than` characters:
    labels and bare domains stay.
    """
    if not any(facet.kind == "link" for facet in rich.facets):
        return rich
    data = rich.text.encode("utf-8", "surrogatepass")
    pieces: list[bytes] = []
    facets: list[Facet] = []
    done = length = 0
    for facet in without_overlaps(rich.facets):
        shown = data[facet.byte_start : facet.byte_end]
        if facet.kind == "link" and len(facet.value) > longer_than:
            whole = facet.value.encode("utf-8", "surrogatepass")
            scheme, separator, rest = shown.partition(b"://")
            if scheme.lower() + separator + rest == whole:
                shown = short_url(facet.value).encode("utf-8", "surrogatepass")
        between = data[done : facet.byte_start]
        start = length + len(between)
        length = start + len(shown)
        pieces += (between, shown)
        facets.append(Facet(start, length, facet.kind, facet.value))
        done = facet.byte_end
    pieces.append(data[done:])
    return RichText(b"".join(pieces).decode("utf-8", "surrogatepass"), tuple(facets))


def tidy(text: str) -> str:
    """A text as the official app sends it.

    It has no blank lines at the start, no white space at the end, and never more than one blank line in a row. Lines
    with only zero-width characters count as blank.
    """
    if "\n" not in text and "\r" not in text:
        return text.rstrip(JS_SPACES)
    blank_start = re.match(rf"[{JS_SPACE}]*\n", text)
    if blank_start:
        text = text[blank_start.end() :]
    text = text.rstrip(JS_SPACES)
    return re.sub(rf"[\r\n][\xad\u2060\u200b-\u200d{JS_SPACE}]*[\r\n]", _folded, text)


def _folded(blank: re.Match[str]) -> str:
    return "\n\n" if blank[0].count("\n") + blank[0].count("\r") > 2 else blank[0]


def facet_records(facets: Iterable[Facet], dids: Mapping[str, str]) -> list[dict[str, Any]]:
    """The facets as `app.bsky.richtext.facet` objects, in order and without overlaps.

    They need no `$type`, because nothing else may be in their place.
    `dids` maps handles to DIDs. Mentions without a DID stay plain text, and so do links that the server would refuse
    (detection finds a link even in a lone `http://`).
    """
    records = []
    for facet in without_overlaps(facets):
        feature = _feature(facet, dids)
        if feature is not None:
            index = {"byteStart": facet.byte_start, "byteEnd": facet.byte_end}
            records.append({"index": index, "features": [feature]})
    return records


def _feature(facet: Facet, dids: Mapping[str, str]) -> dict[str, str] | None:
    if facet.kind == "mention":
        did = dids.get(facet.value) or dids.get(facet.value.lower())
        return {"$type": "app.bsky.richtext.facet#mention", "did": did} if did else None
    if facet.kind == "link":
        return {"$type": "app.bsky.richtext.facet#link", "uri": facet.value} if is_uri(facet.value) else None
    return {"$type": "app.bsky.richtext.facet#tag", "tag": facet.value}
