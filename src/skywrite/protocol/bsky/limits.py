"""What the network accepts in a post: the published limits, and the checks of text, languages, tags and labels.

What lives here: constants of the app.bsky lexicons, and checks that say what is wrong and what to do. What does not:
checks of embeds (`embed`) and of whole records (`post`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache

from skywrite.core.clock import to_iso
from skywrite.core.errors import InputError
from skywrite.protocol.bsky.graphemes import fits_graphemes, grapheme_length

POST = "app.bsky.feed.post"

TEXT_GRAPHEMES_MAX = 300
TEXT_BYTES_MAX = 3_000
LANGS_MAX = 3
TAGS_MAX = 8
TAG_GRAPHEMES_MAX = 64
TAG_BYTES_MAX = 640
LABELS_MAX = 10
IMAGES_MAX = 4
GALLERY_MAX = 10
IMAGE_BYTES_MAX = 2_000_000
THUMB_BYTES_MAX = 1_000_000
VIDEO_BYTES_MAX = 300_000_000
CAPTIONS_MAX = 20
CAPTION_BYTES_MAX = 20_000
GATE_RULES_MAX = 5

SELF_LABELS = ("!hide", "!warn", "!no-unauthenticated", "porn", "sexual", "nudity", "graphic-media", "bot")


def check_characters(text: str) -> None:
    """Raise InputError if a text contains NUL or a lone surrogate."""
    place = text.find("\0")
    if place >= 0:
        raise InputError(
            f"The text contains a NUL character (character {place + 1}).",
            code="text.invalid",
            hint="Remove it; such text often comes from a binary file or from UTF-16 read as UTF-8.",
        )
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"The text contains half a character: the surrogate U+{ord(text[error.start]):04X} "
            f"(character {error.start + 1}).",
            code="text.invalid",
            hint="Read the text as UTF-8, and cut it at whole characters.",
        ) from None


def check_text(text: str, *, empty_allowed: bool = False) -> None:
    """Raise InputError if a post cannot have this text."""
    check_characters(text)
    if not empty_allowed and not text.strip():
        raise InputError(
            "The post is empty.", code="post.empty", hint="Give it a text, an image, a video, a card or a quote."
        )
    if not fits_graphemes(text, TEXT_GRAPHEMES_MAX):
        count = grapheme_length(text)
        raise InputError(
            f"The text has {count} characters (graphemes); the maximum is {TEXT_GRAPHEMES_MAX}.",
            code="text.too_long",
            hint=f"Shorten it by {count - TEXT_GRAPHEMES_MAX}, or split it into a thread.",
        )
    size = len(text.encode())
    if size > TEXT_BYTES_MAX:
        raise InputError(
            f"The text has {size} bytes; the maximum is {TEXT_BYTES_MAX}.",
            code="text.too_long",
            hint="Use fewer combining marks or emoji sequences, or split it into a thread.",
        )


def usual_case(lang: str) -> str:
    """A language tag as it is usually written (RFC 5646, 2.1.1), also from `EN` or `DE-at`; anything else unchanged."""
    first, *rest = lang.split("-")
    if not (first.isascii() and first.isalpha() and len(first) in (2, 3)):
        return lang
    cased = [part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part.lower() for part in rest]
    # After a single letter come extensions, which are written small.
    small = next((place for place, part in enumerate(rest) if len(part) == 1), len(rest))
    return "-".join([first.lower(), *cased[:small], *(part.lower() for part in rest[small:])])


def check_langs(langs: Sequence[str], *, exact: bool = False) -> list[str]:
    """The languages in their usual case (unless `exact`: of a record that is sent as it is), without repetitions.

    Raises InputError for a bad tag and for more than three; and, unless `exact`, for one that names no language.
    """
    from skywrite.protocol.atproto.syntax import InvalidSyntax, Language
    from skywrite.protocol.bsky.languages import is_language, meant_language

    unique: list[str] = []
    for lang in _listed(langs, "Languages"):
        try:
            tag = str(Language(usual_case(lang) if isinstance(lang, str) and not exact else lang))
        except InvalidSyntax:
            tag = ""
        if not tag or not (exact or is_language(tag)):
            meant = meant_language(lang) if isinstance(lang, str) else ""
            raise InputError(
                f"{_shown(lang)} is not a language{'' if tag else ' tag'}.",
                code="language.invalid",
                hint=f"Did you mean {meant}?" if meant else "Use a BCP 47 tag such as en, de or pt-BR.",
            )
        if tag not in unique:
            unique.append(tag)
    if len(unique) > LANGS_MAX:
        raise InputError(
            f"{len(unique)} languages are given; the maximum is {LANGS_MAX}.",
            code="language.invalid",
            hint="Name the main ones.",
        )
    return unique


def check_tags(tags: Sequence[str]) -> list[str]:
    """The tags outside the text, without their leading `#` and without repetitions.

    Raises InputError for empty tags, for tags over 64 graphemes or 640 bytes, for several in one, and for more than
    eight.
    """
    unique: list[str] = []
    for value in _listed(tags, "Tags"):
        tag = value.strip() if isinstance(value, str) else value
        if isinstance(tag, str) and tag[:1] in ("#", "\uff03"):
            tag = tag[1:].strip()
        check_tag(tag)
        _check_is_one(tag)
        if tag not in unique:
            unique.append(tag)
    if len(unique) > TAGS_MAX:
        raise InputError(
            f"{len(unique)} tags are given; the maximum is {TAGS_MAX}.", code="tag.invalid", hint="Leave some out."
        )
    return unique


def _check_is_one(tag: str) -> None:
    """Raise InputError for several tags in one text, as people write a list of them."""
    several = [part for part in _between_tags().split(tag) if part.strip()]
    if _between_tags().search(tag):
        each = " and ".join(f'"{part.strip()}"' for part in several) or "a word"
        raise InputError(
            f"The tag {_shown(tag)} may be several.",
            code="tag.invalid",
            hint=f"Give each one by itself: {each}; in a cell of a table, with | between them.",
        )


def check_tag(tag: object) -> None:
    """Raise InputError unless this can be a tag (without its `#`)."""
    if not isinstance(tag, str):
        raise InputError(f"A tag must be text, not {type(tag).__name__}.", code="tag.invalid", hint="Use a word.")
    if not tag:
        raise InputError("A tag is empty.", code="tag.invalid", hint="Leave it out, or use a word.")
    check_characters(tag)
    if not fits_graphemes(tag, TAG_GRAPHEMES_MAX) or len(tag.encode()) > TAG_BYTES_MAX:
        raise InputError(
            f"The tag {_shown(tag)} is too long; it may have {TAG_GRAPHEMES_MAX} characters and {TAG_BYTES_MAX} bytes.",
            code="tag.invalid",
            hint="Shorten it.",
        )


def check_time(at: object) -> str:
    """A time as records contain it. Raises InvalidTime for datetimes without a zone and for other text formats."""
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise InputError(
                f"{at} has no time zone.",
                code="timestamp.invalid",
                hint="Use an aware datetime, such as datetime.now(UTC).",
            )
        return to_iso(at)
    from skywrite.protocol.atproto.syntax import Datetime, InvalidSyntax

    try:
        return str(Datetime(at))  # type: ignore[arg-type]  # it says so itself when it is no text
    except InvalidSyntax as error:
        raise InputError(error.message, code="timestamp.invalid", hint=error.hint) from None


def check_labels(labels: Sequence[str]) -> list[str]:
    """The self-labels, without repetitions. Raises InputError, which suggests similar labels."""
    unique: list[str] = []
    for label in _listed(labels, "Labels"):
        if label not in SELF_LABELS:
            raise InputError(
                f"{_shown(label)} is not a known label.", code="label.unknown", hint=_label_hint(str(label))
            )
        if label not in unique:
            unique.append(label)
    return unique


def is_uri(text: object) -> bool:
    """Whether the server accepts a text as a uri (format `uri` of the lexicon language)."""
    return isinstance(text, str) and _uri().fullmatch(text) is not None


@cache
def _between_tags() -> re.Pattern[str]:
    """What stands between several tags in one text."""
    return re.compile(r"[,;，、；]|\s[#＃]")


@cache
def _uri() -> re.Pattern[str]:
    from skywrite.protocol.bsky.detection import JS_SPACE

    return re.compile(rf"\w+:(?://)?[^{JS_SPACE}/][^{JS_SPACE}]*", re.ASCII)


# What other networks call them.
_LABELS_ELSEWHERE = {
    **dict.fromkeys(("nsfw", "adult", "18+", "mature", "explicit", "sensitive", "r18"), "sexual, nudity or porn"),
    **dict.fromkeys(("gore", "violence", "graphic", "blood"), "graphic-media"),
    **dict.fromkeys(("spoiler", "spoilers", "cw", "tw", "warning"), "!warn"),
}


def _label_hint(label: str) -> str:
    from difflib import get_close_matches

    word = label.strip().lower().lstrip("#!")
    if meant := _LABELS_ELSEWHERE.get(word):
        return f"Did you mean {meant}?"
    near = get_close_matches(word, [known.lstrip("!") for known in SELF_LABELS], 1, 0.7)
    known = [name for name in SELF_LABELS if near and name.lstrip("!") == near[0]]
    return f"Did you mean {known[0]}?" if known else f"Known labels: {', '.join(SELF_LABELS)}."


def _listed(values: Sequence[str], called: str) -> Sequence[str]:
    # A single string is a sequence of letters, which nobody wants here.
    if isinstance(values, str):
        raise InputError(f"{called} must be a list, not one text.", hint=f'Write ["{values[:20]}"].')
    return values


def _shown(value: object) -> str:
    return repr(value if not isinstance(value, str) or len(value) <= 80 else f"{value[:80]}...")
