"""The marks of Markdown that no post can show: headings, bold, italics, lists, quotes, code.

What lives here: which of them a text has, and the text without them. What does not: links (`markdown.py`).
"""

import re
from collections.abc import Callable
from typing import NamedTuple


class _Mark(NamedTuple):
    """A kind of mark: how it is shown to people, where it is, and what stands there without it.

    Strangers choose the text, so a pattern that finds no end gives up where the next mark of its kind could begin.
    """

    shown: str
    pattern: re.Pattern[str]
    plain: str | Callable[[re.Match[str]], str]


def _heading(match: re.Match[str]) -> str:
    """The text of a heading, without the marks that may close it."""
    text = match[1].rstrip(" \t")
    bare = text.rstrip("#")
    return bare.rstrip(" \t") if bare.endswith((" ", "\t")) else text


_MARKS = (
    _Mark("# heading", re.compile(r"^#{1,6}[ \t]+(\S.*)$", re.MULTILINE), _heading),
    _Mark("> quote", re.compile(r"^>[ \t]?", re.MULTILINE), ""),
    _Mark("* item", re.compile(r"^([ \t]*)[*+][ \t]+(?=\S)", re.MULTILINE), r"\1• "),
    _Mark("**bold**", re.compile(r"\*\*(?=[^\s*])((?:[^*\n]|\*(?!\*))+?)(?<=[^\s*])\*\*"), r"\1"),
    _Mark(
        "__bold__",
        re.compile(r"(?<!\w)__(?=[^\s_])((?:[^_\n]|_(?!_)|(?<=\w)__(?=\w))+?)(?<=[^\s_])__(?!\w)"),
        r"\1",
    ),
    _Mark("*italics*", re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]+?)(?<=\S)\*(?![\w*])"), r"\1"),
    _Mark("_italics_", re.compile(r"(?<![\w@.])_(?=[^\s_])([^_\n]+?)(?<=\S)_(?!\w)"), r"\1"),
    _Mark("~~struck~~", re.compile(r"~~(?=\S)([^~\n]+?)(?<=\S)~~"), r"\1"),
    _Mark("`code`", re.compile(r"(?<!`)`([^`\n]+)`(?!`)"), r"\1"),
)
# Addresses hold such characters, and are none of ours.
_KEPT = "\ue000"
_ADDRESSES = re.compile(rf"\]\((?:[^()\s]|\([^()\s]*\))*\)|https?://[^\s)]+|{_KEPT}")


def marks_in(text: str) -> list[str]:
    """The kinds of marks that would go out as they are written."""
    bare = _ADDRESSES.sub(_KEPT, text)
    return [mark.shown for mark in _MARKS if mark.pattern.search(bare)]


def without_marks(text: str) -> str:
    """The text as a reader of Markdown sees it, apart from its links, which stay as they are."""
    addresses = _ADDRESSES.findall(text)
    bare = _ADDRESSES.sub(_KEPT, text)
    for mark in _MARKS:
        bare = mark.pattern.sub(mark.plain, bare)
    pieces = bare.split(_KEPT)
    return "".join(piece for pair in zip(pieces, [*addresses, ""], strict=True) for piece in pair)
