"""RSS 0.9x, 1.0 and 2.0, and Atom 0.3 and 1.0, read from text with expat.

What lives here: the bounded tree of a document, and repairs if it is not well-formed (bare ampersands, HTML entities,
control characters, truncated documents, single broken items). What does not: what the elements mean (`formats`).

Entities that a document declares itself are refused, so that none can expand; a document type that only refers to those
of HTML is ignored. The usual library needs quadratic time for hostile documents; this needs linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from html.entities import html5
from xml.parsers import expat

from skywrite.features.feeds.reading.entry import FeedUnreadable

ELEMENTS_MAX = 150_000
ITEMS_MAX = 10_000
AMPERSANDS_MENDED_MAX = 200_000
DEPTH_MAX = 100
# The maximum of prefixes in scope; each element that declares one copies them.
PREFIXES_MAX = 100

_VOID = frozenset(("area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"))

# The names that `formats` uses; undeclared prefixes have their usual meaning.
_NAMESPACES = {
    "http://www.w3.org/2005/atom": "atom",
    "http://purl.org/atom/ns#": "atom",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://purl.org/rss/1.0/modules/syndication/": "sy",
    "http://search.yahoo.com/mrss": "media",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "http://rssnamespace.org/feedburner/ext/1.0": "feedburner",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    "http://purl.org/rss/1.0/": "",
    "http://purl.org/rss/1.0/modules/rss091#": "",
    "http://my.netscape.com/rdf/simple/0.9/": "",
    "http://channel.netscape.com/rdf/simple/0.9/": "",
    **dict.fromkeys((f"http://backend.userland.com/{name}" for name in ("rss", "rss2", "rss091", "rss092")), ""),
    "http://blogs.law.harvard.edu/tech/rss": "",
    "http://my.netscape.com/publish/formats/rss-0.91.dtd": "",
    # What Atom was called before it had a name.
    **dict.fromkeys(("http://example.com/newformat#", "http://example.com/necho", "http://purl.org/pie/"), "atom"),
    "http://purl.org/echo/": "atom",
    "uri/of/echo/namespace#": "atom",
    "http://www.w3.org/1999/xhtml": "xhtml",
}
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&(?:(#\d{1,10}|#[xX][0-9a-fA-F]{1,8}|[a-zA-Z][a-zA-Z0-9]{1,31});)?")
_XML_NAMES = frozenset(("amp", "lt", "gt", "quot", "apos"))
# `&#146;` means a Windows-1252 character, as in HTML.
_C1 = {code: found for code in range(0x80, 0xA0) if (found := bytes([code]).decode("cp1252", "ignore"))}
_C1_FOUND = re.compile("[\x80-\x9f]")
_CDATA = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|\Z)", re.DOTALL)
_START = re.compile(r"<(?:\?xml|!--|!DOCTYPE|(?:[\w.-]{1,20}:)?(?:rss|feed|RDF))\b|<!--", re.IGNORECASE)
_CUT_END = re.compile(r"</[^\s<>]{1,80}\s*\Z")
_ROOT = re.compile(r"<(?!\?|!)([^\s<>/]{1,80})")
_PROLOG = re.compile(r"\s+|<\?(?:(?!\?>).){0,2000}\?>|<!--(?:(?!-->).){0,100000}-->", re.DOTALL)
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[<>]{0,1000}(?:\[([^\]]{0,20000})\]\s{0,100})?>", re.IGNORECASE)
_ENTITY = re.compile(r"<!ENTITY\s+(?:(%)\s*)?([^\s\"'>]{1,60})\s+(?:PUBLIC\s+[\"']-//W3C//)?")
_DECLARATION = re.compile(r"\A<\?xml\b[^>]{0,400}\?>")
_ITEM_OPENS = re.compile(r"<((?:[a-zA-Z][\w.-]{0,20}:)?(?:item|entry))(?=[\s>])[^<>]{0,1000}>")


class Node:
    """An element: its name with the usual prefix, its attributes, and its texts and elements in order."""

    __slots__ = ("attributes", "name", "parts")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.parts: list[str | Node] = []

    def children(self, *names: str) -> Iterator[Node]:
        """The elements with these names, in order; without names, all of them."""
        for part in self.parts:
            if isinstance(part, Node) and (not names or part.name in names):
                yield part

    def child(self, *names: str) -> Node | None:
        """The first element with the first of these names that exists."""
        for name in names:
            for child in self.children(name):
                return child
        return None

    def text(self, *names: str) -> str:
        """The text of the first of these children that has any; without names, that of this whole element."""
        if not names:
            return "".join(part if isinstance(part, str) else part.text() for part in self.parts)
        for name in names:
            for child in self.children(name):
                text = child.text().strip()
                if text:
                    return text
        return ""

    def markup(self) -> str:
        """The HTML inside, given as text or as elements."""
        return self.html() if any(isinstance(part, Node) for part in self.parts) else self.text()

    def html(self) -> str:
        """The content, serialised as HTML."""
        return "".join(_escape(part) if isinstance(part, str) else part._outer() for part in self.parts)

    def _outer(self) -> str:
        name = self.name.rpartition(":")[2]
        attributes = "".join(f' {key}="{_escape(value)}"' for key, value in self.attributes.items())
        end = "" if name in _VOID else f"</{name}>"
        return f"<{name}{attributes}>{self.html()}{end}"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def read_xml(text: str) -> tuple[Node, list[str]]:
    """The root of a document, and warnings about what had to be left out. Raises FeedUnreadable."""
    text = _DECLARATION.sub("", text.lstrip("\ufeff \t\r\n"))
    _check_items(text.count("<item") + text.count("<entry"))
    # The document type is never fetched; without it, HTML entities are undefined and get replaced.
    text = _without_doctype(text)
    try:
        return _parse(text), []
    except expat.ExpatError:
        pass
    return _repaired(text)


def _without_doctype(text: str) -> str:
    place = 0
    while match := _PROLOG.match(text, place):
        place = match.end()
    doctype = _DOCTYPE.match(text, place)
    if doctype is None:
        return text
    for entity in _ENTITY.finditer(doctype[1] or ""):
        of_html = "-//W3C//" in entity[0] if entity[1] else f"{entity[2]};" in html5
        if not of_html:
            raise _own_entity()
    return text[:place] + text[doctype.end() :]


def _check_items(number: int) -> None:
    if number > ITEMS_MAX:
        raise FeedUnreadable(f"It has {number} items: more than {ITEMS_MAX} are not read.", hint="Use a shorter feed.")


def _repaired(text: str) -> tuple[Node, list[str]]:
    """A second attempt, with common errors of feeds repaired; then a third, item by item."""
    if text.count("&") > AMPERSANDS_MENDED_MAX:
        raise FeedUnreadable("It is not XML, and has too many errors to repair.", hint="Ask the operator of the feed.")
    start = _START.search(text)
    text = _ILLEGAL.sub("", text[start.start() :] if start else text)
    text = _DECLARATION.sub("", text)
    text = _outside_cdata(f"{text}>" if _CUT_END.search(text[-100:]) else text)
    try:
        return _parse(text), []
    except expat.ExpatError as error:
        reason = f"{expat.errors.messages[error.code]} (line {error.lineno})"
    return _item_by_item(text, reason)


def _outside_cdata(text: str) -> str:
    pieces: list[str] = []
    done = 0
    for section in _CDATA.finditer(text):
        pieces += (_REFERENCE.sub(_reference, text[done : section.start()]), section[0])
        done = section.end()
    pieces.append(_REFERENCE.sub(_reference, text[done:]))
    return "".join(pieces)


def _reference(match: re.Match[str]) -> str:
    """A reference in valid XML: characters that XML does not allow are dropped, unknown names become text."""
    name = match[1] or ""
    if name in _XML_NAMES:
        return match[0]
    if name[:1] == "#":
        code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
        return "" if code > 0x10FFFF or _ILLEGAL.match(chr(code)) else f"&#{code};"
    character = html5.get(f"{name};") if name else None
    if character is not None:
        return "".join(f"&#{ord(one)};" for one in character)
    return f"&amp;{match[0][1:]}"


def _item_by_item(text: str, reason: str) -> tuple[Node, list[str]]:
    """All items that are complete; truncated or broken ones are left for later polls."""
    root = _ROOT.search(text)
    opens = list(_ITEM_OPENS.finditer(text))
    if root is None or not opens:
        raise FeedUnreadable(f"It is not XML: {reason}.", hint="Open the address in a browser.")
    # Items with an unusual prefix are only counted here.
    _check_items(len(opens))
    items: list[Node] = []
    broken = 0
    head = text[: opens[0].start()]
    scope = _scope(head)
    for number, match in enumerate(opens):
        limit = opens[number + 1].start() if number + 1 < len(opens) else len(text)
        end = text.find(f"</{match[1]}", match.end(), limit)
        close = text.find(">", end, limit) if end >= 0 else -1
        if close < 0:
            broken += 1
            continue
        try:
            items.append(_parse(text[match.start() : close + 1], scope=scope))
        except expat.ExpatError:
            broken += 1
    if not items:
        raise FeedUnreadable(f"None of its {broken} items is complete: {reason}.", hint="Ask the operator of the feed.")
    node = _head_node(root[1], head)
    node.parts.extend(items)
    return node, [f"{broken} of {broken + len(items)} items are broken and left out: {reason}."] if broken else []


def _scope(head: str) -> dict[str, str]:
    pairs = re.findall(r"""\sxmlns(?::([\w.-]{1,20}))?\s*=\s*["']([^"']{1,200})["']""", head[:10_000])
    return {prefix: _canonical(uri) for prefix, uri in pairs[:PREFIXES_MAX]}


def _head_node(root_name: str, head: str) -> Node:
    """The root, with the channel's own elements if they can be read."""
    scope = _scope(head)
    node = Node(_named(root_name, scope), {})
    for name in ("title", "link", "language", "ttl"):
        match = re.search(rf"<{name}>([^<]{{0,1000}})</{name}>", head)
        if match:
            child = Node(f"atom:{name}" if node.name == "atom:feed" else name, {})
            child.parts.append(unescape(match[1]))
            node.parts.append(child)
    return node


def _canonical(uri: str) -> str:
    return _NAMESPACES.get(uri.strip().lower().rstrip("/"), _NAMESPACES.get(uri.strip().lower(), uri))


def _named(raw: str, scope: dict[str, str]) -> str:
    prefix, colon, local = raw.rpartition(":")
    space = scope.get(prefix, prefix if colon else "")
    return f"{space}:{local}" if space else local


class _Builder:
    def __init__(self, scope: dict[str, str]) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []
        self._scopes = [scope]
        self._elements = 0

    def start(self, raw: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > ELEMENTS_MAX or len(self._open) >= DEPTH_MAX:
            raise FeedUnreadable(
                f"It has more than {ELEMENTS_MAX} elements."
                if self._elements > ELEMENTS_MAX
                else f"Its elements are nested more than {DEPTH_MAX} deep."
            )
        scope = self._scopes[-1]
        declared = {name[5:].lstrip(":"): uri for name, uri in attributes.items() if name[:5] == "xmlns"}
        if declared:
            scope = {**scope, **{prefix: _canonical(uri) for prefix, uri in declared.items()}}
            if len(scope) > PREFIXES_MAX:
                raise FeedUnreadable(
                    f"It declares more than {PREFIXES_MAX} prefixes.", hint="Ask the operator of the feed."
                )
            attributes = {name: value for name, value in attributes.items() if name[:5] != "xmlns"}
        self._scopes.append(scope)
        node = Node(_named(raw, scope), {name: _windows(value) for name, value in attributes.items()})
        if self._open:
            self._open[-1].parts.append(node)
        else:
            self.root = node
        self._open.append(node)

    def end(self, raw: str) -> None:
        self._open.pop()
        self._scopes.pop()

    def data(self, text: str) -> None:
        self._open[-1].parts.append(_windows(text))


def _windows(text: str) -> str:
    return text.translate(_C1) if not text.isascii() and _C1_FOUND.search(text) else text


def _parse(text: str, scope: dict[str, str] | None = None) -> Node:
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    builder = _Builder(scope or {})
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = _refuse_entity
    parser.Parse(text.encode("utf-8", "surrogatepass"), True)
    assert builder.root is not None
    return builder.root


def _refuse_entity(name: str, is_parameter: bool, value: str | None, *_: object) -> None:
    raise _own_entity()


def _own_entity() -> FeedUnreadable:
    return FeedUnreadable("It declares its own entities, which is not allowed.", hint="Ask the operator of the feed.")
