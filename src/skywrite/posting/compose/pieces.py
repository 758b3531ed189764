"""A text that is too long for one post, cut as a person would: between paragraphs, sentences, words. Pure.

What lives here: pieces of the text as it was written, for somebody who edits them. What does not: cutting what goes out
(`protocol.bsky.split`), which has links and mentions already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

# What is never cut: a link with a label.
_WHOLE = re.compile(r"\[[^\[\]\n]*\]\([^()\s]*\)")
# Where a text is cut, the best first: after a paragraph, a line, a sentence, a word.
_ENDS = tuple(map(re.compile, (r"\n\s*\n\s*", r"\n\s*", r"(?<=[.!?…])[\"'”’)]*\s+|(?<=[。！？])", r"\s+")))
# A cut that leaves less than this part of what would fit is worse than one in a sentence.
_LEAST = 0.4


def text_pieces(text: str, fits: Callable[[str], bool]) -> list[str]:
    """The text in pieces that fit, in order; together they are the text, without the blanks between them."""
    pieces, rest = [], text.strip()
    while rest and not fits(rest):
        end = _longest(rest, fits)
        cut = _cut(rest, end)
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*pieces, rest] if rest or not pieces else pieces


def _longest(text: str, fits: Callable[[str], bool]) -> int:
    """How much of the beginning fits; at least one character."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(text[:middle].rstrip()) else (low, middle - 1)
    return low


def _cut(text: str, end: int) -> int:
    """The best place to cut at or before `end`."""
    whole = [(match.start(), match.end()) for match in _WHOLE.finditer(text)]
    for kind in _ENDS:
        places = [place for place in _places(kind, text, end) if not any(start < place < stop for start, stop in whole)]
        if places and places[-1] >= end * _LEAST:
            return places[-1]
    inside = [start for start, stop in whole if start < end < stop and start]
    return inside[0] if inside else end


def _places(kind: re.Pattern[str], text: str, end: int) -> Iterator[int]:
    return (match.end() for match in kind.finditer(text) if 0 < match.start() <= end)
