"""Finding mentions, links, hashtags and cashtags in plain text, exactly as the reference client does.

What lives here: `detect_facets`. The rules are those of `detectFacetsWithoutResolution` in `@atproto/api` 0.21.0, with
JavaScript's white space and word characters spelled out, because Python's differ. Two deviations: a bare domain that
begins with "http" (`httpbin.org`) is treated like any other domain; the reference takes it for a whole URL. And an
address may begin with `Https://`, as telephones write it; the reference makes no link of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from skywrite.protocol.bsky.facets import ByteOffsets, Facet, FacetKind, utf8_length
from skywrite.protocol.bsky.graphemes import fits_graphemes

TAG_GRAPHEMES_MAX = 64

JS_SPACE = "\\t-\\r \\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff"
JS_SPACES = (
    "\t\n\v\f\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_ZERO_WIDTH = "\\xad\\u2060\\u200a-\\u200d\\u20e2"
_VARIATION_SELECTOR = "\ufe0f"
_ASCII_DIGITS = frozenset("0123456789")

_Found = tuple[int, int, FacetKind, str]


def detect_facets(text: str) -> list[Facet]:
    """The facets of a text, in the order of their starts.

    A mention contains its handle as written; the caller resolves it. As with the reference client, a mention or a
    cashtag may be inside a link or a hashtag; `richtext.detect` leaves out such facets. Lone surrogates are tolerated
    and count as three bytes.
    """
    matches: list[_Found] = []
    if "@" in text:
        matches += _mentions(text)
    if "." in text or "://" in text:
        matches += _links(text)
    if "#" in text or "\uff03" in text:
        matches += _tags(text)
    if "$" in text:
        matches += _cashtags(text)
    if not matches:
        return []
    matches.sort(key=lambda item: item[0])
    if text.isascii():
        return [Facet(*item) for item in matches]
    starts = ByteOffsets(text)
    facets = []
    for start, end, kind, value in matches:
        byte_start = starts.at(start)
        facets.append(Facet(byte_start, byte_start + utf8_length(text[start:end]), kind, value))
    return facets


@cache
def _pattern(expression: str) -> re.Pattern[str]:
    # Compiled for the first text that needs it, so importing this module compiles nothing.
    return re.compile(expression, re.ASCII)


def has_known_tld(domain: str) -> bool:
    """Whether a dotted name ends in a top-level domain of the IANA list, in lower case, as in the reference."""
    _, dot, label = domain.rpartition(".")
    if not dot:
        return False
    from skywrite.protocol.bsky.tlds import TLDS

    return label in TLDS


# The sign comes first, and what precedes it is checked afterwards, so the search goes from sign to sign.
_MENTION = rf"@(?<![^{JS_SPACE}(]@)([a-zA-Z0-9.-]+)\b"


def _mentions(text: str) -> Iterator[_Found]:
    for match in _pattern(_MENTION).finditer(text):
        handle = match[1]
        if has_known_tld(handle) or handle.endswith(".test"):
            yield match.start(), match.end(), "mention", handle


_LINK_HINT = r"\.[a-zA-Z0-9]|://"
_LINK = (
    rf"[{JS_SPACE}(](?:(?P<url>[hH][tT][tT][pP][sS]?://[^{JS_SPACE}]+)"
    rf"|(?P<domain>[a-zA-Z][a-zA-Z0-9]*(?:\.[a-zA-Z0-9]+)+)[^{JS_SPACE}]*)"
)


def _links(text: str) -> Iterator[_Found]:
    if not _pattern(_LINK_HINT).search(text):
        return
    # A space in front stands for the start of the text: what opens a link is part of the match, and shifts it by one.
    for match in _pattern(_LINK).finditer(f" {text}"):
        uri = match[0][1:]
        domain = match["domain"]
        if domain is None:
            # Apps open only what begins with a scheme in lower case.
            scheme, separator, rest = uri.partition("://")
            uri = f"{scheme.lower()}{separator}{rest}"
        elif has_known_tld(domain):
            uri = f"https://{uri}"
        else:
            continue
        end = match.end() - 1
        if uri[-1] in ".,;:!?":
            uri = uri[:-1]
            end -= 1
        if uri[-1] == ")" and "(" not in uri:
            uri = uri[:-1]
            end -= 1
        yield match.start(), end, "link", uri


_TAG = rf"[#\uff03](?<![^{JS_SPACE}][#\uff03])([^{JS_SPACE}{_ZERO_WIDTH}]+)"


def _tags(text: str) -> Iterator[_Found]:
    for match in _pattern(_TAG).finditer(text):
        tag = match[1]
        # Plain letters, the usual case, need no table.
        if not tag.isalpha():
            tag = _without_punctuation_at_end(tag)
            if not tag or tag[0] == _VARIATION_SELECTOR or all(map(_digit_or_punctuation, tag)):
                continue
        if fits_graphemes(tag, TAG_GRAPHEMES_MAX):
            yield match.start(), match.start() + 1 + len(tag), "tag", tag


def _digit_or_punctuation(character: str) -> bool:
    return character in _ASCII_DIGITS or _is_punctuation(character)


def _without_punctuation_at_end(text: str) -> str:
    end = len(text)
    while end and _is_punctuation(text[end - 1]):
        end -= 1
    return text[:end]


def _is_punctuation(character: str) -> bool:
    if character.isascii():
        return character in "!\"#%&'()*,-./:;?@[\\]_{}"
    from skywrite.protocol.bsky.unicode_tables import is_punctuation

    return is_punctuation(character)


_CASHTAG = rf"\$(?<![^{JS_SPACE}(]\$)([A-Za-z][A-Za-z0-9]{{0,4}})(?=[{JS_SPACE}.,;:!?)\"'\u2019]|\Z)"


def _cashtags(text: str) -> Iterator[_Found]:
    for match in _pattern(_CASHTAG).finditer(text):
        yield match.start(), match.end(), "tag", f"${match[1].upper()}"
