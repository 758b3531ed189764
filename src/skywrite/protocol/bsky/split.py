"""A long text as the posts of a thread.

What lives here: where to cut, and numbering. A post ends at the end of the last paragraph that fits, else of the last
line or sentence, else of the last word; never inside a facet (link, mention, hashtag) or a grapheme. A word that is too
long for a post is cut between graphemes. Only white space at a cut is dropped.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from skywrite.core.errors import InputError
from skywrite.protocol.bsky.detection import JS_SPACES
from skywrite.protocol.bsky.facets import ByteOffsets, Facet, RichText, utf8_length, without_overlaps
from skywrite.protocol.bsky.graphemes import fits_graphemes, grapheme_length, graphemes
from skywrite.protocol.bsky.limits import TEXT_BYTES_MAX, TEXT_GRAPHEMES_MAX, check_characters
from skywrite.protocol.bsky.richtext import detect, shorten_links

NUMBERINGS = ("none", "1/n", "thread")
THREAD_SIGN = "\U0001f9f5"

# Sentence ends count only if they leave a post at least a quarter full, and so do word ends before a word that must be
# cut anyway.
_LEAST_FILLED = 4
_HANDLE_CHARACTERS_MAX = 253
# Leaves room for the number of a post.
_LINK_SHOWN_MAX = 280

# Cut at everything that JavaScript trims, except no-break spaces.
_SPACES = "".join(space for space in JS_SPACES if space not in "\xa0\u202f\ufeff")
_SENTENCE_END = r"[.!?\u2026\u203c\u2047-\u2049\u061f\u06d4\u0964\u0965]+[\"'\u2019\u201d\u00bb)\]]*$"
_ABBREVIATION = r"(?:^|[\s(])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|e\.g|i\.e|etc|z\.B|d\.h|bzw|ca|cf|No|Nr)\.$"
_IDEOGRAPH = "\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_CLOSING = "\u3001\u3002\uff0c\uff0e\uff01\uff1f\uff1b\uff1a\u300d\u300f\uff09\u3011\u3009\u300b\u2019\u201d\u2026"
_NOT_FIRST = (
    f"{_CLOSING}\u3041\u3043\u3045\u3047\u3049\u3063\u3083\u3085\u3087\u30a1-\u30a9\u30c3\u30e3-\u30e7\u30fc\u3005"
)
_WIDE_SENTENCE = rf"[\u3002\uff01\uff1f][{_CLOSING}]*(?![{_CLOSING}])"
_WIDE_WORD = rf"(?<=[{_IDEOGRAPH}{_CLOSING}])(?=[{_IDEOGRAPH}])(?![{_NOT_FIRST}])"


class _Room(NamedTuple):
    """The room that a post has besides its number."""

    graphemes: int
    bytes: int


class _Cut(NamedTuple):
    """One post's text is text[start:end]; the next post begins at `resume`."""

    start: int
    end: int
    resume: int


class _Kept(NamedTuple):
    """What must not be cut: characters from `start` to `end`."""

    start: int
    end: int
    facet: Facet


def split_text(text: str, numbering: str = "none") -> list[str]:
    """The posts of a thread. A text that fits becomes a single post, unchanged.

    `numbering`: `none`; `1/n` ends every post with its number and the total; `thread` (or the emoji itself) ends the
    first with a spool of thread. Each post has at most 300 graphemes and 3000 bytes, including the number. Detected
    links, mentions and hashtags stay whole. Raises InputError.
    """
    # A link cannot be shortened here: in plain text, the visible text is all there is.
    return [part.text for part in _split(detect(RichText(text)), numbering)]


def split_rich(rich: RichText, numbering: str = "none", *, posts_max: int | None = None) -> list[RichText]:
    """The same for a text with facets. The results have them with offsets into their post.

    Raises InputError for a text that takes more than `posts_max`, without looking at what comes after these.
    If the text does not fit, a link that shows its whole URL and is about as long as a post is shortened.
    """
    shorter = rich if _fits(rich.text, _room("")) else shorten_links(rich, longer_than=_LINK_SHOWN_MAX)
    return _split(shorter, numbering, posts_max)


def _split(rich: RichText, numbering: str, posts_max: int | None = None) -> list[RichText]:
    check_characters(rich.text)
    numbering = "thread" if numbering == THREAD_SIGN else numbering
    if numbering not in NUMBERINGS:
        raise InputError(
            f"{numbering!r} is not a numbering style.", code="numbering.unknown", hint=f"Use {', '.join(NUMBERINGS)}."
        )
    if _fits(rich.text, _room("")):
        return [rich]
    kept = list(_kept(rich))
    first, last = _without_ends(rich.text, kept)
    if _fits(rich.text[first:last], _room("")):
        return _parts(rich, [_Cut(first, last, last)])
    # The number of posts depends on the room for their numbers, so take the fewest digits that fit the count.
    for digits in itertools.count(1):
        suffix = _suffix(numbering, digits)
        cuts = list(itertools.islice(_cuts(rich.text, first, last, kept, suffix), posts_max and posts_max + 1))
        if posts_max is not None and len(cuts) > posts_max:
            raise InputError(
                f"The text takes more than {posts_max} posts, the most that a thread may have.",
                code="text.too_long",
                hint="Shorten it.",
            )
        if numbering != "1/n" or len(str(len(cuts))) <= digits:
            break
    parts = _parts(rich, cuts)
    return [RichText(part.text + suffix(index, len(parts)), part.facets) for index, part in enumerate(parts)]


_Suffix = Callable[[int, int | None], str]


def _suffix(numbering: str, digits: int) -> _Suffix:
    """The ending of post `index` of a thread; without `count`, one as long as for any count with `digits` digits."""
    if numbering == "thread":
        return lambda index, count: "" if index else f" {THREAD_SIGN}"
    if numbering == "1/n":
        return lambda index, count: f" {index + 1}/{count or '9' * digits}"
    return lambda index, count: ""


def _room(suffix: str) -> _Room:
    return _Room(TEXT_GRAPHEMES_MAX - grapheme_length(suffix), TEXT_BYTES_MAX - utf8_length(suffix))


def _fits(text: str, room: _Room) -> bool:
    return utf8_length(text) <= room.bytes and fits_graphemes(text, room.graphemes)


def _kept(rich: RichText) -> Iterator[_Kept]:
    """Facets by characters, without handles that are too long to be valid."""
    data = rich.text.encode()
    index = offset = 0
    for facet in without_overlaps(rich.facets):
        if facet.kind == "mention" and len(facet.value) > _HANDLE_CHARACTERS_MAX:
            continue
        start = index + len(data[offset : facet.byte_start].decode())
        index = start + len(data[facet.byte_start : facet.byte_end].decode())
        offset = facet.byte_end
        yield _Kept(start, index, facet)


def _without_ends(text: str, kept: list[_Kept]) -> tuple[int, int]:
    """Where the text begins and ends without surrounding white space, except for white space in facets."""
    last = len(text.rstrip(_SPACES))
    first = min(len(text) - len(text.lstrip(_SPACES)), last)
    return (min(first, kept[0].start), max(last, kept[-1].end)) if kept else (first, last)


def _cuts(text: str, first: int, last: int, kept: list[_Kept], suffix: _Suffix) -> Iterator[_Cut]:
    place = first
    for index in itertools.count():
        if place >= last:
            return
        room = _room(suffix(index, None))
        begin = bisect_right(kept, place, key=lambda item: item.end)
        beyond = bisect_right(kept, place + room.bytes, key=lambda item: item.start)
        cut = _cut(text, place, last, kept[begin:beyond], room)
        yield cut
        place = cut.resume


def _cut(text: str, start: int, stop: int, kept: list[_Kept], room: _Room) -> _Cut:
    ends = _ends(text, start, room)
    last = ends[-1] if ends else start
    if last >= stop:
        return _Cut(start, stop, stop)
    allowed = set(ends)

    def best(candidates: Sequence[tuple[int, int]]) -> _Cut | None:
        for end, resume in reversed(candidates):
            if end in allowed and _is_free(text, end, resume, kept):
                return _Cut(start, end, resume)
        return None

    least = start + (last - start) // _LEAST_FILLED
    gaps = _gaps(text, start, last)
    paragraph = best(_paragraphs(text, gaps))
    sentence = paragraph or best([pair for pair in _lines_and_sentences(text, start, last, gaps) if pair[0] >= least])
    word = sentence or best(_words(text, start, last, gaps))
    if word and (word.end >= least or _fits(_token(text, word.resume, room), room)):
        return word
    for end in reversed(ends):
        if _is_free(text, end, end, kept):
            shown = len(text[:end].rstrip(_SPACES)) if text[end - 1] in _SPACES else end
            return _Cut(start, shown if shown in allowed else end, end)
    raise _too_long(text, start, kept)


def _ends(text: str, start: int, room: _Room) -> list[int]:
    """The ends of the graphemes that fit into a post from `start`."""
    piece = text[start : start + 2 * room.graphemes]
    if piece.isascii() and "\r" not in piece:
        return list(range(start + 1, start + 1 + min(len(piece), room.graphemes)))
    clusters = graphemes(piece)
    if len(clusters) <= room.graphemes:
        # Every character takes at least a byte, so what follows this piece cannot fit.
        clusters = graphemes(text[start : start + room.bytes])
    ends = []
    place, size = start, 0
    for grapheme in clusters[: room.graphemes]:
        size += utf8_length(grapheme)
        if size > room.bytes:
            break
        place += len(grapheme)
        ends.append(place)
    return ends


def _is_free(text: str, end: int, resume: int, kept: list[_Kept]) -> bool:
    """Whether a cut leaves everything whole that must stay whole, graphemes included."""
    if any(item.start < resume and end < item.end for item in kept):
        return False
    return resume == end or len(graphemes(text[resume - 1 : resume + 1])) == 2


def _token(text: str, start: int, room: _Room) -> str:
    """The word that begins at `start`, as far as it could fit."""
    piece = text[start : start + room.bytes]
    match = _pattern(f"[{_SPACES}]").search(piece)
    return piece[: match.start()] if match else piece


def _gaps(text: str, start: int, last: int) -> list[tuple[int, int]]:
    """White space that begins at or before `last`: where it begins and ends."""
    matches = _pattern(f"[{_SPACES}]+").finditer(text, start, last + 1)
    return [(match.start(), _after_spaces(text, match.end())) for match in matches]


def _after_spaces(text: str, place: int) -> int:
    match = _pattern(f"[{_SPACES}]*").match(text, place)
    assert match
    return match.end()


def _paragraphs(text: str, gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [
        (end, resume)
        for end, resume in gaps
        if text.count("\n", end, resume) + text.count("\r", end, resume) - text.count("\r\n", end, resume) > 1
    ]


def _lines_and_sentences(text: str, start: int, last: int, gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    breaks = [
        (end, resume)
        for end, resume in gaps
        if "\n" in text[end:resume] or "\r" in text[end:resume] or _ends_sentence(text, start, end, resume)
    ]
    for match in _pattern(_WIDE_SENTENCE).finditer(text, start, last + 1):
        breaks.append((match.end(), _after_spaces(text, match.end())))
    return sorted(breaks)


def _ends_sentence(text: str, start: int, end: int, resume: int) -> bool:
    before = text[max(start, end - 24) : end]
    if not _pattern(_SENTENCE_END).search(before):
        return False
    return not (text[resume : resume + 1].islower() or _pattern(_ABBREVIATION).search(before))


def _words(text: str, start: int, last: int, gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    breaks = gaps + [(match.start(), match.start()) for match in _pattern(_WIDE_WORD).finditer(text, start, last + 1)]
    return sorted(breaks)


def _too_long(text: str, start: int, kept: list[_Kept]) -> InputError:
    blocking = next((item for item in kept if item.start <= start), None)
    if blocking is None:
        return InputError(
            f"One character with its combining marks is longer than a post (character {start + 1} of the text).",
            code="text.unsplittable",
            hint="Remove some of its combining marks.",
        )
    shown = text[blocking.start : blocking.start + 40]
    return InputError(
        f"The {blocking.facet.kind} {shown!r}... has {blocking.end - blocking.start} characters: too long for a post.",
        code="text.unsplittable",
        hint="Give the link a short label, [label](https://...)." if blocking.facet.kind == "link" else "Shorten it.",
    )


def _parts(rich: RichText, cuts: list[_Cut]) -> list[RichText]:
    offsets = ByteOffsets(rich.text)
    facets = without_overlaps(rich.facets)
    parts = []
    for cut in cuts:
        start, end = offsets.at(cut.start), offsets.at(cut.end)
        first = bisect_left(facets, start, key=lambda facet: facet.byte_start)
        last = bisect_right(facets, end, key=lambda facet: facet.byte_end)
        moved = (Facet(f.byte_start - start, f.byte_end - start, f.kind, f.value) for f in facets[first:last])
        parts.append(RichText(rich.text[cut.start : cut.end], tuple(moved)))
    return parts


@cache
def _pattern(expression: str) -> re.Pattern[str]:
    return re.compile(expression)
