"""What feeds in the wild get wrong, or write in another way: read as it is meant, and one item's damage is its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from skywrite.features.feeds.reading.entry import FeedDocument, FeedEntry, FeedImage, FeedUnreadable, FeedVideo
from skywrite.features.feeds.reading.feed import read_feed
from skywrite.features.feeds.reading.post import content_of
from skywrite.protocol.fetch.fetch import Fetched

ATOM = 'xmlns="http://www.w3.org/2005/Atom"'
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
MEDIA = 'xmlns:media="http://search.yahoo.com/mrss/"'


def read(text: str) -> FeedDocument:
    """The feed in a text."""
    return read_feed(Fetched("https://server.example/feeds/x", 200, {}, text.encode()))


def rss(item: str, *, before: str = "", root: str = "", channel: str = "") -> FeedEntry:
    """The only item of an RSS feed."""
    document = read(f"{before}<rss {root}><channel {channel}><title>T</title><item>{item}</item></channel></rss>")
    (entry,) = document.entries
    return entry


def atom(entry: str, *, root: str = "") -> FeedEntry:
    """The only entry of an Atom feed."""
    (feed_entry,) = read(f"<feed {ATOM} {root}><title>T</title><entry>{entry}</entry></feed>").entries
    return feed_entry


def summary(entry: FeedEntry) -> str:
    """What the ledger keeps as the summary."""
    return str(content_of(entry, FeedDocument("", "", ()))["summary"])


@pytest.mark.parametrize(
    "character", ["&#x1F;", "&#0;", "&#x0;", "&#31;", "&#xFFFE;", "&#xD800;", "&#99999999;", "\x1f", "\x00"]
)
def test_a_character_that_xml_has_not_costs_nothing_else(character: str) -> None:
    """Control characters and impossible references are left out; the only item of a feed is read."""
    assert "One two" == rss(f"<title>One {character}two</title>").title


@pytest.mark.parametrize(
    "before",
    [
        "",
        '<?xml version="1.0"?><?xml-stylesheet href="x.xsl"?>\n',
        "<!-- made by hand -->",
        '<?xml-stylesheet href="x.xsl"?><!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://n.example/rss.dtd">',
        "<!DOCTYPE rss [<!ELEMENT rss ANY>]>",
        '<!DOCTYPE rss [<!ENTITY % HTMLlat1 PUBLIC "-//W3C//ENTITIES Latin 1 for XHTML//EN" "http://w3.example/x.ent">]>',
        '<!DOCTYPE rss [<!ENTITY eacute "&#233;"><!ENTITY nbsp "&#160;">]>',
    ],
)
def test_entities_of_html_are_known(before: str) -> None:
    """`Caf&eacute;` is Café whatever stands before, and `AT&T` and unknown names are text."""
    assert "Café AT&T &nosuch;" == rss("<title>Caf&eacute; AT&T &nosuch;</title>", before=before).title


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE rss [<!ENTITY a "aaaa">]>',
        '<?pi?><!-- x --><!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
        '<!DOCTYPE rss [<!ENTITY % a SYSTEM "http://10.0.0.1/x">%a;]>',
        '<!DOCTYPE rss [<!ENTITY eacute "x"><!ENTITY own "&eacute;">]>',
    ],
)
def test_entities_of_its_own_are_refused(doctype: str) -> None:
    """A document that declares anything else than HTML's entities is not read."""
    with pytest.raises(FeedUnreadable, match="entities"):
        rss("<title>&a;</title>", before=doctype)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("It&#146;s", "It’s"),
        ("It&amp;#146;s", "It’s"),
        ("<![CDATA[It&#146;s]]>", "It’s"),
        ("&#147;Yes&#148; &#150; and so on&#133;", "“Yes” – and so on…"),
        ("&lt;body&gt;News&lt;/body&gt;", "News"),
        ("&lt;div&gt;Plain news&lt;/div&gt;", "Plain news"),
        ("&lt;html&gt;&lt;title&gt;News&lt;/title&gt;&lt;/html&gt;", "News"),
        ("Use &lt;div&gt; well", "Use <div> well"),
    ],
)
def test_titles_of_rss(title: str, expected: str) -> None:
    """Windows' quotation marks are kept, and a title in one block of HTML is the text in it."""
    assert expected == rss(f"<title>{title}</title>").title


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        (f'<title type="xhtml"><div {XHTML}>Plain news</div></title>', "Plain news"),
        (f'<title type="xhtml"><div {XHTML}>Less <em>is</em> &lt; more</div></title>', "Less is < more"),
        ('<title type="html">&lt;p&gt;Plain &amp;lt;b&amp;gt;&lt;/p&gt;</title>', "Plain <b>"),
        ('<title type="text">1 &lt;b&gt; 2</title>', "1 <b> 2"),
        ("<title>1 &lt;b&gt; 2</title>", "1 <b> 2"),
        ('<title type="">x</title>', "x"),
        ('<title type="text/html" mode="escaped">&lt;i&gt;Old&lt;/i&gt; Atom</title>', "Old Atom"),
        ('<title mode="base64">T2xkIEF0b20=</title>', "Old Atom"),
    ],
)
def test_titles_of_atom(title: str, expected: str) -> None:
    """Text is text, and HTML and XHTML are the text in them (RFC 4287, 3.1.1)."""
    assert expected == atom(title).title


def test_addresses_count_from_xml_base() -> None:
    """`xml:base` counts in RSS as in Atom, at every level, also for the images of the text."""
    base = 'xml:base="https://a.example/x/"'
    image = "&lt;img src='i.png' alt='I'&gt;"
    assert "https://a.example/x/y" == rss("<title>t</title><link>y</link>", root=base).link
    assert "https://a.example/x/y" == rss("<title>t</title><link>y</link>", channel=base).link
    entry = rss(f'<link>y</link><description xml:base="d/">{image}</description>', root=base)
    assert [{"url": "https://a.example/x/d/i.png", "alt": "I"}] == content_of(entry, read("<rss/>"))["images"]
    entry = atom(f'<link href="y"/><content type="html" xml:base="c/">{image}</content>', root=base)
    assert ("https://a.example/x/y", [{"url": "https://a.example/x/c/i.png", "alt": "I"}]) == (
        entry.link,
        content_of(entry, read("<rss/>"))["images"],
    )
    assert "https://b.example/y" == rss('<link xml:base="https://b.example/">y</link>', root=base).link


@pytest.mark.parametrize(
    ("item", "root"),
    [
        ("<description>One&lt;br&gt;two</description>", ""),
        (f"<description><div {XHTML}>One<br/>two</div></description>", ""),
        (f"<body {XHTML}>One<br/>two</body>", ""),
        ("<media:description>One\ntwo</media:description>", MEDIA),
        ("<media:group><media:description>One\ntwo</media:description></media:group>", MEDIA),
        ('<media:content url="x"><media:description>One\ntwo</media:description></media:content>', MEDIA),
        ("<summary>One&lt;br&gt;two</summary>", ""),
    ],
)
def test_where_items_keep_their_text(item: str, root: str) -> None:
    """Descriptions as text, elements, bodies and Media RSS are read alike."""
    assert "One\ntwo" == summary(rss(f"<link>https://a.example/</link>{item}", root=root))


def test_drawings_in_a_text_are_left_out() -> None:
    """SVG and MathML inside XHTML are no words, whatever prefix they have."""
    svg = '<svg:svg xmlns:svg="http://www.w3.org/2000/svg"><svg:title>A tree</svg:title></svg:svg>'
    content = f'<content type="xhtml"><div {XHTML}><p>Before {svg} after</p></div></content>'
    assert "Before after" == summary(atom(content))


@pytest.mark.parametrize(
    "dates",
    [
        "<dcterms:issued>2026-11-24T09:30:00Z</dcterms:issued>",
        "<pubDate>soon</pubDate><dcterms:issued>2026-11-24</dcterms:issued>",
        "<dcterms:modified>2026-11-24</dcterms:modified>",
        "<updated>2026-11-24</updated>",
    ],
)
def test_dates_by_other_names(dates: str) -> None:
    """The first element that holds a date tells it."""
    entry = rss(f"<title>x</title>{dates}", root='xmlns:dcterms="http://purl.org/dc/terms/"')
    assert "2026-11-24" == f"{entry.published_at:%Y-%m-%d}"


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ("ann@a.example (Ann)", "Ann"),
        ("Ann (ann@a.example)", "Ann"),
        ("Ann &lt;ann@a.example&gt;", "Ann"),
        ("Ann (and Bob)", "Ann (and Bob)"),
    ],
)
def test_authors(author: str, expected: str) -> None:
    """The name of an author stands with or without an address."""
    assert expected == rss(f"<title>x</title><author>{author}</author>").author


def test_videos_of_an_item() -> None:
    """Video files are found as enclosures and in Media RSS; a page with a player is not a video."""
    url = "https://a.example/v.mp4"
    enclosure = f'<title>x</title><enclosure url="{url}" type="video/mp4"/>'
    assert (FeedVideo(url),) == rss(enclosure).videos
    media = (
        f'<title>x</title><media:content url="{url}" type="video/mp4"><media:title>A sea</media:title></media:content>'
    )
    assert (FeedVideo(url, "A sea"),) == rss(media, root=MEDIA).videos
    player = '<title>x</title><media:content url="https://a.example/p" medium="video" type="text/html"/>'
    assert () == rss(player, root=MEDIA).videos


def json_entry(item: dict[str, Any], **feed: Any) -> FeedEntry:
    """The only item of a JSON Feed."""
    (entry,) = read(json.dumps({"version": "https://jsonfeed.org/version/1", "items": [item], **feed})).entries
    return entry


def test_json_feed_1_0() -> None:
    """The older `author` counts, of the item and of the feed; attachments are images and videos."""
    files = [
        {"url": "https://a.example/v.mp4", "mime_type": "video/mp4", "title": "V"},
        {"url": "https://a.example/i.png", "mime_type": "image/png", "title": "I"},
    ]
    entry = json_entry({"id": 7, "attachments": files}, author={"name": "Ann"})
    assert ("Ann", (FeedVideo("https://a.example/v.mp4", "V"),)) == (entry.author, entry.videos)
    assert (FeedImage("https://a.example/i.png", "I"),) == entry.images
    assert "Bob" == json_entry({"id": "1", "author": {"name": "Bob"}}, author={"name": "Ann"}).author


@pytest.mark.parametrize(
    "text",
    [
        '<r:rss xmlns:r="http://backend.userland.com/rss2"><r:channel><r:item><r:title>x</r:title></r:item></r:channel></r:rss>',
        "<rss><channel><item><title>x</title></item></channel></rss",
        '<feed xmlns="http://purl.org/echo/"><entry><title>x</title></entry></feed>',
    ],
)
def test_other_ways_to_write_a_feed(text: str) -> None:
    """Prefixed RSS, Atom by its first names, and a document whose last sign is missing are read whole."""
    assert ["x"] == [entry.title for entry in read(text).entries]
