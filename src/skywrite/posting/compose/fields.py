"""What a field of a post is, to everybody who reads one (Python, tables, files, requests, the command line, threads),
and the values that are more than words: media, cards, replies.

What lives here: `PostField`, the options of a row, which say when and where it goes out, and these values; named
tuples, because their classes are created ten times faster than dataclasses when `skywrite post` starts. What does not:
the fields themselves, each with its type and default (`draft.Draft`), and how a source spells their values (`sources`).
"""

from typing import Any, Literal, NamedTuple

from skywrite.protocol.atproto.syntax import Ref

Kind = Literal[
    "text", "texts", "flag", "choice", "images", "video", "card", "quote", "reply", "thread", "facets", "embed"
]
Scope = Literal["own", "shared", "reading", "first"]

# What the rows of a table have besides the fields of a post.
OPTIONS = ("at", "account", "key", "late", "jitter")
RECURRENCE_OPTIONS = ("every", "until", "pool", "grammar", "distinct", "zone", "exceptions")
ROW_OPTIONS = (*OPTIONS, "draft", *RECURRENCE_OPTIONS)


class PostField(NamedTuple):
    """One field of a post. `Draft` declares it, and gives it its name and default.

    `kind`: how its value is read. `words`: what a choice may be; what a flag may be besides true and false.
    `scope`: in a thread that is written as one text, each post has its "own", or all have the same ("shared"; "reading"
    if it also says how a text is read), or only the "first" has one.
    `is_offered`: whether requests and the command line have it; tables have every field, files all but parts of
    records. `is_setting`: whether a setting of the account with its name is its default.
    """

    kind: Kind
    words: tuple[str, ...] = ()
    scope: Scope = "own"
    is_offered: bool = True
    is_setting: bool = False
    name: str = ""
    default: Any = None

    @property
    def is_shared(self) -> bool:
        """Whether it counts for each post of a thread that is written as one text."""
        return self.scope in ("shared", "reading")

    @property
    def is_media(self) -> bool:
        """Whether files may be in it."""
        return self.kind in ("images", "video")

    @property
    def is_record(self) -> bool:
        """Whether it is a part of a record, which only programs make."""
        return self.kind in ("facets", "embed")

    @property
    def needs_lookup(self) -> bool:
        """Whether its value always names something elsewhere: a file or a record."""
        return self.is_media or self.is_record or self.kind in ("quote", "reply")


class Stored(NamedTuple):
    """Prepared bytes, identified by their CID. `size` in bytes; width and height in pixels."""

    cid: str
    mime: str
    size: int
    width: int | None = None
    height: int | None = None

    @property
    def words(self) -> str:
        """What it is, where it has no name."""
        kind = self.mime.partition("/")[0]
        return f"The {kind}" if kind in ("image", "video") else "The file"

    def blob(self) -> dict[str, Any]:
        """The blob object of a record (AT Protocol data model, blob type)."""
        return {"$type": "blob", "ref": {"$link": self.cid}, "mimeType": self.mime, "size": self.size}


class Media(NamedTuple):
    """Where bytes come from: a file, an address, the bytes themselves, or bytes stored already.

    Exactly one of them is set.
    """

    path: str | None = None
    url: str | None = None
    data: bytes | None = None
    stored: Stored | None = None
    name: str = ""

    def __repr__(self) -> str:
        return f"Media({self.label!r})"

    @property
    def label(self) -> str:
        """Its name in messages."""
        return self.name or self.path or self.url or (self.stored.words if self.stored else "The data")


class Image(NamedTuple):
    """An image and its alternative text."""

    media: Media
    alt: str = ""


class Caption(NamedTuple):
    """Subtitles of a video in one language (WebVTT or SRT)."""

    lang: str
    media: Media


class Video(NamedTuple):
    """A video; with `gif` it plays silently in a loop."""

    media: Media
    alt: str = ""
    captions: tuple[Caption, ...] = ()
    gif: bool = False


class Card(NamedTuple):
    """A link card. `associated` are strong references of a standard.site document. `thumb` is Stored once resolved."""

    url: str
    title: str = ""
    description: str = ""
    thumb: Stored | Media | None = None
    associated: tuple[Ref, ...] = ()


class Reply(NamedTuple):
    """What a post replies to (app.bsky.feed.post#replyRef)."""

    root: Ref
    parent: Ref
