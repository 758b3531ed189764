"""Reading a feed: from the bytes of a response to a `FeedDocument`, and finding a page's feeds.

What lives here: detecting the format (RSS, Atom, JSON Feed, a page) and the encoding. What does not: fetching
(`fetch`), the elements (`formats`), which items are new (`identity`).
"""

from __future__ import annotations

import json
import re

from skywrite.core import contained
from skywrite.core.errors import InputError
from skywrite.core.http import parse_url
from skywrite.features.feeds.reading.entry import FeedDocument, FeedUnreadable
from skywrite.features.feeds.reading.formats import from_json, from_xml
from skywrite.features.feeds.reading.xml import read_xml
from skywrite.protocol.fetch.charset import decode_page, header_codec, xml_codec
from skywrite.protocol.fetch.fetch import Fetched
from skywrite.protocol.fetch.page import read_page_bytes

FEED_BYTES_MAX = 10_000_000
FEED_TIMEOUT_SECONDS = 30.0
FEED_ACCEPT = (
    "application/feed+json, application/atom+xml, application/rss+xml, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, text/html;q=0.5, */*;q=0.1"
)
FEEDS_TRIED_MAX = 3

_FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml")
_LOOSE_TYPES = ("application/json", "application/xml", "text/xml")
_XML_FEED = re.compile(r"<(?:[\w.-]{1,20}:)?(?:rss|feed|RDF)[\s/>]", re.IGNORECASE)
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
# A byte order mark, or the first character of a document.
_UTF_32 = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"<\x00\x00\x00", "utf-32-le"),
    (b"\x00\x00\x00<", "utf-32-be"),
)
_HEAD_CHARACTERS = 4_000


def read_feed(fetched: Fetched) -> FeedDocument:
    """The feed in a response. Raises FeedUnreadable, also for pages, and for anything larger than 10 MB."""
    if fetched.truncated:
        raise FeedUnreadable(f"It is larger than {FEED_BYTES_MAX // 1_000_000} MB.", hint="Use a shorter feed.")
    try:
        return contained.call(parse_feed, fetched.body, fetched.headers.get("content-type", ""), fetched.url)
    except contained.TooCostly as error:
        raise FeedUnreadable(error.message, hint=error.hint) from None


def parse_feed(data: bytes, content_type: str, url: str) -> FeedDocument:
    """The same from bytes, as the child process takes them."""
    text = decode_feed(data, content_type)
    start = text[:_HEAD_CHARACTERS].lstrip("\ufeff \t\r\n")
    if not start:
        raise FeedUnreadable("The response is empty.", hint="Skywrite polls it again later.")
    if start.startswith("{"):
        return from_json(_json(text), url)
    if not _XML_FEED.search(start):
        raise FeedUnreadable("It is not a feed.", hint="Open the address in a browser.")
    root, warnings = read_xml(text)
    return from_xml(root, url, warnings)


def looks_like_feed(fetched: Fetched) -> bool:
    """Whether a response seems to be a feed, rather than a page."""
    text = decode_feed(fetched.body[: 4 * _HEAD_CHARACTERS], fetched.headers.get("content-type", ""))
    start = text[:_HEAD_CHARACTERS].lstrip("\ufeff \t\r\n")
    return start.startswith("{") or _XML_FEED.search(start) is not None


def page_feeds(fetched: Fetched) -> list[str]:
    """The addresses of the feeds that a page links to, comment feeds last; at most three."""
    page = contained.call(read_page_bytes, fetched.body, fetched.headers.get("content-type", ""))
    base = fetched.url
    if page.base:
        try:
            base = parse_url(page.base, base).text
        except InputError:
            base = fetched.url
    addresses: list[tuple[int, str]] = []
    for link in page.links:
        kind = link.type.partition(";")[0].strip()
        known = kind in _FEED_TYPES or (kind in _LOOSE_TYPES and "feed" in link.href.lower())
        if not (link.href and ("alternate" in link.rel or "feed" in link.rel) and known):
            continue
        try:
            url = parse_url(link.href, base).text
        except InputError:
            continue
        addresses.append((int("comment" in link.href.lower()), url))
    return list(dict.fromkeys(url for _, url in sorted(addresses, key=lambda pair: pair[0])))[:FEEDS_TRIED_MAX]


def decode_feed(data: bytes, content_type: str = "") -> str:
    """The text of a feed. UTF-8 is detected: labels that contradict it are usually wrong."""
    for mark, codec in _UTF_32:
        if data.startswith(mark):
            return data.decode(codec, "replace")
    if data.startswith(_MARKS):
        return decode_page(data, content_type)
    if b"\x00" in data[:4]:
        return data.decode("utf-16-be" if data[:1] == b"\x00" else "utf-16-le", "replace")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        if "\x1b" not in text:
            return text
    # The header's UTF-8 has just turned out to be wrong; the document's own label comes next.
    for named in (header_codec(content_type), xml_codec(data)):
        if named is not None and named not in ("utf-8", "utf-16-le", "utf-16-be"):
            return data.decode(named, "replace")
    damaged = data.decode("utf-8", "replace")
    # A few broken bytes in UTF-8 text do not make it Windows-1252.
    is_utf8 = damaged.count("\ufffd") * 10 < sum(character > "\x7f" for character in damaged)
    return damaged if is_utf8 else data.decode("cp1252", "replace")


def _json(text: str) -> object:
    try:
        return json.loads(text.lstrip("\ufeff"))
    except (json.JSONDecodeError, RecursionError, ValueError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "its nesting or a number has no end"
        raise FeedUnreadable(f"It is not JSON: {reason}.", hint="Open the address in a browser.") from None
