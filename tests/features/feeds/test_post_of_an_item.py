"""From an item of a feed to the row of a draft: its text, its links, its media, and whom it notifies."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.core.errors import InputError
from skywrite.features.feeds.reading.entry import FeedDocument, FeedEntry, FeedImage, FeedVideo
from skywrite.features.feeds.reading.poll import feed_settings, template_of
from skywrite.features.feeds.reading.post import content_of, draft_row, with_links
from skywrite.posting.compose.build import build
from skywrite.posting.compose.draft import draft_from_dict
from skywrite.protocol.bsky.richtext import parse_markdown_links

LINK = "https://site.example/one"


def row(entry: FeedEntry, **settings: Any) -> dict[str, Any]:
    """The row of a draft for an item of a feed with these settings."""
    return draft_row(content_of(entry, FeedDocument("Feed", "", ())), template_of(settings), settings)


def links(fields: dict[str, Any]) -> list[tuple[str, str]]:
    """The links of the post that a row makes: label and address."""
    (record,) = build(draft_from_dict({**fields, "card": "none"}), {}).records
    data = record["text"].encode()
    return [
        (data[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode(), facet["features"][0]["uri"])
        for facet in record.get("facets", [])
        if "uri" in facet["features"][0]
    ]


def test_an_item_without_a_title_posts_its_text() -> None:
    """A note is its text with its address; an item with a title stays title and address."""
    note = FeedEntry(link=LINK, content_html="<p>Fog over the harbour</p>")
    assert f"Fog over the harbour\n\n{LINK}" == row(note)["text"]
    assert f"Fog\n\n{LINK}" == row(FeedEntry(link=LINK, title="Fog", summary_html="Over the harbour"))["text"]


def test_links_of_a_summary_are_kept() -> None:
    """What `<a href>` says is a link of the post: absolute, at its place, also in a text that was cut."""
    html = 'Read <a href="/log">the log</a> (or <a href="https://b.example/x_(y)">b [2]</a>).' + " More." * 100
    fields = row(FeedEntry(link=LINK, summary_html=html), template="{{ summary }}\n{{ link }}")
    assert [
        ("the log", "https://site.example/log"),
        ("b [2]", "https://b.example/x_(y)"),
        ("site.example/one", LINK),
    ] == (links(fields))
    assert LINK == fields["card"]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="https://a.example/">https://a.example/</a>', [("a.example", "https://a.example/")]),
        ('<a href="https://a.example/tags/fog">#fog</a>', []),
        ('<a href="javascript:x">x</a> <a>y</a> <a href="">z</a>', []),
        ('<a href="https://a.example/"> spaced </a>', [("spaced", "https://a.example/")]),
        ('<a href="https://a.example/">a <a href="https://b.example/">b</a></a> c', [("b", "https://b.example/")]),
        ('see <a href="https://a.example/"><b>bold</b> word</a>', [("bold word", "https://a.example/")]),
        ('`code` [x](https://no.example) <a href="https://a.example/">y</a>', [("no.example", "https://no.example")]),
    ],
)
def test_which_links_are_kept(html: str, expected: list[tuple[str, str]]) -> None:
    """Addresses as text and hashtags are left to the network; what is no web address is no link."""
    assert expected == links(row(FeedEntry(summary_html=html)))


@given(st.text(alphabet="ab []()\\\\`!\n", max_size=30), st.integers(0, 30), st.integers(1, 5))
def test_links_never_change_the_text(text: str, start: int, length: int) -> None:
    """Whatever signs a text holds, the post says the same with its links as without."""
    marked = with_links(text, text, [(start, min(start + length, len(text)), "https://a.example/(x)")])
    assert marked == "" or text == parse_markdown_links(marked).text


def test_mentions_stay_plain_unless_asked_for() -> None:
    """An `@handle` in a feed notifies nobody, unless the feed's settings say so."""
    entry = FeedEntry(title="Thanks @bob.test for #fog")
    dids = {"bob.test": f"did:plc:{'b' * 24}"}
    kinds = {}
    for asked in (False, True):
        (record,) = build(draft_from_dict(row(entry, mentions=asked)), dids).records
        kinds[asked] = [facet["features"][0]["$type"].rpartition("#")[2] for facet in record["facets"]]
    assert {False: ["tag"], True: ["mention", "tag"]} == kinds


def test_a_video_goes_before_images() -> None:
    """A video file of an item is posted, with the choices of images."""
    entry = FeedEntry(
        title="x",
        images=(FeedImage("https://a.example/i.png", "I"),),
        videos=(FeedVideo("https://a.example/v.mp4", "V"),),
    )
    video = {"url": "https://a.example/v.mp4", "alt": "V"}
    assert (video, None) == (row(entry)["video"], row(entry).get("images"))
    assert [None, None] == [row(entry, images=choice).get("video") for choice in ("card", "none")]


@pytest.mark.parametrize(
    "wrong",
    [{"labels": ["foo"]}, {"langs": ["english!"]}, {"langs": ["en", "de", "fr", "nl"]}, {"images": "some"}],
)
def test_settings_are_checked_when_they_are_given(wrong: dict[str, Any]) -> None:
    """A label or a language that no post may have is an error at once."""
    with pytest.raises(InputError):
        feed_settings(**wrong)
