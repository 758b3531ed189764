"""Counting and cutting text by grapheme cluster, as the server does (Intl.Segmenter, Unicode 17).

What lives here: the rules of UAX 29 as one pattern over letters that represent characters, and a shortcut for text in
which no characters combine. The `regex` library has `\\X`, but it joins conjuncts that the server does not (Bengali
"অ্যা" is two graphemes), follows newer versions of Unicode, and takes longer to import than everything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

# Characters of these blocks never combine with each other. Carriage return, combining marks, joiners,
# conjoining jamo, flags' letters and skin tones are outside.
_ALONE = (
    "\\0-\\x0c\\x0e-\\u02ff\\u0370-\\u0482\\u048a-\\u0590\\u0620-\\u064a\\u1e00-\\u200b\\u200e-\\u20cf"
    "\\u2100-\\u2cee\\u3000-\\u3029\\u3030-\\u3098\\u309b-\\ua66e\\uac00-\\ud7a3\\uf900-\\ufb1d\\ufe30-\\uff9d"
    "\U0001f300-\U0001f3fa\U0001f400-\U0001faff"
)

# UAX 29, table 1c, over the letters of `unicode_tables.break_class`. A conjunct's first linker is matched outside the
# repetition around it, so that no text takes more than linear time.
_CLUSTER = (
    "\r\n|[\r\nC]|"
    "P*(?:"
    "L*(?:V+|HV*|J)T*|L+|T+|"  # Hangul
    "RR|"  # flags
    "X(?:[EKN]*ZX)*|"  # emoji joined by U+200D
    "D(?:[EZ]*K[EKZ]*D)+|"  # Indic conjuncts
    "[^\r\nC]"
    ")[EKMNZ]*"
)


def grapheme_length(text: str) -> int:
    """The number of graphemes in a text: its length as people see it, and as the network's limits count it."""
    if _stand_alone(text):
        return len(text)
    return sum(1 for _ in _clusters(text))


def graphemes(text: str) -> list[str]:
    """The graphemes of a text, in order; joined, they are the text."""
    if _stand_alone(text):
        return list(text)
    return [text[match.start() : match.end()] for match in _clusters(text)]


def fits_graphemes(text: str, most: int) -> bool:
    """Whether a text has at most this many graphemes. Cheap for texts that have no more characters than that."""
    return len(text) <= most or grapheme_length(text) <= most


def _stand_alone(text: str) -> bool:
    if text.isascii():
        return "\r" not in text
    return _joining().search(text) is None


def _clusters(text: str) -> Iterator[re.Match[str]]:
    """Matches whose ends are the ends of the clusters, in characters."""
    from skywrite.protocol.bsky.unicode_tables import break_class

    classes = {character: break_class(character) for character in set(text)}
    return _cluster().finditer("".join([classes[character] for character in text]))


@cache
def _joining() -> re.Pattern[str]:
    return re.compile(f"[^{_ALONE}]")


@cache
def _cluster() -> re.Pattern[str]:
    return re.compile(_CLUSTER)
