"""The preview is what readers see: for each kind of post, what stands there is what the record says."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import Watched
from tests.pages.test_composing import number
from tests.pages.test_keeping import animation, picture

SEEN = """() => [...document.querySelectorAll("[data-preview] .seen")].map(post => ({
  text: post.querySelector(".body").textContent,
  marked: [...post.querySelectorAll(".body b")].map(one => one.textContent),
  images: [...post.querySelectorAll(".grid img")].map(one => [decodeURIComponent(one.src.split("/").pop()), one.alt]),
  card: [...post.querySelectorAll(".link:not(.film, .quote) strong")].map(one => one.textContent),
  film: [...post.querySelectorAll(".film")].map(one => one.textContent),
  quote: [...post.querySelectorAll(".quote")].map(one => one.dataset.uri),
}))"""


def of_record(record: dict[str, Any]) -> dict[str, Any]:
    """What a record says, in the same shape."""
    data, embed = record["text"].encode(), record.get("embed") or {}
    spans = sorted((one["index"]["byteStart"], one["index"]["byteEnd"]) for one in record.get("facets") or ())
    media, kind = embed.get("media", embed), embed.get("media", embed).get("$type", "").rpartition(".")[2]
    images = media.get("images") or media.get("items") or []
    quote = embed.get("record") or {}
    name = "GIF" if media.get("presentation") == "gif" else "Video"
    return {
        "text": record["text"],
        "marked": [data[start:end].decode() for start, end in spans],
        "images": [[one["image"]["ref"]["$link"], one["alt"]] for one in images],
        "card": [media["external"]["title"]] if kind == "external" else [],
        "film": [f"{name}: {media.get('alt') or 'no description'}"] if kind == "video" else [],
        "quote": [quote.get("uri") or quote["record"]["uri"]] if quote else [],
    }


def with_pictures(count: int) -> Callable[[Page, Path, str], None]:
    """So many images, each with its description."""

    def fill(page: Page, folder: Path, quote: str) -> None:
        colours = ("red", "green", "blue", "gold")[:count]
        page.set_input_files("#files", [picture(folder, f"{colour}.png", colour) for colour in colours])
        for place, colour in enumerate(colours, 1):
            page.get_by_label(f"Description of image {place}").fill(colour)

    return fill


def with_film(page: Page, folder: Path, quote: str) -> None:
    """A GIF, which is a video."""
    page.set_input_files("#files", animation(folder))
    page.get_by_label("Description of GIF").fill("It moves")


def with_quote(page: Page, folder: Path, quote: str) -> None:
    """A quote."""
    page.locator("summary", has_text="More").click()
    page.fill("#quote", quote)


def with_both(page: Page, folder: Path, quote: str) -> None:
    """A quote beside an image."""
    with_pictures(1)(page, folder, quote)
    with_quote(page, folder, quote)


def as_thread(page: Page, folder: Path, quote: str) -> None:
    """A second post, with an image of its own."""
    page.get_by_role("button", name="Add to the thread").click()
    page.keyboard.type("The second one, by @bob.test #more")
    page.locator("[data-box] input[type=file]").nth(1).set_input_files(picture(folder))
    expect(page.locator("[data-shots] img")).to_have_count(1)


KINDS: dict[str, Callable[[Page, Path, str], None]] = {
    "text": lambda page, folder, quote: None,
    **{f"{count} images": with_pictures(count) for count in (1, 2, 3, 4)},
    "gif": with_film,
    "quote": with_quote,
    "quote and image": with_both,
    "thread": as_thread,
}


@pytest.fixture
def quote(tab: Watched) -> str:
    """The address of a post on the network."""
    return str(tab.api("GET", "/history?state=published&account=alice.test")["posts"][0]["uri"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_preview_is_the_record(tab: Watched, tmp_path: Path, quote: str, kind: str) -> None:
    """Text, links, mentions and hashtags, pictures in their order with descriptions, films, quotes, threads."""
    page = tab.visit("/compose")
    page.fill("#text", f"Kind: {kind}, for @bob.test and [readers](https://example.com/) #kind 👩‍👩‍👧‍👦")
    KINDS[kind](page, tmp_path, quote)
    expect(page.locator("[data-saved]")).to_have_text("Draft saved")
    records = tab.api("GET", f"/posts/{number(page)}/approval")["posts"]
    expected = [of_record(record) for record in records]
    expect(page.locator("[data-preview] .seen")).to_have_count(len(records))
    for place in range(20):
        if expected == (preview := page.evaluate(SEEN)):
            break
        # The preview follows what is typed a third of a second later.
        page.wait_for_timeout(100 + 50 * place)
    assert expected == preview


def test_a_quote_is_shown_with_its_words(tab: Watched, quote: str) -> None:
    """Who wrote it, and what."""
    page = tab.visit("/compose")
    page.fill("#text", "Look at this")
    with_quote(page, Path(), quote)
    expect(page.locator(".quote")).to_contain_text("alice.test")
    expect(page.locator(".quote p")).to_have_text(re.compile(r"\w+"))
