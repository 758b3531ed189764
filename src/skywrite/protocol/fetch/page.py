"""What a page says about itself in its head: title, meta tags, links. Read with limits, never executed.

What lives here: the bounded reading of HTML. What does not: which of the tags a card takes (`card`).

Only the tags that we need reach the HTML parser. A parser that repairs HTML can make gigabytes of elements out of
kilobytes of text (formatting that it reopens in each block, thousands of attributes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from skywrite.protocol.fetch.charset import decode_page

MAX_PAGE_BYTES = 1_000_000
TAGS_MAX = 5_000
TAG_LENGTH_MAX = 10_000
KEPT_TAGS_MAX = 1_000
KEPT_LENGTH_MAX = 200_000

_MARK = re.compile(r"<!--|</?[a-zA-Z][^\s/<>]{0,20}")
_ATTRIBUTE = r"""[^\s/>"'=<][^\s/>=<]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'>][^\s>]*+)?+)?+"""
_TAG_END = re.compile(rf"""(?:[\s/"'=]|{_ATTRIBUTE})*+>""")
_KEPT = frozenset(("<meta", "<link", "<base"))
# These contain text or another document; the page's own head continues after them.
_SKIPPED = {
    f"<{name}": re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in ("script", "style", "svg", "math", "template", "textarea", "xmp", "iframe", "noembed", "noframes")
}
_TITLE_END = re.compile(r"</title(?=[\s/>])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Link:
    """A `<link>`: `rel` in lower-case words, `href` as written, `type` in lower case (may be empty)."""

    rel: frozenset[str]
    href: str
    type: str


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says about itself. `metas`: values by lower-case name or property, in the page's order."""

    title: str
    metas: Mapping[str, Sequence[str]]
    links: Sequence[Link]
    base: str | None

    def meta(self, *names: str) -> str:
        """The first value that is not blank, in the order of the names; empty if there is none."""
        return next(iter(self.meta_all(*names)), "")

    def meta_all(self, *names: str) -> list[str]:
        """All values that are not blank, in the order of the names."""
        return [value for name in names for value in self.metas.get(name, ()) if value.strip()]

    def hrefs(self, rel: str) -> list[str]:
        """The targets of a relation's links, in the page's order."""
        return [link.href for link in self.links if rel in link.rel and link.href]


def read_page(html: str) -> Page:
    """Read the head of a page: at most its first megabyte, or its first 5000 tags. Never raises for any content."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser("<head>" + "".join(_kept(html[:MAX_PAGE_BYTES])))
    metas: dict[str, list[str]] = {}
    for node in tree.css("meta"):
        attributes = node.attributes
        for name in {
            (attributes.get("property") or "").strip().lower(),
            (attributes.get("name") or "").strip().lower(),
        } - {""}:
            metas.setdefault(name, []).append(attributes.get("content") or "")
    links = []
    for node in tree.css("link"):
        attributes = node.attributes
        rel = frozenset((attributes.get("rel") or "").lower().split())
        links.append(Link(rel, (attributes.get("href") or "").strip(), (attributes.get("type") or "").strip().lower()))
    title = tree.css_first("title")
    base = tree.css_first("base[href]")
    return Page(
        title=title.text() if title else "",
        metas=metas,
        links=links,
        base=(base.attributes.get("href") or "").strip() or None if base else None,
    )


def read_page_bytes(data: bytes, content_type: str) -> Page:
    """The same from the bytes of a response, for the child process."""
    return read_page(decode_page(data, content_type))


def _kept(html: str) -> Iterator[str]:
    """The source of the title and of the tags that are read, up to `<body>`, in time linear in the page's length."""
    at = kept = length = 0
    titled = False
    for _ in range(TAGS_MAX):
        mark = _MARK.search(html, at)
        if mark is None:
            return
        at = mark.end()
        name = mark[0].lower()
        if name == "<body":
            return
        if name == "<!--":
            at = html.find("-->", at) + 3
            if at < 3:
                return
        elif name in _SKIPPED:
            end = _SKIPPED[name].search(html, at)
            if end is None:
                return
            at = end.start()
        elif name in _KEPT or (name == "<title" and not titled):
            end = _TAG_END.match(html, at, at + TAG_LENGTH_MAX)
            kept += 1
            if end is None:
                continue
            at = end.end()
            piece = html[mark.start() : at]
            if name == "<title":
                titled = True
                close = _TITLE_END.search(html, at)
                piece = f"<title>{html[at : close.start() if close else None][:TAG_LENGTH_MAX]}</title>"
                at = close.start() if close else len(html)
            length += len(piece)
            if kept > KEPT_TAGS_MAX or length > KEPT_LENGTH_MAX:
                return
            yield piece
