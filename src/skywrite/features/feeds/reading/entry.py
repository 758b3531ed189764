"""The content of a feed, whatever its format: plain values, without any parsing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from skywrite.core.errors import RejectedError


class FeedUnreadable(RejectedError):
    """What was fetched is not a readable feed; this is reported, and the feed polled again later."""

    code = "feed.unreadable"


@dataclass(frozen=True, slots=True)
class FeedImage:
    """An image that an entry names, with its description (may be empty)."""

    url: str
    alt: str = ""


@dataclass(frozen=True, slots=True)
class FeedVideo:
    """A video file that an entry names, with its description (may be empty)."""

    url: str
    alt: str = ""


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One item. `guid` is as written, empty without one; `link` is absolute, empty without one.

    `title` is clean text. `summary_html` and `content_html` are HTML, limited in size, but not sanitised; relative
    addresses in them are relative to `base`, or to the link if that is empty. `published_at` is UTC.
    """

    guid: str = ""
    link: str = ""
    title: str = ""
    summary_html: str = ""
    content_html: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    published_at: datetime | None = None
    images: tuple[FeedImage, ...] = ()
    videos: tuple[FeedVideo, ...] = ()
    lang: str = ""
    base: str = ""


@dataclass(frozen=True, slots=True)
class FeedDocument:
    """A whole feed. `entries` are in the feed's own order. `interval_seconds`: how often it asks to be polled at most.

    `warnings` name the entries that could not be read.
    """

    title: str
    link: str
    entries: tuple[FeedEntry, ...]
    lang: str = ""
    interval_seconds: int | None = None
    warnings: tuple[str, ...] = ()
