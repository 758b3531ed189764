"""Hand-made input that took a reader minutes takes it less than three seconds of processor time.

The child process counts processor time, so a busy machine changes nothing; what goes over the limit is a TooCostly.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from skywrite.core.contained import Contained, Limits
from tests.support import hostile
from tests.support.processes import PATIENCE_SECONDS

CUE = "1\n00:00:01,000 --> 00:00:02,000\n"
LINK = "](https://a.example)"


@pytest.fixture(scope="module")
def contained() -> Iterator[Contained]:
    """A child that gives each call three seconds."""
    child = Contained(Limits(cpu_seconds=2, wall_seconds=PATIENCE_SECONDS, memory_bytes=512 << 20))
    yield child
    child.close()


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("![" * 99_000 + "](" * 99_000, 0),
        ("![" * 50_000 + LINK * 50_000, 0),
        ("![a\n" * 50_000 + LINK * 50_000, 0),
        ("\\[" * 50_000 + LINK * 50_000, 0),
        ("\\[" * 20_000 + LINK * 20_000 + f"[a{LINK}" * 20_000, 20_000),
        ("[" * 99_000 + LINK * 99_000, 1),
    ],
    ids=["brackets", "images", "lines", "escapes", "escapes before links", "openers"],
)
def test_markdown(contained: Contained, text: str, links: int) -> None:
    """Brackets in brackets are read in one pass."""
    assert links == contained.call(hostile.reads_markdown, text)


@pytest.mark.parametrize("piece", ["<font", "{\\", "</font ", "-->", " "])
def test_captions(contained: Contained, piece: str) -> None:
    """Tags of SubRip that begin a hundred thousand times and never end."""
    assert "captions.too_large" == contained.call(hostile.reads_caption, CUE + piece * 100_000 + "x")


def test_a_video_of_tracks(contained: Contained) -> None:
    """A hundred tracks are more than a video has; 95,000 are not looked at."""
    track = hostile.boxes(b"trak")
    assert "" == contained.call(hostile.reads_movie, hostile.boxes(b"moov", track * 100))
    assert "BrokenMovie" == contained.call(hostile.reads_movie, hostile.boxes(b"moov", track * 95_000))


@pytest.mark.parametrize(
    "text",
    [
        '<feed xmlns:a="x">' + "<a:item>x</a:item>&" * 100_000 + "<b>",
        "<rss>" + "".join(f'<a xmlns:a{n}="u">' for n in range(90)) + '<b xmlns:b="u"/>' * 100_000,
        "<rss " + " ".join(f'xmlns:a{n}="u"' for n in range(20_000)) + ">" + '<c xmlns:q="u"/>' * 20_000 + "</rss>",
        "<rss " + " ".join(f'xmlns:a{n}="u"' for n in range(90)) + ">" + "<item>&<b></item>" * 9_000,
        '<?xml version="1.0"?>' + "<!-- -" * 100_000,
        "<rss>" + "<![CDATA[" * 100_000,
        "<rss>" + "<item " * 9_000,
    ],
    ids=[
        "items with a prefix",
        "prefixes in depth",
        "prefixes at the root",
        "items one by one",
        "comments",
        "cdata",
        "tags",
    ],
)
def test_feeds(contained: Contained, text: str) -> None:
    """Items past the limit, prefixes by the thousand, and whatever never ends."""
    assert "feed.unreadable" == contained.call(hostile.reads_feed, text)
