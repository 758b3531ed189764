"""What the elements of RSS and Atom mean, and JSON Feed: from each format to a `FeedDocument`. Pure.

Sources: RSS 2.0, RSS 1.0 with its modules, RFC 4287 (Atom), Media RSS, JSON Feed 1.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from skywrite.errors import InputError
from skywrite.http import parse_url
from skywrite.sources.feed_dates import read_feed_date
from skywrite.sources.feed_entry import FeedDocument, FeedEntry, FeedImage, FeedUnreadable
from skywrite.sources.feed_xml import ITEMS_MAX, Node
from skywrite.sources.html_text import HTML_CHARACTERS_MAX, clean_line, title_text

TEXT_MAX = 2_000
TAGS_MAX = 20
IMAGES_MAX = 10
_PERIOD_SECONDS = {"hourly": 3600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}


def from_xml(root: Node, url: str, warnings: Iterable[str] = ()) -> FeedDocument:
    """The feed under a root element `rss`, `rdf:RDF` or `feed`; raises FeedUnreadable for another."""
    if root.name in ("atom:feed", "feed"):
        return _atom(root, url, tuple(warnings))
    if root.name in ("rss", "rdf:RDF", "RDF", "rdf"):
        return _rss(root, url, tuple(warnings))
    raise FeedUnreadable(f"It is no feed: its first element is <{root.name[:40]}>.", hint="Give the feed's address.")


def _rss(root: Node, url: str, warnings: tuple[str, ...]) -> FeedDocument:
    channel = root.child("channel") or root
    base = resolved(channel.text("link"), url) or url
    items = [*channel.children("item"), *(root.children("item") if channel is not root else ())]
    lang = channel.text("language", "dc:language")
    return FeedDocument(
        title=title_text(channel.text("title")[:TEXT_MAX]),
        link=base,
        entries=tuple(_rss_entry(item, base) for item in _limited(items)),
        lang=lang,
        interval_seconds=_interval(channel),
        warnings=warnings,
    )


def _interval(channel: Node) -> int | None:
    """The longer of `ttl` (minutes) and the syndication module's period."""
    found = []
    ttl = channel.text("ttl")
    if ttl.isdecimal() and len(ttl) < 8:
        found.append(int(ttl) * 60)
    period = _PERIOD_SECONDS.get(channel.text("sy:updatePeriod").lower())
    if period:
        frequency = channel.text("sy:updateFrequency")
        found.append(period // max(int(frequency), 1) if frequency.isdecimal() and len(frequency) < 6 else period)
    return max(found, default=None)


def _rss_entry(item: Node, base: str) -> FeedEntry:
    guid = item.child("guid", "atom:id")
    guid_text = guid.text().strip() if guid else item.attributes.get("rdf:about", "").strip()
    link = item.text("feedburner:origLink", "link")
    if not link:
        link = next((node.attributes.get("href", "") for node in item.children("atom:link") if _alternate(node)), "")
    if not link and guid is not None and guid.attributes.get("isPermaLink", "true").lower() != "false":
        link = guid_text if guid_text.startswith(("http://", "https://")) else ""
    return FeedEntry(
        guid=guid_text[:TEXT_MAX],
        link=resolved(link, base),
        title=title_text(item.text("title", "media:title", "dc:title")[:TEXT_MAX]),
        summary_html=item.text("description", "itunes:summary", "media:description")[:HTML_CHARACTERS_MAX],
        content_html=item.text("content:encoded")[:HTML_CHARACTERS_MAX],
        author=_author(item.text("dc:creator", "author", "itunes:author")),
        tags=_tags(node.text() for node in item.children("category", "dc:subject")),
        published_at=read_feed_date(
            item.text("pubDate", "dc:date", "dcterms:created", "atom:published", "atom:updated")
        ),
        images=tuple(_images(item, base)),
        lang=item.text("dc:language"),
    )


def _atom(root: Node, url: str, warnings: tuple[str, ...]) -> FeedDocument:
    base = resolved(root.attributes.get("xml:base", ""), url) or url
    link = next((node.attributes.get("href", "") for node in _links(root) if _alternate(node)), "")
    entries = list(root.children("atom:entry", "entry"))
    title = root.child("atom:title", "title")
    return FeedDocument(
        title=title_text(_atom_text(title)[:TEXT_MAX]),
        link=resolved(link, base) or base,
        entries=tuple(_atom_entry(entry, base, root) for entry in _limited(entries)),
        lang=root.attributes.get("xml:lang", ""),
        interval_seconds=_interval(root),
        warnings=warnings,
    )


def _atom_entry(entry: Node, base: str, root: Node) -> FeedEntry:
    base = resolved(entry.attributes.get("xml:base", ""), base) or base
    link = next((node.attributes.get("href", "") for node in _links(entry) if _alternate(node)), "")
    link = entry.text("feedburner:origLink") or link
    title, summary = entry.child("atom:title", "title"), entry.child("atom:summary", "summary", "media:group")
    content = entry.child("atom:content", "content")
    author = entry.child("atom:author", "author") or root.child("atom:author", "author")
    if summary is not None and summary.name == "media:group":
        summary = summary.child("media:description")
    dates = ("published", "issued", "created", "updated", "modified")
    plain_title = _atom_text(title)[:TEXT_MAX]
    return FeedEntry(
        guid=entry.text("atom:id", "id")[:TEXT_MAX],
        link=resolved(link, base),
        title=clean_line(plain_title) if _atom_type(title) == "text" else title_text(plain_title),
        summary_html=_atom_html(summary),
        content_html=_atom_html(content),
        author=_author((author.text("atom:name", "name") or author.text("atom:email", "email")) if author else ""),
        tags=_tags(
            node.attributes.get("label") or node.attributes.get("term") or node.text()
            for node in entry.children("atom:category", "category")
        ),
        published_at=read_feed_date(entry.text(*(f"atom:{name}" for name in dates), *dates)),
        images=tuple(_images(entry, base)),
        lang=entry.attributes.get("xml:lang", ""),
    )


def _links(node: Node) -> Iterable[Node]:
    return node.children("atom:link", "link")


def _alternate(node: Node) -> bool:
    kind = node.attributes.get("type", "text/html")
    return node.attributes.get("rel", "alternate") == "alternate" and "xml" not in kind.replace("xhtml+xml", "")


def _atom_type(node: Node | None) -> str:
    return node.attributes.get("type", "text").lower() if node is not None else "text"


def _atom_text(node: Node | None) -> str:
    return "" if node is None else node.html() if _atom_type(node).endswith("xhtml") else node.text()


def _atom_html(node: Node | None) -> str:
    """The HTML of a text construct or of content; nothing for content of other kinds."""
    if node is None:
        return ""
    kind = _atom_type(node)
    if kind in ("xhtml", "application/xhtml+xml"):
        return node.html()[:HTML_CHARACTERS_MAX]
    if kind in ("text", "text/plain"):
        return node.text().replace("&", "&amp;").replace("<", "&lt;")[:HTML_CHARACTERS_MAX]
    return node.text()[:HTML_CHARACTERS_MAX] if kind in ("html", "text/html", "escaped") else ""


def _images(item: Node, base: str) -> Iterable[FeedImage]:
    """The images that an item names itself: Media RSS (with descriptions) and enclosures."""
    holders = [item, *item.children("media:group")]
    for holder in holders:
        shared = holder.text("media:description", "media:title") if holder is not item else ""
        for content in holder.children("media:content"):
            kind = content.attributes.get("type", "")
            if content.attributes.get("medium") == "image" or kind.startswith("image/"):
                alt = content.text("media:description", "media:text", "media:title") or shared
                yield from _image(content.attributes.get("url", ""), alt, base)
    links = [node for node in _links(item) if node.attributes.get("rel") == "enclosure"]
    for node in [*item.children("enclosure"), *links][:IMAGES_MAX]:
        if node.attributes.get("type", "").startswith("image/"):
            address = node.attributes.get("url") or node.attributes.get("href", "")
            yield from _image(address, node.attributes.get("title", ""), base)


def _image(address: str, alt: str, base: str) -> Iterable[FeedImage]:
    found = resolved(address, base)
    if found:
        yield FeedImage(found, title_text(alt[:TEXT_MAX]))


def from_json(value: Any, url: str) -> FeedDocument:
    """The feed in a JSON value of JSON Feed 1.0 or 1.1; raises FeedUnreadable for another."""
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
        warnings=(f"{broken} items are no objects and left out.",) if broken else (),
    )


def _json_entry(item: Mapping[str, Any], feed: Mapping[str, Any], base: str) -> FeedEntry:
    raw_id = item.get("id")
    guid = str(raw_id) if isinstance(raw_id, str | int) and not isinstance(raw_id, bool) else ""
    html, text = _string(item, "content_html"), _string(item, "content_text")
    summary = _string(item, "summary")
    authors = _objects(item, "authors") or _objects(item, "author") or _objects(feed, "authors")
    tags = item.get("tags")
    images = [FeedImage(found) for name in ("image", "banner_image") if (found := resolved(_string(item, name), base))]
    for attachment in _objects(item, "attachments")[:IMAGES_MAX]:
        if _string(attachment, "mime_type").startswith("image/"):
            images += _image(_string(attachment, "url"), _string(attachment, "title"), base)
    return FeedEntry(
        guid=guid.strip()[:TEXT_MAX],
        link=resolved(_string(item, "url") or _string(item, "external_url"), base),
        title=clean_line(_string(item, "title")[:TEXT_MAX]),
        summary_html=_as_html(summary or ("" if html else text)),
        content_html=html[:HTML_CHARACTERS_MAX] or _as_html(text),
        author=_author(_string(authors[0], "name") if authors else ""),
        tags=_tags(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        published_at=read_feed_date(_string(item, "date_published") or _string(item, "date_modified")),
        images=tuple(images),
        lang=_string(item, "language"),
    )


def _string(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""


def _objects(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = value.get(name)
    items = found if isinstance(found, list) else [found]
    return [item for item in items if isinstance(item, Mapping)]


def _as_html(text: str) -> str:
    escaped = text[:HTML_CHARACTERS_MAX].replace("&", "&amp;").replace("<", "&lt;")
    return escaped.replace("\n\n", "<p>").replace("\n", "<br>")


def _limited(items: list[Any]) -> list[Any]:
    if len(items) > ITEMS_MAX:
        raise FeedUnreadable(f"It has {len(items)} items: more than {ITEMS_MAX} are not taken.")
    return items


def _author(text: str) -> str:
    """A name; of RSS's `mail@example.com (Name)` only the name."""
    inside = re.fullmatch(r"[^\s()]{1,200}@[^\s()]{1,200}\s*\(([^()]{1,200})\)", text.strip())
    return clean_line((inside[1] if inside else text)[:200])


def _tags(terms: Iterable[str]) -> tuple[str, ...]:
    cleaned = (clean_line(term[:200]) for term in terms)
    return tuple(dict.fromkeys(term for term in cleaned if term))[:TAGS_MAX]


def resolved(address: str, base: str) -> str:
    """A web address made absolute; empty for what is none."""
    address = address.strip()
    if not address:
        return ""
    try:
        url = parse_url(address, base)
    except InputError:
        return ""
    return url.text if url.scheme in ("http", "https") and len(url.text) <= TEXT_MAX else ""
