"""Feeds of every flavour, whole and broken, read into one shape; bombs refused without being carried out."""

from __future__ import annotations

import codecs
import json
from contextlib import suppress
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webencodings.labels import LABELS

from skywrite.core.errors import InputError
from skywrite.features.feeds.reading.dates import read_feed_date
from skywrite.features.feeds.reading.entry import FeedDocument, FeedImage, FeedUnreadable
from skywrite.features.feeds.reading.feed import decode_feed, page_feeds, read_feed
from skywrite.features.feeds.reading.poll import feed_settings, with_scheme
from skywrite.features.feeds.reading.post import content_of, language
from skywrite.features.feeds.reading.xml import ELEMENTS_MAX
from skywrite.posting.sources.html_text import html_images, html_to_text, title_text
from skywrite.protocol.fetch.charset import codec_for
from skywrite.protocol.fetch.fetch import Fetched
from tests.support.processes import ROOT

VECTORS = ROOT / "tests" / "vectors"
FEEDS = Path(__file__).parent / "samples"


def read(data: bytes, **headers: str) -> FeedDocument:
    """The feed in an answer."""
    return read_feed(Fetched("https://server.example/feeds/x", 200, headers, data))


def fixture(name: str) -> FeedDocument:
    """A feed of the fixtures."""
    return read((FEEDS / name).read_bytes())


def in_short(document: FeedDocument) -> list[tuple[Any, ...]]:
    """Guid, link, title, author and date of each entry."""
    return [
        (one.guid, one.link, one.title, one.author, one.published_at and one.published_at.isoformat())
        for one in document.entries
    ]


EXPECTED = {
    "rss2.xml": [
        (
            "Tide-2",
            "https://harbour.example/low-water?utm_source=rss",
            "Low water at five & fog",
            "Ada Moor",
            "2026-11-24T09:30:00+00:00",
        ),
        (
            "https://harbour.example/high-water",
            "https://harbour.example/high-water",
            "High water",
            "Ada Moor",
            "2026-11-23T08:00:00+00:00",
        ),
    ],
    "rss1.rdf": [
        ("https://mill.example/rye", "https://mill.example/rye", "Rye is in", "Jan", "2026-11-20T07:00:00+00:00")
    ],
    "rss091.xml": [("", "http://old.example/1", "Café & thé", "", None)],
    "atom.xml": [
        (
            "tag:wald.example,2026:pilze",
            "https://wald.example/blog/pilze",
            "Pilze <jetzt>",
            "Uta Bach",
            "2026-11-23T06:00:00.500000+00:00",
        ),
        ("tag:wald.example,2026:bach", "https://wald.example/bach", "Der Bach", "Gast", "2026-11-22T08:00:00+00:00"),
    ],
    "atom03.xml": [("early-1", "http://early.example/1", "First", "", "2004-05-01T10:00:00+00:00")],
    "prefixed.xml": [("p1", "https://prefix.example/1", "One", "", "2026-11-24T08:00:00+00:00")],
    "feed.json": [
        ("7", "https://bells.example/seven", "Seven", "Aino", "2026-11-24T07:00:00+00:00"),
        ("micro", "", "", "Aino", "2026-11-23T09:00:00+00:00"),
    ],
    "broken.xml": [
        ("fish", "https://broken.example/fish?x=1&y=2", "Fish & chips daily", "", None),
        ("peas", "https://broken.example/peas", "Peas", "", None),
    ],
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_flavour_is_read(name: str) -> None:
    """RSS 0.91, 1.0 and 2.0, Atom 0.3 and 1.0, JSON Feed, with prefixes, and broken."""
    assert EXPECTED[name] == in_short(fixture(name))


def test_all_fixtures_are_expected() -> None:
    """No fixture lies about unread."""
    assert sorted(EXPECTED) == sorted(path.name for path in FEEDS.iterdir())


@pytest.mark.parametrize(
    ("name", "title", "lang", "seconds"),
    [
        ("rss2.xml", "Harbour News & Tides", "en-GB", 5400),
        ("rss1.rdf", "The Mill", "nl", 86_400),
        ("rss091.xml", "Old times", "fr", None),
        ("atom.xml", "Wald & Wiese", "de", None),
        ("feed.json", "Bells", "fi", None),
        ("broken.xml", "Broken & more", "", None),
    ],
)
def test_feeds_tell_of_themselves(name: str, title: str, lang: str, seconds: int | None) -> None:
    """Title, language and wished interval of the feed itself."""
    document = fixture(name)
    assert (title, lang, seconds) == (document.title, language(document.lang), document.interval_seconds)


def test_contents_are_clean() -> None:
    """Summaries are text in paragraphs without scripts; images come with their descriptions; tags as written."""
    document = fixture("rss2.xml")
    content = content_of(document.entries[0], document)
    assert "Boats stay in.\n\nWait here." == content["summary"]
    assert ["Tides", "North Sea"] == content["tags"]
    assert [
        {"url": "https://harbour.example/mole.jpg", "alt": "The mole at dawn"},
        {"url": "https://harbour.example/fog.jpg", "alt": "Fog over the mole"},
    ] == content["images"]


def test_xhtml_and_enclosures_of_atom() -> None:
    """XHTML content becomes text; an enclosure's title describes it; an entry's own language wins."""
    document = fixture("atom.xml")
    content = content_of(document.entries[0], document)
    assert ("Im Moos.\n\nUnd 🍄", "de-AT") == (content["summary"], content["lang"])
    assert (FeedImage("https://wald.example/blog/pilz.jpg", "Ein Steinpilz"),) == document.entries[0].images
    assert "1 < 2" == content_of(document.entries[1], document)["summary"]


def test_text_of_json_feed_is_text() -> None:
    """`content_text` is no HTML."""
    document = fixture("feed.json")
    assert "No title, a < b & so on.\n\nSecond paragraph" == content_of(document.entries[1], document)["summary"]


def test_broken_items_are_reported() -> None:
    """What had to be left out is counted, with the reason."""
    assert ("2 of 4 items are broken and left out: mismatched tag (line 4).",) == fixture("broken.xml").warnings


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"   \n", "empty"),
        (b"<html><body>hello</body></html>", "not a feed"),
        (b"<rss", "not a feed"),
        (b"<rss >", "not XML"),
        (b"<rss><channel><item><title>x", "complete"),
        (b'<!DOCTYPE r [<!ENTITY a "aaaa">]><rss><channel><title>&a;&a;</title></channel></rss>', "entities"),
        (b'<!DOCTYPE r [<!ENTITY % a SYSTEM "http://10.0.0.1/x">%a;]><rss><channel/></rss>', "entities"),
        (b"<rss>" + b"<a>" * 500, "deep"),
        (b"<rss><channel>" + b"<b/>" * (ELEMENTS_MAX + 1) + b"</channel></rss>", "elements"),
        (b"<rss><channel>" + b"<item/>" * 10_001 + b"</channel></rss>", "items"),
        (b"<rss><channel>" + b"&x" * 300_000, "errors to repair"),
        (b'{"items": [' + b"[" * 100_000, "JSON"),
        (b'{"items": [' + b"9" * 100_000 + b"]}", "JSON"),
        (b'{"version": 1}', "no JSON Feed"),
        (b"\x00\x01\x02", "not a feed"),
    ],
)  # fmt: skip
def test_bombs_and_nonsense_are_refused(data: bytes, words: str) -> None:
    """What is not a feed, or would grow, is refused with a sentence."""
    with pytest.raises(FeedUnreadable, match=words):
        read(data)


def test_what_was_cut_at_the_limit_is_refused() -> None:
    """Half of a feed is not read as a whole one."""
    with pytest.raises(FeedUnreadable, match="larger than 10 MB"):
        read_feed(Fetched("https://x.example/", 200, {}, b"<rss/>", truncated=True))


@given(st.binary(max_size=400))
def test_reading_never_raises_anything_else(data: bytes) -> None:
    """Any bytes after any beginning give a feed or FeedUnreadable."""
    for head in (
        b"",
        b"<rss><channel><item>",
        b'{"items":[',
        b"<feed>",
        b"<?xml version='1.0' encoding='utf-16'?><rss>",
    ):
        with suppress(FeedUnreadable):
            read(head + data)


@given(st.integers(0, 2000), st.integers(0, 2000), st.binary(max_size=6))
def test_damaged_feeds_never_raise_anything_else(start: int, end: int, other: bytes) -> None:
    """A feed with a hole in it gives whole items or FeedUnreadable."""
    whole = (FEEDS / "rss2.xml").read_bytes()
    with suppress(FeedUnreadable):
        read(whole[:start] + other + whole[end:])


DATES = json.loads((VECTORS / "feed-dates.json").read_text("utf-8"))


@pytest.mark.parametrize(("text", "expected"), DATES.items())
def test_dates_of_feeds(text: str, expected: str | None) -> None:
    """The dates that feeds write, in UTC; nothing for what is no date, or has a word that is not understood."""
    moment = read_feed_date(text)
    assert expected == (moment and moment.isoformat())


@given(st.text(max_size=90))
def test_dates_never_raise(text: str) -> None:
    """Any text is a date or none."""
    moment = read_feed_date(text)
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("plain", "plain"),
        ("a &amp; b &lt; c", "a & b < c"),
        ("<p>One</p><p>Two<br>three</p>tail", "One\n\nTwo\nthree\n\ntail"),
        ("<ul><li>a</li><li>b</li></ul>after", "a\n\nb\n\nafter"),
        ("x<script>alert(1)</script><style>p{}</style>y", "xy"),
        ("a <b>bold</b> word", "a bold word"),
        ("unclosed <p>para <b>b", "unclosed\n\npara b"),
        ("\u202eevil\u0000 text\u00ad", "evil text"),
        ("<!-- no -->yes", "yes"),
        ("", ""),
    ],
)
def test_html_becomes_text(html: str, expected: str) -> None:
    """What a reader sees, in paragraphs."""
    assert expected == html_to_text(html)


def test_deep_html_ends() -> None:
    """A tower of elements is cut, and what it holds is found up to there."""
    assert "top" == html_to_text("top" + "<div>" * 100_000 + "x")


@given(st.text(alphabet="<>/=\"' abpdiv&;!-img", max_size=200))
def test_html_never_raises(html: str) -> None:
    """Any text is HTML of some kind."""
    html_to_text(html)
    html_images(html)
    title_text(html)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AT&amp;T <b>now</b>", "AT&T now"),
        ("a < b and c > d", "a < b and c > d"),
        ("Use <div> well", "Use <div> well"),
        ("R&D;", "R&D;"),
    ],
)
def test_titles_may_be_html(text: str, expected: str) -> None:
    """Inline tags and entities make a title HTML; lone signs do not."""
    assert expected == title_text(text)


def test_images_that_count_readers_are_no_images() -> None:
    """Pixels are left out; addresses and descriptions are as written."""
    html = '<img src="/a.jpg" alt=" A  "><img src="/pixel.gif" width="1" height="1"><IMG SRC=b.png><img alt=x>'
    assert [("/a.jpg", "A"), ("b.png", "")] == html_images(html)


def test_pages_name_feeds() -> None:
    """Links of the head, made absolute, those of comments last, at most three; scripts' addresses are left out."""
    html = b"""<base href="/b/"><link rel=alternate type="application/rss+xml" href="comments/feed">
    <link rel=alternate type="application/rss+xml; charset=utf-8" href="feed"><link rel=stylesheet href="x.css">
    <link rel="alternate" type="application/feed+json" href="//cdn.example/f.json">
    <link rel=alternate hreflang=de href="/de">
    <link rel=alternate type="application/json" href="/wp-json/1">
    <link rel=alternate type="application/atom+xml" href="javascript:1">"""
    addresses = page_feeds(Fetched("https://s.example/a/", 200, {"content-type": "text/html"}, html))
    assert ["https://s.example/b/feed", "https://cdn.example/f.json"] == addresses[:2]


def test_a_few_broken_bytes_do_not_change_the_encoding() -> None:
    """UTF-8 with damage stays UTF-8."""
    assert "Grüße " * 20 + "�" == decode_feed("Grüße ".encode() * 20 + b"\xff")


def test_every_label_of_the_standard_is_known() -> None:
    """WHATWG's labels name a codec of ours, but for the encodings in which nothing is written."""
    unwritten = {label for label, name in LABELS.items() if name in ("replacement", "x-user-defined")}
    assert unwritten == {label for label in LABELS if codec_for(label.upper()) is None}
    assert [] == [label for label in LABELS if label not in unwritten and not codecs.lookup(codec_for(label) or "")]


@pytest.mark.parametrize("label", ["punycode", "unicode_escape", "utf-7", "rot13", "base64", "idna", "\u212aoi8-r"])
def test_codecs_that_no_page_is_written_in_are_unknown(label: str) -> None:
    """Python's other codecs cannot be reached by a label."""
    assert codec_for(label) is None


@pytest.mark.parametrize(
    ("label", "codec"),
    [("csiso2022jp", "iso2022_jp"), ("x-euc-jp", "euc_jp"), ("csshiftjis", "cp932"), ("dos-874", "cp874")],
)
def test_labels_of_feeds(label: str, codec: str) -> None:
    """A label in the XML declaration or the header is followed."""
    title = "สวัสดี" if codec == "cp874" else "日本語の題"
    text = f"<?xml version='1.0' encoding='{label}'?><rss><channel><title>{title}</title></channel></rss>"
    assert title == read(text.encode(codec)).title
    plain = text.partition("?>")[2].encode(codec)
    assert title == read(plain, **{"content-type": f"text/xml; charset={label}"}).title


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_wide_encodings(codec: str) -> None:
    """UTF-16 and UTF-32 are known by their first bytes."""
    assert "Grüße" == read("<rss><channel><title>Grüße</title></channel></rss>".encode(codec)).title


@pytest.mark.parametrize(
    ("text", "expected"),
    [("en", "en"), ("EN_us", "en-US"), ("zh-hans-cn", "zh-Hans-CN"), ("English", ""), ("", ""), ("x'; --", "")],
)
def test_languages(text: str, expected: str) -> None:
    """Languages as posts have them."""
    assert expected == language(text)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("example.com", "https://example.com"),
        (" example.com/blog?x=1 ", "https://example.com/blog?x=1"),
        ("blog.example:8443/feed", "https://blog.example:8443/feed"),
        ("feed://example.com/rss", "https://example.com/rss"),
        ("feed:https://example.com/rss", "https://example.com/rss"),
        ("http://example.com", "http://example.com"),
        ("ftp://example.com", "ftp://example.com"),
        ("not an address", "not an address"),
        ("blog", "blog"),
    ],
)
def test_an_address_without_its_scheme(text: str, asked: str) -> None:
    """`feed add example.com` asks at https."""
    assert asked == with_scheme(text)


@pytest.mark.parametrize("value", ["no", "yes", 0, 1])
def test_whether_a_feed_notifies_is_a_yes_or_a_no(value: object) -> None:
    """The word `no` must not turn it on."""
    with pytest.raises(InputError, match="mentions must be true or false"):
        feed_settings(mentions=value)


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ('<link type="text/markdown" href="/a.md"/><link type="text/html" href="/a"/>', "/a"),
        ('<link type="application/json" href="/a.json"/><link type="Text/HTML; charset=utf-8" href="/a"/>', "/a"),
        ('<link type="application/pdf" href="/a.pdf"/><link href="/a"/><link type="text/html" href="/b"/>', "/a"),
        ('<link type="application/pdf" href="/a.pdf"/><link rel="edit" href="/b"/>', "/a.pdf"),
    ],
)
def test_of_several_alternates_the_page_is_the_link(links: str, expected: str) -> None:
    """An Atom entry leads to what a browser shows; to another kind only if there is no page."""
    entry = f"<entry><id>urn:1</id><title>One</title>{links}</entry>"
    feed = read(f'<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title>{entry}</feed>'.encode())
    assert [f"https://server.example{expected}"] == [item.link for item in feed.entries]
