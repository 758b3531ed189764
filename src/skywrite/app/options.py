"""What `post`, `schedule`, `every` and the functions that answer take by name, for editors and type checkers.

What lives here: types alone, which no program loads. What does not: the checks of values (`compose.draft`), which are
the same for rows of tables, front matter and JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

from skywrite.app.sending import Progress
from skywrite.posting.compose.draft import Draft, Markdown, Numbering
from skywrite.posting.compose.fields import Card, Image, Media, Reply, Video
from skywrite.protocol.atproto.syntax import Ref

AnyMedia: TypeAlias = str | PathLike[str] | bytes | Mapping[str, Any] | Media
AnyImage: TypeAlias = AnyMedia | Image | tuple[str | PathLike[str] | bytes, str]
Texts: TypeAlias = str | Iterable[str]


class DraftFields(TypedDict, total=False):
    """The fields of a draft besides its text (see `compose.draft.Draft`)."""

    images: AnyImage | Iterable[AnyImage] | None
    video: AnyMedia | Video | None
    card: str | bool | Mapping[str, Any] | Card | None
    quote: str | Mapping[str, Any] | Ref | None
    reply_to: str | Mapping[str, Any] | Reply | None
    replies: Texts | None
    quotes: bool | None
    labels: Texts | None
    langs: Texts | None
    tags: Texts | None
    markdown: Markdown | None
    shorten: bool | None
    tidy: bool | None
    mentions: bool | None
    split: bool | None
    numbering: Numbering | None
    campaign: str | None
    facets: Iterable[Mapping[str, Any]] | None
    embed: Mapping[str, Any] | None
    thread: Iterable[str | Mapping[str, Any] | Draft] | None


class EditedFields(DraftFields, total=False):
    """What `posts.edit` changes."""

    text: str
    late: str | None


class PostOptions(DraftFields, total=False):
    """What `post` takes by name."""

    account: str | None
    key: str | None
    base: Path | None
    progress: Progress | None


class ScheduleOptions(DraftFields, total=False):
    """What `schedule` takes by name, besides `dry_run`."""

    at: str | datetime | None
    every: str | None
    account: str | None
    key: str | None
    late: str | None
    jitter: str | None
    until: str | datetime | None
    skip: Sequence[str] | None
    pool: Sequence[Any] | None
    grammar: Path | str | Mapping[str, Any] | None
    distinct: int | None
    zone: str | None
    draft: bool
    base: Path | None
    source: str | None


class EveryOptions(TypedDict, total=False):
    """What `every` takes by name."""

    zone: str | None
    account: str | None
    late: str | None
    name: str | None


class MentionOptions(TypedDict, total=False):
    """What `on_mention` takes by name."""

    account: str | None
    retract: bool


class ListenerOptions(MentionOptions, total=False):
    """What `on_reply` and `on_quote` take by name."""

    unasked: bool
