"""Lists of subscriptions: what feed readers write is read, what is none is refused, and what we write comes back."""

from __future__ import annotations

import pytest

from skywrite.features.feeds.reading.opml import SUBSCRIPTIONS_MAX, Subscription, opml_of, read_opml
from tests.support.errors import fails

LIST = """<?xml version="1.0" encoding="UTF-8"?>
<!-- from a reader -->
<opml version="1.0"><head><title>Mine</title></head><body>
<outline text="News">
  <outline type="rss" text="The Harbour" title="Harbour &amp; sea" xmlUrl="https://harbour.example/feed" htmlUrl="x"/>
  <outline text="Deeper"><outline TYPE="rss" XMLURL=" https://deep.example/feed "/></outline>
</outline>
<outline text="Again" xmlUrl="https://harbour.example/feed"/>
<outline text="A folder that is empty"/>
</body></opml>"""
MANY = "".join(f"<outline xmlUrl='https://a.example/{number}'/>" for number in range(SUBSCRIPTIONS_MAX + 1))


def test_feeds_are_found_in_folders_each_once() -> None:
    """In their order, with their titles, whatever case the names have."""
    assert [
        Subscription("https://harbour.example/feed", "Harbour & sea"),
        Subscription("https://deep.example/feed", ""),
    ] == read_opml(LIST.encode())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings(encoding: str) -> None:
    """As feeds have them."""
    assert 2 == len(read_opml(LIST.replace('encoding="UTF-8"', "").encode(encoding)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "It is not XML"),
        ("title,url", "It is not XML"),
        ("<rss><channel/></rss>", "It is <rss>, not <opml>"),
        ("<opml><body><outline text='x'/></body></opml>", "It names no feed"),
        ("<opml><body><outline xmlUrl='https://a.example/'", "It is not XML"),
        ('<!DOCTYPE opml [<!ENTITY a "x">]><opml><body><outline xmlUrl="&a;"/></body></opml>', "its own entities"),
        (f"<opml>{'<outline>' * 5000}", "nested more than"),
        (f"<opml>{MANY}</opml>", "1,000 are read at most"),
    ],
    ids=["nothing", "no XML", "a feed", "no feeds", "cut off", "entities", "deep", "many"],
)
def test_what_is_no_list(text: str, words: str) -> None:
    """Each is refused with a sentence, by the reader that feeds have, and with its limits."""
    with fails("opml.unreadable", match=words) as caught:
        read_opml(text.encode())
    assert "Export the subscriptions" in caught.value.hint


def test_what_is_written_is_read() -> None:
    """Whatever stands in titles and addresses."""
    feeds = [Subscription("https://a.example/?a=1&b='2'", 'The "A" <feed>'), Subscription("https://b.example/")]
    assert [feeds[0], Subscription("https://b.example/", "https://b.example/")] == read_opml(opml_of(feeds).encode())
