"""What a page says about itself in its head: title, meta tags, links. Read with limits, never executed.

What lives here: the bounded reading of HTML. What does not: which of the tags a card takes (`card`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAX_PAGE_BYTES = 1_000_000
# Building a tree takes time in the square of its depth, minutes for a megabyte of <div>; the head is never that far in.
TAGS_MAX = 5_000

_TAG = re.compile(r"</?[a-zA-Z]")


@dataclass(frozen=True, slots=True)
class Link:
    """A `<link>`: `rel` in lower-case words, `href` as written, `type` in lower case (may be empty)."""

    rel: frozenset[str]
    href: str
    type: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page's own account of itself. `metas`: values by lower-case name or property, in the page's order."""

    title: str
    metas: Mapping[str, Sequence[str]]
    links: Sequence[Link]
    base: str | None

    def meta(self, *names: str) -> str:
        """The first value that is not blank, by the order of the names; empty without any."""
        return next(iter(self.meta_all(*names)), "")

    def meta_all(self, *names: str) -> list[str]:
        """All values that are not blank, by the order of the names."""
        return [value for name in names for value in self.metas.get(name, ()) if value.strip()]

    def hrefs(self, rel: str) -> list[str]:
        """Where the links of a relation lead, in the page's order."""
        return [link.href for link in self.links if rel in link.rel and link.href]


def read_page(html: str) -> Page:
    """Read a page's first megabyte, or its first 5000 tags if that is less. Never raises for what is in it."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(_bounded(html))
    metas: dict[str, list[str]] = {}
    for node in tree.css("meta"):
        found = node.attributes
        for name in {(found.get("property") or "").strip().lower(), (found.get("name") or "").strip().lower()} - {""}:
            metas.setdefault(name, []).append(found.get("content") or "")
    links = []
    for node in tree.css("link"):
        found = node.attributes
        rel = frozenset((found.get("rel") or "").lower().split())
        links.append(Link(rel, (found.get("href") or "").strip(), (found.get("type") or "").strip().lower()))
    # A bare "title" would also find the title of a drawing.
    title = tree.css_first("head > title") or tree.css_first("body > title")
    base = tree.css_first("base[href]")
    return Page(
        title=title.text() if title else "",
        metas=metas,
        links=links,
        base=(base.attributes.get("href") or "").strip() or None if base else None,
    )


def _bounded(html: str) -> str:
    html = html[:MAX_PAGE_BYTES]
    for number, tag in enumerate(_TAG.finditer(html)):
        if number == TAGS_MAX:
            return html[: tag.start()]
    return html
