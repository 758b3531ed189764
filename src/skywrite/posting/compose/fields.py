"""What a field of a post is, to everybody who reads one: Python, tables, files, requests, the command line, threads.

What lives here: `PostField`, and the options of a row, which say when and where it goes out. What does not: the fields
themselves, each with its type and default (`draft.Draft`), and how a source spells their values (`sources`).
"""

from typing import Any, Literal, NamedTuple

Kind = Literal[
    "text", "texts", "flag", "choice", "images", "video", "card", "quote", "reply", "thread", "facets", "embed"
]
Scope = Literal["own", "shared", "reading", "first"]

# What the rows of a table have besides the fields of a post.
OPTIONS = ("at", "account", "key", "late", "jitter")
RECURRENCE_OPTIONS = ("every", "until", "pool", "zone", "exceptions")
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
