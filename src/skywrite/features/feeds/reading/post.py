"""From an entry of a feed to a draft: the values of a template, images, languages. Pure.

What lives here: the content of an item in the ledger while it waits, and the row of a draft made from it. What does
not: checking the draft and fitting its images (`compose`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from skywrite.core.errors import InputError
from skywrite.features.feeds.reading.entry import FeedDocument, FeedEntry, FeedImage
from skywrite.features.feeds.reading.formats import resolved
from skywrite.posting.sources.html_text import LinkedText, html_images, html_with_links
from skywrite.posting.sources.template import hashtags
from skywrite.protocol.atproto.syntax import InvalidSyntax, Language
from skywrite.protocol.bsky.richtext import parse_markdown_links

SUMMARY_LENGTH_MAX = 3_000
TITLE_LENGTH_MAX = 1_000
IMAGES_MAX = 4
LINKS_MAX = 30
AROUND = 24
IMAGE_CHOICES = ("auto", "all", "card", "none")


_NOWHERE = "https://invalid.invalid/"


class Fitting(Protocol):
    """Makes a post's text from an item's values: a `Template`, here or in the child process."""

    def fitted(self, values: Mapping[str, Any], *, shorten: bool = True) -> str:
        """The text, fitted into one post."""
        ...


def content_of(entry: FeedEntry, document: FeedDocument) -> dict[str, Any]:
    """The content of an item in the ledger until it is posted: JSON, clean text, absolute addresses."""
    linked = html_with_links(entry.summary_html)
    if not linked.text:
        linked = html_with_links(entry.content_html)
    return {
        "title": entry.title[:TITLE_LENGTH_MAX],
        "summary": linked.text[:SUMMARY_LENGTH_MAX],
        "links": _links(entry, linked),
        "link": entry.link,
        "author": entry.author,
        "tags": list(entry.tags),
        "published": entry.published_at.isoformat() if entry.published_at else "",
        "feed_title": document.title[:TITLE_LENGTH_MAX],
        "lang": language(entry.lang) or language(document.lang),
        "images": [{"url": image.url, "alt": image.alt} for image in _images(entry)],
        "videos": [{"url": video.url, "alt": video.alt} for video in entry.videos[:1]],
    }


def _absolute(address: str, entry: FeedEntry) -> str:
    """An address in an item's text made absolute; empty if it is not one."""
    url = resolved(address, entry.base or entry.link or _NOWHERE)
    return "" if url.startswith(_NOWHERE) else url


def _links(entry: FeedEntry, linked: LinkedText) -> list[tuple[int, int, str]]:
    """The links in a summary: start, end, address. Hashtags are left to the network."""
    links = []
    for start, end, address in linked.links:
        url = _absolute(address, entry)
        if url and end <= SUMMARY_LENGTH_MAX and linked.text[start:end] != url and linked.text[start] != "#":
            links.append((start, end, url))
    return links[:LINKS_MAX]


def _images(entry: FeedEntry) -> list[FeedImage]:
    images = {image.url: image for image in entry.images}
    for html in (entry.content_html, entry.summary_html):
        for address, alt in html_images(html):
            url = _absolute(address, entry)
            if url and not (url in images and images[url].alt):
                images[url] = FeedImage(url, alt)
    return list(images.values())[: 2 * IMAGES_MAX]


def language(text: str) -> str:
    """A feed's language in the form of posts; empty if it is not one."""
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
    link = content.get("link", "")
    markdown = with_links(text, content.get("summary", ""), content.get("links", ()))
    row: dict[str, Any] = {"text": text, "markdown": False}
    if markdown:
        row = {"text": markdown, "markdown": True}
    # A feed's author cannot notify anybody through our posts, unless the user allows it.
    row["mentions"] = bool(settings.get("mentions", False))
    # An explicit card fails the post if its page may not be opened; one for a link in the text does not.
    row["card"] = "auto" if link in text and not (markdown and link) else link or "auto"
    langs = settings.get("langs", [content["lang"]] if content.get("lang") else [])
    if langs:
        row["langs"] = langs
    if settings.get("labels"):
        row["labels"] = list(settings["labels"])
    media = _media_of(content, settings.get("images", "auto"))
    row.update(media)
    if not text and not media.keys() & {"images", "video"}:
        raise InputError("The template produces an empty text for this item.", hint="Use {{ title }} or {{ summary }}.")
    return row


def spare_rows(
    row: Mapping[str, Any], content: Mapping[str, Any], settings: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """The row with less and less media, if some cannot be fetched: images instead of a video, a card instead of images,
    nothing.
    """
    bare = {name: value for name, value in row.items() if name not in ("images", "video")}
    if "video" in row and (images := _images_of(content, settings.get("images", "auto"))):
        yield {**bare, "images": images}
    if not row["text"]:
        return
    if "video" in row or "images" in row:
        yield {**bare, "card": "auto"}
        yield bare
    elif row["card"] != "none":
        yield {**bare, "card": "none"}


def _media_of(content: Mapping[str, Any], choice: str) -> dict[str, Any]:
    """The video of an item, or its images, if they are wanted."""
    if choice in ("card", "none"):
        return {"card": "none"} if choice == "none" else {}
    if content.get("videos"):
        return {"video": dict(content["videos"][0]), "card": "none"}
    images = _images_of(content, choice)
    return {"images": images, "card": "none"} if images else {}


def _images_of(content: Mapping[str, Any], choice: str) -> list[dict[str, str]]:
    images = [image for image in content.get("images", ()) if image["alt"] or choice == "all"]
    return [{"url": image["url"], "alt": image["alt"]} for image in images[:IMAGES_MAX]]


def with_links(text: str, summary: str, links: Iterable[Sequence[Any]]) -> str:
    """The text as Markdown with the links of its summary; empty if it contains none of them.

    A link is found by its label and the text around it, because a template may shorten and move the summary.
    """
    spans: list[tuple[int, int, str]] = []
    for start, end, url in links:
        before, label = summary[max(0, start - AROUND) : start], summary[start:end]
        place = text.rfind(before + label + summary[end : end + AROUND])
        place = place if place >= 0 else text.rfind(before + label)
        begin = place + len(before)
        if place >= 0 and not any(begin < other[1] and other[0] < begin + len(label) for other in spans):
            spans.append((begin, begin + len(label), url))
    pieces, done = [], 0
    for begin, end, url in sorted(spans):
        label = re.sub(r"([\[\]\\])", r"\\\1", text[begin:end])
        pieces += [text[done:begin], f"[{label}](", re.sub(r"([()\\])", r"\\\1", url), ")"]
        done = end
    markdown = "".join([*pieces, text[done:]])
    read = parse_markdown_links(markdown)
    # Other Markdown characters in the text might change its meaning: then it stays plain.
    is_same = read.text == text and [facet.value for facet in read.facets] == [url for _, _, url in sorted(spans)]
    return markdown if spans and is_same else ""
