"""The card of a page: title, description, image and its own records, from what the page says about itself.

What lives here: which tags a card takes, and the cleaning of untrusted text. What does not: fitting the image
(`media.prepare_thumb`), the record of the card (`bsky.embed`), strong references (they need the network's records).

Open Graph comes first, then Twitter's tags, then `<title>` and the description. No meta refresh, no scripts, no oEmbed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from skywrite.core import contained
from skywrite.core.errors import InputError, SkywriteError, TemporaryError
from skywrite.core.http import parse_url
from skywrite.protocol.atproto.syntax import AtUri, InvalidSyntax
from skywrite.protocol.bsky.graphemes import fits_graphemes, graphemes
from skywrite.protocol.fetch.fetch import Fetched, Fetcher, FetchFailed, FetchRejected
from skywrite.protocol.fetch.guard import AddressRefused
from skywrite.protocol.fetch.page import MAX_PAGE_BYTES, Page, read_page_bytes

CARD_TIMEOUT_SECONDS = 20.0
IMAGE_BYTES_MAX = 8_000_000
IMAGES_TRIED_MAX = 3
TITLE_GRAPHEMES_MAX = 300
DESCRIPTION_LENGTH_MAX = 1000
# app.bsky.embed.getEmbedExternalView accepts at most four.
ASSOCIATED_MAX = 4

_PAGE_ACCEPT = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5"
_IMAGE_ACCEPT = "image/jpeg,image/png,image/webp,image/gif;q=0.9,image/*;q=0.8,*/*;q=0.1"
_HTML_TYPES = ("text/html", "application/xhtml+xml")
_IMAGE_TAGS = ("og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src")
_RECORD_RELS = ("site.standard.document", "site.standard.publication")
_IMAGE_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
# Controls, embeddings and overrides of writing direction, invisible fillers, surrogates, non-characters.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


@dataclass(frozen=True, slots=True)
class Card:
    """What a card shows. `uri` is the address as given; `image` is the image's file, unchecked and not yet fitted.

    `associated_uris` are what the page claims to be its own records (standard.site document first, then publication).
    `app.bsky.embed.external#associatedRefs` also needs their CIDs, which must be read from the network. `warnings` are
    sentences about what is missing.
    """

    uri: str
    title: str
    description: str
    image: bytes | None = None
    image_url: str | None = None
    associated_uris: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def fetch_card(fetcher: Fetcher, url: str, *, timeout_seconds: float = CARD_TIMEOUT_SECONDS) -> Card:
    """Make the card of a page. Page and image together take at most `timeout_seconds`.

    Raises AddressRefused for an address that may not be opened (the writer's mistake, or the page redirects there), and
    SkywriteError for every fault of the page, which callers turn into a warning. If only the image fails, the card
    itself has a warning. Anything that is not a page (an image, a PDF) gets a card with its file name.
    """
    deadline = fetcher.clock.monotonic() + timeout_seconds
    contained.warm_up()
    try:
        fetched = fetcher.fetch(url, max_bytes=MAX_PAGE_BYTES, timeout_seconds=timeout_seconds, accept=_PAGE_ACCEPT)
    except (FetchFailed, FetchRejected) as error:
        raise SkywriteError(error.message, code="card.failed", hint=error.hint) from None
    uri = _plain(url)
    mime = fetched.headers.get("content-type", "").partition(";")[0].strip().lower()
    if mime.startswith("image/") or (not mime and fetched.body.startswith(_IMAGE_STARTS)):
        return _image_card(fetcher, uri, fetched, deadline)
    if mime not in _HTML_TYPES and not (not mime and _looks_like_html(fetched.body)):
        return Card(uri, _file_title(fetched.url), "")
    try:
        page = contained.call(read_page_bytes, fetched.body, fetched.headers.get("content-type", ""))
    except (contained.TooCostly, TemporaryError) as error:
        raise SkywriteError(f"{uri}: {error.message}", code="card.failed", hint=error.hint) from None
    image, image_url, warnings = _image(fetcher, page, fetched.url, deadline)
    return Card(
        uri=uri,
        title=clean_title(page.meta("og:title", "twitter:title") or page.title) or _file_title(fetched.url),
        description=clean_description(page.meta("og:description", "twitter:description", "description")),
        image=image,
        image_url=image_url,
        associated_uris=_records(page),
        warnings=warnings,
    )


def clean(text: str) -> str:
    """Text on one line, without control characters and marks that change the writing direction."""
    return " ".join(_UNWANTED.sub("", text).split())


def clean_title(text: str) -> str:
    """A title of at most 300 graphemes, cut with an ellipsis."""
    # A grapheme can have any length, so characters are limited too.
    title = clean(text)[: TITLE_GRAPHEMES_MAX * 10]
    if fits_graphemes(title, TITLE_GRAPHEMES_MAX):
        return title
    return "".join(graphemes(title)[: TITLE_GRAPHEMES_MAX - 1]).rstrip() + "…"


def clean_description(text: str) -> str:
    """A description of at most 1000 characters, cut at the end of a word with an ellipsis."""
    description = clean(text)
    if len(description) <= DESCRIPTION_LENGTH_MAX:
        return description
    cut = description[:DESCRIPTION_LENGTH_MAX]
    end = cut.rfind(" ")
    # A language without spaces has no word end near.
    return cut[: end if end > DESCRIPTION_LENGTH_MAX // 2 else DESCRIPTION_LENGTH_MAX - 1].rstrip() + "…"


def _plain(url: str) -> str:
    """The address as given if it is already a URI (ASCII, no blanks), else as the HTTP client writes it."""
    return url if url.isascii() and url.isprintable() and " " not in url else parse_url(url).text


def _looks_like_html(data: bytes) -> bool:
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<meta", b"<title", b"<body"))


def _file_title(url: str) -> str:
    parts = urlsplit(url)
    name = PurePosixPath(unquote(parts.path)).name
    return clean_title(name) or parts.hostname or url


def _image_card(fetcher: Fetcher, uri: str, fetched: Fetched, deadline: float) -> Card:
    title = _file_title(fetched.url)
    if not fetched.truncated:
        return Card(uri, title, "", fetched.body, fetched.url)
    image, problem = _download(fetcher, fetched.url, None, deadline)
    return Card(uri, title, "", image, fetched.url if image else None, warnings=(problem,) if problem else ())


def _image(
    fetcher: Fetcher, page: Page, page_url: str, deadline: float
) -> tuple[bytes | None, str | None, tuple[str, ...]]:
    """The first image that can be fetched and its address, or the reason why there is none."""
    base = page_url
    if page.base:
        try:
            base = parse_url(page.base, page_url).text
        except InputError:
            base = page_url
    named = list(dict.fromkeys(value.strip() for value in [*page.meta_all(*_IMAGE_TAGS), *page.hrefs("image_src")]))
    problems = []
    for name in named[:IMAGES_TRIED_MAX]:
        image, problem = _download(fetcher, name, base, deadline)
        if image:
            return image, parse_url(name, base).text, ()
        problems.append(problem)
    return None, None, tuple(problems[:1])


def _download(fetcher: Fetcher, name: str, base: str | None, deadline: float) -> tuple[bytes | None, str]:
    left = deadline - fetcher.clock.monotonic()
    if left <= 0:
        return None, "The card has no image: the page itself used up the time limit."
    try:
        url = parse_url(name, base).text
        fetched = fetcher.fetch(url, max_bytes=IMAGE_BYTES_MAX, timeout_seconds=left, accept=_IMAGE_ACCEPT)
    except (AddressRefused, FetchFailed, FetchRejected, InputError) as error:
        return None, f"The card has no image: {error.message}"
    if fetched.truncated:
        return None, f"The card has no image: {url} is larger than {IMAGE_BYTES_MAX // 1_000_000} MB."
    if not fetched.body:
        return None, f"The card has no image: {url} is empty."
    return fetched.body, ""


def _records(page: Page) -> tuple[str, ...]:
    """The at-uris that a page names as its standard.site document and publication."""
    uris = []
    for rel in _RECORD_RELS:
        for href in page.hrefs(rel):
            try:
                uri = AtUri(href)
            except InvalidSyntax:
                continue
            if uri.collection == rel and uri.rkey:
                uris.append(str(uri))
    return tuple(dict.fromkeys(uris))[:ASSOCIATED_MAX]
