"""The two values of rich text: a facet, and a text with its facets.

What lives here: the values and their arithmetic. What finds facets is in `detection` and `markdown`.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Literal, NamedTuple, Self

FacetKind = Literal["mention", "link", "tag"]


class Facet(NamedTuple):
    """A range of a text that means something (app.bsky.richtext.facet).

    `byte_start` and `byte_end` count UTF-8 bytes, end exclusive. `value` is the handle without its `@`, the whole
    URL, or the tag without its `#` (a cashtag as `$TICKER`).
    """

    byte_start: int
    byte_end: int
    kind: FacetKind
    value: str

    def overlaps(self, other: Self) -> bool:
        """Whether the two share at least one byte."""
        return self.byte_start < other.byte_end and other.byte_start < self.byte_end


class RichText(NamedTuple):
    """A text and its facets, in the order of their starts."""

    text: str
    facets: tuple[Facet, ...] = ()


class ByteOffsets:
    """Byte offsets of a text's characters. Ask for them in ascending order; this takes one pass over the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ascii = text.isascii()
        self._index = 0
        self._bytes = 0

    def at(self, index: int) -> int:
        """The UTF-8 offset of the character at `index`. Lone surrogates count as three bytes."""
        if self._ascii:
            return index
        self._bytes += utf8_length(self._text[self._index : index])
        self._index = index
        return self._bytes


def utf8_length(text: str) -> int:
    """Bytes of a text in UTF-8. Lone surrogates count as three, as in JavaScript."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def without_overlaps(facets: Iterable[Facet]) -> list[Facet]:
    """Facets in order, without those that begin inside another, as apps show them."""
    all_facets = list(facets)
    if all(one.byte_end <= other.byte_start for one, other in pairwise(all_facets)):
        return all_facets
    kept: list[Facet] = []
    for facet in sorted(all_facets, key=lambda facet: (facet.byte_start, -facet.byte_end)):
        if not kept or kept[-1].byte_end <= facet.byte_start:
            kept.append(facet)
    return kept
