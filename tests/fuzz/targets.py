"""What is fuzzed: for each kind of input a function that takes bytes, and the errors that it may raise.

A target raises nothing else, keeps what it promises of its results, and ends within the limits that `run` sets.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path

from skywrite.core.errors import InputError, SkywriteError
from tests.fuzz import samples

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Target:
    """A fuzzer: what it runs, which errors are fine, samples to begin with, and words that its format knows.

    `inputs` are tried in each run of the suite, which takes less than a second.
    """

    run: Callable[[bytes], object]
    samples: Sequence[bytes]
    words: Sequence[bytes] = ()
    errors: tuple[type[Exception], ...] = (SkywriteError,)
    inputs: int = 500


def feeds(data: bytes) -> None:
    """A feed, and what its items would say."""
    from skywrite.features.feeds.reading.feed import parse_feed
    from skywrite.features.feeds.reading.identity import with_fingerprints
    from skywrite.features.feeds.reading.post import content_of

    document = parse_feed(data, "application/xml", "https://a.example/feed")
    with_fingerprints(document)
    for entry in document.entries[:50]:
        content = content_of(entry, document)
        json.dumps(content).encode()
        assert not entry.link or entry.link.startswith(("https://", "http://"))


def pages(data: bytes) -> None:
    """The head of a page, and its card's texts."""
    from skywrite.protocol.fetch.card import clean_description, clean_title
    from skywrite.protocol.fetch.page import read_page_bytes

    page = read_page_bytes(data, "text/html")
    for value in (page.title, *page.meta_all("og:title", "description")):
        title, description = clean_title(value), clean_description(value)
        assert len(description) <= 1000
        assert clean_title(title) == title


def html(data: bytes) -> None:
    """The text and the images of an item."""
    from skywrite.posting.sources.html_text import html_images, html_to_text, title_text

    text = data.decode("utf-8", "replace")
    assert "\x1b" not in html_to_text(text) + title_text(text)
    assert len(html_images(text)) <= 10


def images(data: bytes) -> None:
    """An image, made postable; what comes out is one again."""
    from skywrite.protocol.media.gif import is_animated
    from skywrite.protocol.media.image import prepare_image

    is_animated(data)
    prepared = prepare_image(data, name="a", max_bytes=200_000, max_pixels=1_000_000)
    assert len(prepared.data) <= 200_000
    assert prepare_image(prepared.data, name="a", max_bytes=200_000).mime == prepared.mime


def videos(data: bytes) -> None:
    """The boxes of an MP4 file."""
    from skywrite.protocol.media.mp4 import read_movie

    movie = read_movie(BytesIO(data), len(data))
    assert movie.duration_seconds >= 0
    assert all(0 <= start <= body <= end <= len(data) for start, body, end in movie.private)


def captions(data: bytes) -> None:
    """Captions; what comes out is WebVTT that is taken as it is."""
    from skywrite.protocol.media.captions import read_caption

    read = read_caption(data, "a.vtt")
    assert read_caption(read, "a.vtt") == read


def post_files(data: bytes) -> None:
    """A Markdown file with front matter: a post, or problems with lines; with its mark it is the same post."""
    from skywrite.posting.sources.folder import read_folder
    from skywrite.posting.sources.marking import mark_published

    folder = _folder()
    file = folder / "a.md"
    file.write_bytes(data)
    content = read_folder(folder)
    assert len(content.items) + bool(content.problems) >= 1
    assert all(problem.line >= 1 and problem.code != "skywrite.bug" for problem in content.problems), content.problems
    if content.items and not content.problems and not content.items[0].published:
        mark_published(file, "at://did:plc:x/app.bsky.feed.post/y")
        (again,) = read_folder(folder).items
        assert (again.digest, bool(again.published)) == (content.items[0].digest, True)


def tables(data: bytes) -> None:
    """CSV, JSON and JSON lines, and the drafts in them."""
    from skywrite.posting.compose.draft import draft_from_dict
    from skywrite.posting.sources.table import read_json, read_jsonl
    from tests.support.sheets import read_csv

    text = data.decode("utf-8", "replace")
    for read in (read_csv, read_json, read_jsonl):
        try:
            rows = read(text)
        except InputError:
            continue
        for row in rows[:50]:
            try:
                draft_from_dict(row).as_dict()
            except InputError:
                continue


def times(data: bytes) -> None:
    """A time as people write it; what it means is shown in a form that means the same."""
    from skywrite.posting.schedule.times import format_time, parse_time

    parsed = parse_time(data.decode("utf-8", "replace")[:200], now=NOW, zone="Europe/Berlin")
    format_time(parsed.at, "Europe/Berlin")


def feed_dates(data: bytes) -> None:
    """A date of a feed: a time in UTC, or none."""
    from skywrite.features.feeds.reading.dates import read_feed_date

    moment = read_feed_date(data.decode("utf-8", "replace"))
    assert moment is None or moment.utcoffset() is not None


def recurrences(data: bytes) -> None:
    """A recurrence, its words and its next occurrences, which come one after the other."""
    from skywrite.posting.schedule.recurrence import describe, parse_rule

    rule = parse_rule(data.decode("utf-8", "replace")[:500], zone="Europe/Berlin", start=NOW)
    describe(rule)
    at = NOW
    for _ in range(3):
        following = rule.next_after(at)
        if following is None:
            return
        assert following.occurrence > at
        at = following.occurrence


def texts(data: bytes) -> None:
    """Links, mentions and hashtags of a text, and its parts as a thread."""
    from skywrite.protocol.bsky.markdown import parse_markdown_links
    from skywrite.protocol.bsky.richtext import detect, shorten_links, tidy
    from skywrite.protocol.bsky.split import split_rich

    text = tidy(data.decode("utf-8", "replace")[:5_000])
    rich = shorten_links(detect(parse_markdown_links(text)))
    length = len(rich.text.encode("utf-8", "surrogatepass"))
    assert all(0 <= facet.byte_start < facet.byte_end <= length for facet in rich.facets)
    split_rich(rich)


def templates(data: bytes) -> None:
    """A template and the text that it makes of an item."""
    from skywrite.posting.sources.template import Template

    values = dict.fromkeys(("title", "summary", "author", "hashtags", "feed_title"), "word " * 50)
    fields = {**values, "tags": ["a", "b"], "link": "https://a.example/b", "published": NOW}
    Template(data.decode("utf-8", "replace")).fitted(fields)


def answers(data: bytes) -> None:
    """What a server answers in place of what it should."""
    from skywrite.core.http import Response
    from skywrite.protocol.atproto.xrpc import Xrpc

    class Wire:
        def request(self, method: str, url: str, **options: object) -> Response:
            return Response(200 if data[:1] < b"\x80" else 400 + data[0] % 200, {}, data[1:])

    Xrpc(Wire(), "https://pds.example.org").procedure("com.atproto.server.createSession", {})


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="skywrite-fuzz-"))


def _movie_errors() -> tuple[type[Exception], ...]:
    from skywrite.protocol.media.mp4 import BrokenMovie

    return (BrokenMovie,)


TARGETS: dict[str, Target] = {
    "answers": Target(answers, samples.ANSWERS, samples.JSON_WORDS),
    "captions": Target(captions, samples.CAPTIONS, samples.CAPTION_WORDS),
    "feed_dates": Target(feed_dates, samples.DATES, samples.TIME_WORDS, ()),
    "feeds": Target(feeds, samples.FEEDS, samples.XML_WORDS),
    "html": Target(html, samples.PAGES, samples.HTML_WORDS, ()),
    "images": Target(images, samples.images(), samples.IMAGE_WORDS),
    "pages": Target(pages, samples.PAGES, samples.HTML_WORDS, ()),
    "post_files": Target(post_files, samples.POST_FILES, samples.YAML_WORDS, (), inputs=150),
    "recurrences": Target(recurrences, samples.RULES, samples.RULE_WORDS, inputs=100),
    "tables": Target(tables, samples.TABLES, samples.JSON_WORDS, (), inputs=150),
    "templates": Target(templates, samples.TEMPLATES, samples.TEMPLATE_WORDS, inputs=100),
    "texts": Target(texts, samples.TEXTS, samples.TEXT_WORDS, inputs=200),
    "times": Target(times, samples.TIMES, samples.TIME_WORDS),
    "videos": Target(videos, samples.VIDEOS, samples.MP4_WORDS, _movie_errors()),
}
