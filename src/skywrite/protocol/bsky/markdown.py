"""`[label](https://...)` in a text: the one piece of Markdown that people use in posts.

What lives here: `parse_markdown_links`. What does not: the rest of Markdown, which stays as it is written, and so does
everything that is not a complete, well-formed link to http or https. The grammar follows CommonMark's inline links
(https://spec.commonmark.org/0.31.2/#links) without titles and without `<...>`.
"""

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from skywrite.protocol.bsky.facets import Facet, RichText, utf8_length

_TOKEN = r"\\.|`+|!?\[|\]"
_DESTINATION = r"\((?P<url>[hH][tT][tT][pP][sS]?://)"
_URL_SYNTAX = r"\\[()\\]|[()\s\0-\x1f\x7f]"


class _Opener(NamedTuple):
    """A `[` that may begin a link: where it is, and whether it belongs to an image."""

    place: int
    image: bool


class _Link(NamedTuple):
    """A complete link. Its label is text[start + 1 : label_end], and `end` is after its `)`."""

    start: int
    label_end: int
    end: int
    url: str


class _Output:
    """The text without the links' syntax, built from left to right."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.length_bytes = 0

    def add(self, piece: str) -> None:
        self.pieces.append(piece)
        self.length_bytes += utf8_length(piece)


def parse_markdown_links(text: str) -> RichText:
    """The text with each `[label](https://...)` replaced by its label, and a link facet over it.

    Brackets in a label are balanced or escaped (`\\[`), parentheses in a URL balanced or escaped. Code in backticks,
    images (`![...](...)`) and empty labels are left alone. `\\[` keeps what would be a link as text, without the
    backslash.
    """
    if "](" not in text:
        return RichText(text)
    links, escapes = _find(text)
    if not links and not escapes:
        return RichText(text)
    escapes.sort()
    output = _Output()
    facets: list[Facet] = []
    place = 0
    for link in links:
        output.add(_plain(text, place, link.start, escapes))
        start = output.length_bytes
        output.add(_unescaped(text[link.start + 1 : link.label_end]))
        facets.append(Facet(start, output.length_bytes, "link", link.url))
        place = link.end
    output.add(_plain(text, place, len(text), escapes))
    return RichText("".join(output.pieces), tuple(facets))


def _find(text: str) -> tuple[list[_Link], list[int]]:
    """The links in order, and the positions of backslashes that prevent a link."""
    links: list[_Link] = []
    escapes: list[int] = []
    openers: list[_Opener] = []
    escaped: list[int] = []
    code_ends = _code_ends(text)
    closers = _closers(text)
    blanks = _blank_lines(text)
    place = 0
    token = re.compile(_TOKEN, re.DOTALL)
    while match := token.search(text, place):
        place = match.end()
        mark = match[0]
        if mark[0] == "`":
            place = code_ends.get(match.start(), place)
        elif mark[0] == "\\":
            if mark == "\\[":
                escaped.append(match.start())
        elif mark != "]":
            openers.append(_Opener(match.end() - 1, mark[0] == "!"))
        elif openers:
            opener = openers.pop()
            link = _link(text, opener.place, match.start(), closers, blanks)
            if link and opener.image:
                place = link.end
            elif link:
                links.append(link)
                # A link cannot contain a link, so open brackets around it stay text.
                openers.clear()
                place = link.end
        elif escaped and _link(text, escaped[-1] + 1, match.start(), closers, blanks):
            escapes.append(escaped.pop())
    return links, escapes


def _code_ends(text: str) -> dict[int, int]:
    """For each run of backticks that opens code: where it starts, and where the code ends."""
    runs = [(match.start(), match.end()) for match in re.finditer("`+", text)]
    following: dict[int, list[tuple[int, int]]] = {}
    for run in reversed(runs):
        following.setdefault(run[1] - run[0], []).append(run)
    ends: dict[int, int] = {}
    place = 0
    for start, end in runs:
        same = following[end - start]
        same.pop()
        if start >= place and same:
            ends[start] = place = same[-1][1]
    return ends


def _link(text: str, place: int, label_end: int, closers: Mapping[int, int], blanks: Sequence[int]) -> _Link | None:
    if label_end + 1 not in closers:
        return None
    destination = re.compile(_DESTINATION).match(text, label_end + 1)
    end = closers[label_end + 1]
    if destination is None or end == destination.end():
        return None
    # Labels may be nested, so look at each one without reading all of it.
    if bisect_left(blanks, place) != bisect_left(blanks, label_end):
        return None
    if re.compile(r"\S").search(text, place + 1, label_end) is None:
        return None
    url = re.sub(r"\\([()\\])", r"\1", text[destination.start("url") : end])
    return _Link(place, label_end, end + 1, url)


def _blank_lines(text: str) -> list[int]:
    """The ends of the lines that come before a blank line."""
    return [match.start() for match in re.finditer(r"\n(?=[^\S\n]*\n)", text)]


def _closers(text: str) -> dict[int, int]:
    """For each `(` before a possible URL, the position of its `)`. Parentheses must balance, without white space."""
    closers: dict[int, int] = {}
    opened: list[int] = []
    for match in re.finditer(_URL_SYNTAX, text):
        mark = match[0]
        if mark == "(":
            opened.append(match.start())
        elif mark == ")":
            if opened:
                closers[opened.pop()] = match.start()
        elif len(mark) == 1:
            opened.clear()
    return closers


def _unescaped(label: str) -> str:
    return re.sub(r"\\([\[\]\\])", r"\1", label)


def _plain(text: str, start: int, end: int, escapes: list[int]) -> str:
    pieces = []
    for place in escapes[bisect_left(escapes, start) : bisect_left(escapes, end)]:
        pieces.append(text[start:place])
        start = place + 1
    return "".join([*pieces, text[start:end]])
