"""From the HTML in feeds to clean text and images. Pure, bounded, never raises, whatever the content."""

from __future__ import annotations

import re
from html import unescape
from typing import Any, NamedTuple

HTML_CHARACTERS_MAX = 60_000
# Building a tree takes quadratic time in its depth.
HTML_TAGS_MAX = 2_000
IMAGES_MAX = 10

_OPEN, _CLOSE = "\ue000", "\ue001"
_SIGNS = re.compile(f"[{_OPEN}{_CLOSE}]")
_BLANKS = re.compile(r"\s+")
_TAG = re.compile(r"</?[a-zA-Z]")
# An HTML parser reopens these in each block until they are closed: a thousand of them make a million elements.
_FORMATTING = re.compile(r"(</?)(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])", re.IGNORECASE)
_MARKUP = re.compile(
    r"</?(?:a|abbr|b|br|cite|code|del|em|i|img|ins|kbd|mark|p|q|s|small|span|strike|strong|sub|sup|tt|u|wbr)\b[^<>]*>"
    r"|&(?:[a-zA-Z]{2,31}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});"
)
# A whole title inside one HTML block, as some programs write it.
_BLOCK_TITLE = re.compile(
    r"\s*<(body|center|div|font|h[1-6]|html|p|title)\b[^<>]*>.*</\1\s*>\s*", re.IGNORECASE | re.DOTALL
)
_PARAGRAPHS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "div", "dl", "fieldset", "figure", "footer", "form"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section"),
        *("table", "tr", "ul"),
    )
)
_UNSEEN = frozenset(
    ("script", "style", "template", "noscript", "iframe", "object", "title", "svg", "math", "audio", "video", "select")
)
# Controls, overrides of writing direction, surrogates, non-characters.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1b\x1c-\x1f\x7f-\x84\x86-\x9f\u00ad\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def clean_line(text: str) -> str:
    """Text on one line, without control characters and overrides of the writing direction."""
    return " ".join(_UNWANTED.sub("", text).split())


def clean_paragraphs(text: str) -> str:
    """Text with its paragraphs: at most one blank line in a row, no blanks at the ends of lines."""
    lines = [" ".join(line.split()) for line in _UNWANTED.sub("", text).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def title_text(text: str) -> str:
    """A title that may be text or HTML: it is HTML if it has inline tags or entities, or is one HTML block."""
    is_html = _MARKUP.search(text[:HTML_CHARACTERS_MAX]) or _BLOCK_TITLE.fullmatch(text[:HTML_CHARACTERS_MAX])
    return clean_line(html_to_text(re.sub(r"(?i)</?title\b[^<>]*>", "", text)) if is_html else text)


class LinkedText(NamedTuple):
    """A text and its links: start, end, and the address as written."""

    text: str
    links: tuple[tuple[int, int, str], ...] = ()


def html_to_text(html: str) -> str:
    """The text that a reader sees, in paragraphs separated by blank lines."""
    return html_with_links(html).text


def html_texts(pieces: list[str]) -> list[str]:
    """The same of many, as the child process reads them."""
    return [html_to_text(piece) for piece in pieces]


def html_with_links(html: str) -> LinkedText:
    """The text that a reader sees, with the links in it."""
    html = _bounded(html)
    if "<" not in html:
        return LinkedText(clean_paragraphs(unescape(html)))
    pieces, addresses = _pieces(_body(html))
    if not addresses:
        return LinkedText(clean_paragraphs("".join(pieces)))
    # Characters that never occur in text mark the links during the cleaning.
    text = re.sub(f"{_OPEN}(\\s+)", f"\\1{_OPEN}", re.sub(f"(?<!\\s)(\\s+){_CLOSE}", f"{_CLOSE}\\1", "".join(pieces)))
    return _without_signs(clean_paragraphs(text), addresses)


def _without_signs(text: str, addresses: list[str]) -> LinkedText:
    kept: list[str] = []
    links: list[tuple[int, int, str]] = []
    opened: list[tuple[int, str]] = []
    following = iter(addresses)
    length = 0
    for piece in re.split(f"([{_OPEN}{_CLOSE}])", text):
        if piece == _OPEN:
            opened.append((length, next(following)))
        elif piece == _CLOSE:
            start, address = opened.pop()
            links += [(start, length, address)] if length > start and address else []
        else:
            kept.append(piece)
            length += len(piece)
    return LinkedText("".join(kept), tuple(links))


def _pieces(body: Any) -> tuple[list[str], list[str]]:
    """The texts of a tree in order, with marks around links, and the links' addresses."""
    pieces: list[str] = []
    addresses: list[str] = []
    node = body.child if body is not None else None
    # Nodes are compared by id: the library's own comparison serialises both as HTML.
    top = body.mem_id if body is not None else 0
    while node is not None:
        tag = node.tag
        _enter(node, tag, pieces, addresses)
        if node.child is not None and tag not in _UNSEEN:
            node = node.child
            continue
        _leave(node, tag, pieces)
        while node is not None and node.next is None:
            node = node.parent
            if node is None or node.mem_id == top:
                return pieces, addresses
            _leave(node, node.tag, pieces)
        node = node.next if node is not None else None
    return pieces, addresses


def _body(html: str) -> Any:
    from selectolax.lexbor import LexborHTMLParser

    return LexborHTMLParser(html).body


def _enter(node: Any, tag: str, pieces: list[str], addresses: list[str]) -> None:
    if tag == "-text":
        pieces.append(_BLANKS.sub(" ", _SIGNS.sub("", node.text_content or "")))
    elif tag == "br":
        pieces.append("\n")
    elif _is_link(node, tag):
        addresses.append((node.attributes.get("href") or "").strip())
        pieces.append(_OPEN)
    elif tag in _PARAGRAPHS:
        pieces.append("\n\n")


def _leave(node: Any, tag: str, pieces: list[str]) -> None:
    if _is_link(node, tag):
        pieces.append(_CLOSE)
    elif tag in _PARAGRAPHS:
        pieces.append("\n\n")


def _is_link(node: Any, tag: str) -> bool:
    """Whether it was an `<a href>` before `_bounded` made a `<span>` of it."""
    return tag == "span" and "href" in node.attributes


def html_images(html: str) -> list[tuple[str, str]]:
    """The images of a text: address (as written) and description, in order; at most ten."""
    if "<img" not in html[:HTML_CHARACTERS_MAX].lower():
        return []
    body = _body(_bounded(html))
    images = []
    for node in body.css("img") if body is not None else ():
        address = (node.attributes.get("src") or "").strip()
        # One-pixel images are trackers.
        if address and node.attributes.get("width") != "1" and node.attributes.get("height") != "1":
            images.append((address, clean_line(node.attributes.get("alt") or "")))
    return images[:IMAGES_MAX]


def _bounded(html: str) -> str:
    html = html[:HTML_CHARACTERS_MAX]
    for number, tag in enumerate(_TAG.finditer(html)):
        if number == HTML_TAGS_MAX:
            html = html[: tag.start()]
            break
    return _FORMATTING.sub(r"\1span", html)
