"""Rich text with the SDK's helpers: `TextBuilder`, and finding facets.

What lives here: these two. What does not: how facets are found (`bsky.detection`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Self

from skywrite.core.errors import InputError
from skywrite.protocol.bsky.detection import detect_facets as find_facets
from skywrite.protocol.bsky.richtext import facet_records
from skywrite.sdk.answers import Answer, answer

_FACET = "app.bsky.richtext.facet"


class TextBuilder:
    """A text that grows piece by piece, with links, mentions and hashtags under words of your choice.

    client.send_post(TextBuilder().text("Read ").link("this", "https://example.com"))
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length_bytes = 0
        self._facets: list[Answer] = []

    def text(self, text: str) -> Self:
        """Add plain text."""
        self._pieces.append(text)
        self._length_bytes += len(text.encode())
        return self

    def link(self, text: str, url: str) -> Self:
        """Add words that lead to an address."""
        return self._add(text, {"$type": f"{_FACET}#link", "uri": url})

    def mention(self, text: str, did: str) -> Self:
        """Add words that mention an account, by its DID."""
        return self._add(text, {"$type": f"{_FACET}#mention", "did": did})

    def tag(self, text: str, tag: str) -> Self:
        """Add words that stand for a hashtag."""
        return self._add(text, {"$type": f"{_FACET}#tag", "tag": tag})

    def _add(self, text: str, feature: dict[str, str]) -> Self:
        start = self._length_bytes
        self.text(text)
        index = {"byteStart": start, "byteEnd": self._length_bytes}
        self._facets.append(answer({"index": index, "features": [feature]}, f"{_FACET}#main"))
        return self

    def build_text(self) -> str:
        """The whole text."""
        return "".join(self._pieces)

    def build_facets(self) -> list[Answer]:
        """The links, mentions and hashtags in it."""
        return [*self._facets]


class MentionMatch(NamedTuple):
    """A mention in a text: its handle, and where it is, in bytes."""

    handle: str
    byte_start: int
    byte_end: int


def detect_facets(text: str) -> list[Answer]:
    """The links and hashtags of a text. For mentions, see `detect_mentions`."""
    return facets_of(text, None)


def detect_mentions(text: str) -> list[MentionMatch]:
    """The mentions of a text, whose handles are still to be looked up."""
    mentions = [facet for facet in find_facets(text) if facet.kind == "mention"]
    return [MentionMatch(facet.value, facet.byte_start, facet.byte_end) for facet in mentions]


def facets_of(text: str, resolve: Callable[[str], str] | None) -> list[Answer]:
    """The facets of a text; with `resolve`, the mentions too, except those of handles that do not exist."""
    dids: dict[str, str] = {}
    for mention in detect_mentions(text) if resolve else ():
        try:
            dids[mention.handle] = str(resolve(mention.handle)) if resolve else ""
        except InputError:
            continue
    facets: Any = answer(facet_records(find_facets(text), dids), f"[]{_FACET}#main")
    return list(facets)
