"""Lists of subscriptions (OPML 1.0 and 2.0), as feed readers exchange them.

What lives here: reading one in the child process, with the reader that feeds have, and writing one. What does not: what
is done with the feeds (`features.feeds`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from skywrite.core import contained
from skywrite.core.errors import InputError
from skywrite.features.feeds.reading.entry import FeedUnreadable
from skywrite.features.feeds.reading.feed import decode_feed
from skywrite.features.feeds.reading.xml import Node, read_xml

OPML_BYTES_MAX = 10_000_000
SUBSCRIPTIONS_MAX = 1_000


class Subscription(NamedTuple):
    """A feed in a list: its address and its title."""

    url: str
    title: str = ""


def read_opml(data: bytes) -> list[Subscription]:
    """The feeds of a list, each once, in its order. Raises InputError."""
    try:
        return contained.call(parse_opml, data)
    except (contained.TooCostly, FeedUnreadable) as error:
        hint = "Export the subscriptions of your feed reader again, as OPML."
        raise InputError(
            f"It is not a list of subscriptions: {error.message}", code="opml.unreadable", hint=hint
        ) from None


def parse_opml(data: bytes) -> list[Subscription]:
    """The same, as the child process reads it."""
    root, _ = read_xml(decode_feed(data))
    if root.name.lower() != "opml":
        raise FeedUnreadable(f"It is <{root.name[:40]}>, not <opml>.")
    subscriptions: dict[str, Subscription] = {}
    for node in _outlines(root):
        attributes = {name.lower(): value.strip() for name, value in node.attributes.items()}
        url = attributes.get("xmlurl", "")
        if url:
            subscriptions.setdefault(url, Subscription(url, attributes.get("title") or attributes.get("text", "")))
    if not subscriptions:
        raise FeedUnreadable("It names no feed.")
    if len(subscriptions) > SUBSCRIPTIONS_MAX:
        raise FeedUnreadable(f"It names {len(subscriptions):,} feeds; {SUBSCRIPTIONS_MAX:,} are read at most.")
    return list(subscriptions.values())


def opml_of(feeds: Iterable[Subscription]) -> str:
    """A list of these feeds."""
    lines = [
        f'    <outline type="rss" text={quoteattr(one.title or one.url)} xmlUrl={quoteattr(one.url)}/>' for one in feeds
    ]
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<opml version="2.0">\n  <head><title>Skywrite</title></head>\n  <body>'
    )
    return "\n".join([head, *lines, "  </body>\n</opml>\n"])


def _outlines(root: Node) -> Iterator[Node]:
    """All outlines, in order, however deep the folders are that hold them."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.name.lower() == "outline":
            yield node
        waiting.extend(reversed(list(node.children())))
