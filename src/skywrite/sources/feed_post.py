"""From an entry of a feed to what a post says: the values of a template, images, languages. Pure.

What lives here: the content that the ledger keeps of an item while it waits, and the row of a draft made from it.
What does not: checking the draft and fitting its images (`compose`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from skywrite.atproto.syntax import InvalidSyntax, Language
from skywrite.errors import InputError
from skywrite.sources.feed_entry import FeedDocument, FeedEntry, FeedImage
from skywrite.sources.feed_formats import resolved
from skywrite.sources.html_text import html_images, html_to_text
from skywrite.sources.template import hashtags

SUMMARY_LENGTH_MAX = 3_000
TITLE_LENGTH_MAX = 1_000
IMAGES_MAX = 4
IMAGE_CHOICES = ("auto", "all", "card", "none")


class Fitting(Protocol):
    """What makes a post's text of an item's values: a `Template`, here or in the child process."""

    def fitted(self, values: Mapping[str, Any], *, shorten: bool = True) -> str:
        """The text, fitted into one post."""
        ...


def content_of(entry: FeedEntry, document: FeedDocument) -> dict[str, Any]:
    """What the ledger keeps of an item until it is posted: JSON, clean text, absolute addresses."""
    summary = html_to_text(entry.summary_html) or html_to_text(entry.content_html)
    images = _images(entry)
    return {
        "title": entry.title[:TITLE_LENGTH_MAX],
        "summary": summary[:SUMMARY_LENGTH_MAX],
        "link": entry.link,
        "author": entry.author,
        "tags": list(entry.tags),
        "published": entry.published_at.isoformat() if entry.published_at else "",
        "feed_title": document.title[:TITLE_LENGTH_MAX],
        "lang": language(entry.lang) or language(document.lang),
        "images": [{"url": image.url, "alt": image.alt} for image in images],
    }


def _images(entry: FeedEntry) -> list[FeedImage]:
    found = {image.url: image for image in entry.images}
    for html in (entry.content_html, entry.summary_html):
        for address, alt in html_images(html):
            url = resolved(address, entry.base or entry.link or "https://invalid.invalid/")
            if url and not url.startswith("https://invalid.invalid/") and not (url in found and found[url].alt):
                found[url] = FeedImage(url, alt)
    return list(found.values())[: 2 * IMAGES_MAX]


def language(text: str) -> str:
    """A feed's language as posts have it; empty for what is none."""
    match = re.fullmatch(r"([a-zA-Z]{2,3})(?:[-_]([a-zA-Z]{4}))?(?:[-_]([a-zA-Z]{2}|\d{3}))?", text.strip())
    if match is None:
        return ""
    parts = [match[1].lower(), (match[2] or "").title(), (match[3] or "").upper()]
    try:
        return str(Language("-".join(part for part in parts if part)))
    except InvalidSyntax:
        return ""


def template_values(content: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a template may use."""
    published = content.get("published") or ""
    return {
        "title": content.get("title", ""),
        "summary": content.get("summary", ""),
        "link": content.get("link", ""),
        "author": content.get("author", ""),
        "tags": list(content.get("tags", ())),
        "hashtags": hashtags(content.get("tags", ())),
        "published": datetime.fromisoformat(published) if published else "",
        "feed_title": content.get("feed_title", ""),
    }


def draft_row(content: Mapping[str, Any], template: Fitting, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a draft (names of `compose.draft`) for an item. Raises InputError for an empty text."""
    text = template.fitted(template_values(content), shorten=bool(settings.get("shorten", True)))
    choice = settings.get("images", "auto")
    link = content.get("link", "")
    # A card that is asked for stops a post when its page may not be opened; one for a link in the text does not.
    row: dict[str, Any] = {"text": text, "markdown": False, "card": "auto" if link in text else link}
    langs = settings.get("langs") or ([content["lang"]] if content.get("lang") else [])
    if langs:
        row["langs"] = langs
    if settings.get("labels"):
        row["labels"] = list(settings["labels"])
    images: Sequence[Mapping[str, str]] = content.get("images", ())
    if choice == "auto":
        images = [image for image in images if image["alt"]]
    if choice in ("card", "none"):
        images = ()
    if choice == "none":
        row["card"] = "none"
    if images:
        row["images"] = [{"url": image["url"], "alt": image["alt"]} for image in images[:IMAGES_MAX]]
        row["card"] = "none"
    if not text and "images" not in row:
        raise InputError("The template gives an empty text for this item.", hint="Use {{ title }} or {{ summary }}.")
    return row
