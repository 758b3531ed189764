"""What the elements of RSS and Atom mean, and JSON Feed: from each format to a `FeedDocument`. Pure.

Sources: RSS 2.0, RSS 1.0 with its modules, RFC 4287 (Atom), Media RSS, JSON Feed 1.1.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from skywrite.core.errors import InputError
from skywrite.core.http import parse_url
from skywrite.features.feeds.reading.dates import read_feed_date
from skywrite.features.feeds.reading.entry import FeedDocument, FeedEntry, FeedImage, FeedUnreadable, FeedVideo
from skywrite.features.feeds.reading.xml import ITEMS_MAX, Node
from skywrite.posting.sources.html_text import HTML_CHARACTERS_MAX, clean_line, html_to_text, title_text

TEXT_MAX = 2_000
TAGS_MAX = 20
IMAGES_MAX = 10
# What a browser shows as a page.
PAGES = ("text/html", "application/xhtml+xml")
_MAIL_FIRST = re.compile(r"[^\s()<>]+@[^\s()<>]+\s*\(([^()]+)\)")
_MAIL_LAST = re.compile(r"([^()<>]+?)\s*(?:\([^\s()<>]+@[^\s()<>]+\)|<[^\s()<>]+@[^\s()<>]+>)")
_AUTHORS = ("authors", "author")
_PERIOD_SECONDS = {"hourly": 3600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}


def from_xml(root: Node, url: str, warnings: Iterable[str] = ()) -> FeedDocument:
    """The feed under a root element `rss`, `rdf:RDF` or `feed`; raises FeedUnreadable for another."""
    if root.name in ("atom:feed", "feed"):
        return _atom(root, url, tuple(warnings))
    if root.name in ("rss", "rdf:RDF", "RDF", "rdf"):
        return _rss(root, url, tuple(warnings))
    raise FeedUnreadable(f"It is not a feed: its first element is <{root.name[:40]}>.", hint="Use the feed's address.")


def _base(node: Node | None, base: str) -> str:
    """The base of relative addresses inside an element (XML Base)."""
    return (resolved(node.attributes.get("xml:base", ""), base) if node is not None else "") or base


def _has_base(*nodes: Node | None) -> bool:
    return any("xml:base" in node.attributes for node in nodes if node is not None)


def _rss(root: Node, url: str, warnings: tuple[str, ...]) -> FeedDocument:
    channel = root.child("channel") or root
    stated = _base(channel, _base(root, url))
    link = resolved(channel.text("link"), stated) or url
    # Without XML Base, addresses are relative to the site's page rather than to the feed.
    has_base = _has_base(root, channel)
    base = stated if has_base else link
    items = [*channel.children("item"), *(root.children("item") if channel is not root else ())]
    lang = channel.text("language", "dc:language") or root.attributes.get("xml:lang", "")
    return FeedDocument(
        title=title_text(channel.text("title", "dc:title")[:TEXT_MAX]),
        link=link,
        entries=tuple(_rss_entry(item, base, has_base) for item in _limited(items)),
        lang=lang,
        interval_seconds=_interval(channel),
        warnings=warnings,
    )


def _interval(channel: Node) -> int | None:
    """The longer of `ttl` (minutes) and the syndication module's period."""
    intervals = []
    ttl = channel.text("ttl")
    if ttl.isdecimal() and len(ttl) < 8:
        intervals.append(int(ttl) * 60)
    period = _PERIOD_SECONDS.get(channel.text("sy:updatePeriod").lower())
    if period:
        frequency = channel.text("sy:updateFrequency")
        intervals.append(period // max(int(frequency), 1) if frequency.isdecimal() and len(frequency) < 6 else period)
    return max(intervals, default=None)


_RSS_SUMMARIES = ("description", "itunes:summary", "dc:description", "summary")
_RSS_DATES = (
    *("pubDate", "dc:date", "dcterms:issued", "dcterms:created", "atom:published", "published"),
    *("atom:updated", "updated", "dcterms:modified"),
)
_ATOM_DATES = (
    *(f"{prefix}{name}" for prefix in ("atom:", "") for name in ("published", "issued", "created")),
    *("dcterms:issued", "dcterms:created", "dc:date"),
    *(f"{prefix}{name}" for prefix in ("atom:", "") for name in ("updated", "modified")),
    "dcterms:modified",
)


def _date_of(item: Node, names: Iterable[str]) -> datetime | None:
    """The first of these elements that contains a date."""
    return next((at for name in names if (at := read_feed_date(item.text(name)))), None)


def _markup(item: Node, *names: str) -> str:
    """The HTML of the first of these elements that has any."""
    for name in names:
        for node in item.children(name):
            if html := node.markup().strip():
                return html[:HTML_CHARACTERS_MAX]
    return ""


def _rss_entry(item: Node, channel_base: str, has_base: bool) -> FeedEntry:
    base = _base(item, channel_base)
    guid = item.child("guid", "atom:id", "id")
    guid_text = guid.text().strip() if guid else item.attributes.get("rdf:about", "").strip()
    link = item.text("feedburner:origLink", "link")
    if not link:
        link = _href(_page(item))
    if not link and guid is not None and guid.attributes.get("isPermaLink", "true").lower() != "false":
        link = guid_text if guid_text.startswith(("http://", "https://")) else ""
    content = item.child("content:encoded", "xhtml:body", "body", "description")
    return FeedEntry(
        guid=guid_text[:TEXT_MAX],
        link=resolved(link, _base(item.child("link"), base)),
        title=title_text(item.text("title", "media:title", "dc:title")[:TEXT_MAX]),
        summary_html=_markup(item, "description", "itunes:summary", "dc:description", "summary")
        or _media_description(item),
        content_html=_markup(item, "content:encoded", "xhtml:body", "body", "fullitem"),
        author=_author(item.text("dc:creator", "author", "itunes:author", "dc:author")),
        tags=_tags(_terms(item)),
        published_at=_date_of(item, _RSS_DATES),
        images=tuple(_images(item, base)),
        videos=tuple(_videos(item, base)),
        lang=item.text("dc:language") or item.attributes.get("xml:lang", ""),
        base=_base(content, base) if has_base or _has_base(item, content) else "",
    )


def _media_description(item: Node) -> str:
    """The Media RSS description of an item: its own, its group's, or that of its media."""
    groups = list(item.children("media:group"))
    holders = [item, *groups, *(node for one in (item, *groups) for node in one.children("media:content"))]
    for node in (description for holder in holders for description in holder.children("media:description")):
        text = node.text().strip()[:HTML_CHARACTERS_MAX]
        if text:
            return text if node.attributes.get("type") == "html" else _as_html(text)
    return ""


def _atom(root: Node, url: str, warnings: tuple[str, ...]) -> FeedDocument:
    base = _base(root, url)
    link = _page(root)
    entries = list(root.children("atom:entry", "entry"))
    return FeedDocument(
        title=_atom_title(root.child("atom:title", "title")),
        link=resolved(_href(link), _base(link, base)) if link else base,
        entries=tuple(_atom_entry(entry, base, root) for entry in _limited(entries)),
        lang=root.attributes.get("xml:lang", ""),
        interval_seconds=_interval(root),
        warnings=warnings,
    )


def _atom_entry(entry: Node, feed_base: str, root: Node) -> FeedEntry:
    base = _base(entry, feed_base)
    alternate = _page(entry)
    link = entry.text("feedburner:origLink") or _href(alternate)
    summary, content = entry.child("atom:summary", "summary"), entry.child("atom:content", "content")
    author = entry.child("atom:author", "author") or root.child("atom:author", "author")
    body = content if content is not None else summary
    return FeedEntry(
        guid=entry.text("atom:id", "id")[:TEXT_MAX],
        link=resolved(link, _base(alternate, base)),
        title=_atom_title(entry.child("atom:title", "title", "media:title")),
        summary_html=_atom_html(summary) or _media_description(entry),
        content_html=_atom_html(content),
        author=_author((author.text("atom:name", "name") or author.text("atom:email", "email")) if author else ""),
        tags=_tags(_terms(entry)),
        published_at=_date_of(entry, _ATOM_DATES),
        images=tuple(_images(entry, base)),
        videos=tuple(_videos(entry, base)),
        lang=entry.attributes.get("xml:lang", ""),
        base=_base(body, base) if _has_base(root, entry, body) else "",
    )


def _links(node: Node) -> Iterable[Node]:
    return node.children("atom:link", "link")


def _page(node: Node) -> Node | None:
    """The link to the page that this is about: of several, one that a browser shows (RFC 4287, 4.2.7.2)."""
    links = [link for link in _links(node) if _alternate(link)]
    return next((link for link in links if _type(link) in PAGES), links[0] if links else None)


def _alternate(link: Node) -> bool:
    is_other = link.attributes.get("rel", "alternate") == "alternate"
    return is_other and "xml" not in _type(link).replace("xhtml+xml", "")


def _type(link: Node) -> str:
    return link.attributes.get("type", "text/html").partition(";")[0].strip().lower()


def _href(link: Node | None) -> str:
    return "" if link is None else link.attributes.get("href", "")


def _atom_type(node: Node) -> str:
    return node.attributes.get("type", "").strip().lower() or "text"


def _atom_title(node: Node | None) -> str:
    """A title is text, or HTML if its type says so (RFC 4287, 3.1.1); older Atom has other names for the types."""
    if node is None:
        return ""
    if _atom_type(node) not in ("text", "text/plain"):
        return clean_line(html_to_text(_atom_html(node)))[:TEXT_MAX]
    return clean_line(_decoded(node)[:TEXT_MAX])


def _atom_html(node: Node | None) -> str:
    """The HTML of a text construct or of content; empty for other kinds of content."""
    if node is None:
        return ""
    kind = _atom_type(node)
    if kind in ("xhtml", "application/xhtml+xml"):
        return node.markup()[:HTML_CHARACTERS_MAX]
    if kind in ("text", "text/plain"):
        return _decoded(node).replace("&", "&amp;").replace("<", "&lt;")[:HTML_CHARACTERS_MAX]
    if kind in ("html", "text/html", "escaped"):
        return (_decoded(node) if "mode" in node.attributes else node.markup())[:HTML_CHARACTERS_MAX]
    return ""


def _decoded(node: Node) -> str:
    """The text of a construct, decoded according to the `mode` of Atom 0.3."""
    mode = node.attributes.get("mode", "").lower()
    if mode != "base64":
        return node.markup() if mode == "xml" else node.text()
    try:
        return b64decode(node.text()[:HTML_CHARACTERS_MAX]).decode("utf-8", "replace")
    except ValueError:
        return ""


def _images(item: Node, base: str) -> Iterable[FeedImage]:
    """The images that an item names itself: Media RSS (with descriptions) and enclosures."""
    for address, alt in _media(item, "image"):
        if url := resolved(address, base):
            yield FeedImage(url, title_text(alt[:TEXT_MAX]))


def _videos(item: Node, base: str) -> Iterable[FeedVideo]:
    for address, alt in _media(item, "video"):
        if url := resolved(address, base):
            yield FeedVideo(url, title_text(alt[:TEXT_MAX]))


def _media(item: Node, kind: str) -> Iterable[tuple[str, str]]:
    """Address and description of an item's own files of a kind ("image", "video")."""
    for holder in (item, *item.children("media:group")):
        shared = holder.text("media:description", "media:title") if holder is not item else ""
        for content in holder.children("media:content"):
            mime = content.attributes.get("type", "")
            # A player or a page about a video is not a video file.
            if mime.startswith(f"{kind}/") or (not mime and content.attributes.get("medium") == kind):
                alt = content.text("media:description", "media:text", "media:title") or shared
                yield content.attributes.get("url", ""), alt
    links = [node for node in _links(item) if node.attributes.get("rel") == "enclosure"]
    for node in [*item.children("enclosure"), *links][:IMAGES_MAX]:
        if node.attributes.get("type", "").startswith(f"{kind}/"):
            yield node.attributes.get("url") or node.attributes.get("href", ""), node.attributes.get("title", "")


def from_json(value: Any, url: str) -> FeedDocument:
    """The feed in a JSON value of JSON Feed 1.0 or 1.1; raises FeedUnreadable for any other value."""
    if not isinstance(value, Mapping) or not isinstance(value.get("items"), list):
        raise FeedUnreadable("It is JSON, but no JSON Feed.", hint="A JSON Feed has version, title and items.")
    base = resolved(_string(value, "home_page_url"), url) or url
    items = [item for item in value["items"] if isinstance(item, Mapping)]
    broken = len(value["items"]) - len(items)
    return FeedDocument(
        title=clean_line(_string(value, "title")[:TEXT_MAX]),
        link=base,
        entries=tuple(_json_entry(item, value, base) for item in _limited(items)),
        lang=_string(value, "language"),
        warnings=(f"{broken} items are not objects and were left out.",) if broken else (),
    )


def _json_entry(item: Mapping[str, Any], feed: Mapping[str, Any], base: str) -> FeedEntry:
    raw_id = item.get("id")
    guid = str(raw_id) if isinstance(raw_id, str | int) and not isinstance(raw_id, bool) else ""
    html, text = _string(item, "content_html"), _string(item, "content_text")
    summary = _string(item, "summary")
    authors = next((who for one in (item, feed) for name in _AUTHORS if (who := _objects(one, name))), [])
    tags = item.get("tags")
    images = [FeedImage(url) for name in ("image", "banner_image") if (url := resolved(_string(item, name), base))]
    videos = []
    for attachment in _objects(item, "attachments")[:IMAGES_MAX]:
        address, alt = resolved(_string(attachment, "url"), base), title_text(_string(attachment, "title")[:TEXT_MAX])
        kind = _string(attachment, "mime_type").partition("/")[0] if address else ""
        images += [FeedImage(address, alt)] if kind == "image" else []
        videos += [FeedVideo(address, alt)] if kind == "video" else []
    return FeedEntry(
        guid=guid.strip()[:TEXT_MAX],
        link=resolved(_string(item, "url") or _string(item, "external_url"), base),
        title=clean_line(_string(item, "title")[:TEXT_MAX]),
        summary_html=_as_html(summary or ("" if html else text)),
        content_html=html[:HTML_CHARACTERS_MAX] or _as_html(text),
        author=_author(_string(authors[0], "name") if authors else ""),
        tags=_tags(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        published_at=read_feed_date(_string(item, "date_published")) or read_feed_date(_string(item, "date_modified")),
        images=tuple(images),
        videos=tuple(videos),
        lang=_string(item, "language"),
    )


def _string(value: Mapping[str, Any], name: str) -> str:
    text = value.get(name)
    return text if isinstance(text, str) else ""


def _objects(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    content = value.get(name)
    items = content if isinstance(content, list) else [content]
    return [item for item in items if isinstance(item, Mapping)]


def _as_html(text: str) -> str:
    escaped = text[:HTML_CHARACTERS_MAX].replace("&", "&amp;").replace("<", "&lt;")
    return escaped.replace("\n\n", "<p>").replace("\n", "<br>")


def _limited(items: list[Any]) -> list[Any]:
    if len(items) > ITEMS_MAX:
        raise FeedUnreadable(f"It has {len(items)} items: more than {ITEMS_MAX} are not read.")
    return items


def _terms(item: Node) -> Iterable[str]:
    for node in item.children("category", "atom:category", "dc:subject", "media:category"):
        yield node.attributes.get("label") or node.attributes.get("term") or node.text()
    for node in item.children("itunes:category"):
        yield node.attributes.get("text", "")


def _author(text: str) -> str:
    """A name; of `mail@example.com (Name)`, `Name (mail@example.com)` and `Name <mail@example.com>` only the name."""
    text = clean_line(text[:400])
    match = _MAIL_FIRST.fullmatch(text) or _MAIL_LAST.fullmatch(text)
    return (match[1] if match else text)[:200].strip()


def _tags(terms: Iterable[str]) -> tuple[str, ...]:
    cleaned = (clean_line(term[:200]) for term in terms)
    return tuple(dict.fromkeys(term for term in cleaned if term))[:TAGS_MAX]


def resolved(address: str, base: str) -> str:
    """A web address made absolute; empty if it is not one."""
    address = address.strip()
    if not address:
        return ""
    try:
        url = parse_url(address, base)
    except InputError:
        return ""
    return url.text if url.scheme in ("http", "https") and len(url.text) <= TEXT_MAX else ""
