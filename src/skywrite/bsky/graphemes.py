"""Counting and cutting text by grapheme cluster (Unicode 17, UAX 29), as the server's Intl.Segmenter does.

What lives here: the shortcut for text whose characters all stand alone, and the way to the `regex` library for the
rest. Its `\\X` was compared with Intl.Segmenter of Node 22; it is imported only where the shortcut does not hold.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

# Characters of these blocks never join a neighbour of these blocks. Carriage return, combining marks, joiners,
# conjoining jamo, flags' letters and skin tones are outside.
_ALONE = (
    "\\0-\\x0c\\x0e-\\u02ff\\u0370-\\u0482\\u048a-\\u0590\\u0620-\\u064a\\u1e00-\\u200b\\u200e-\\u20cf"
    "\\u2100-\\u2cee\\u3000-\\u3029\\u3030-\\u3098\\u309b-\\ua66e\\uac00-\\ud7a3\\uf900-\\ufb1d\\ufe30-\\uff9d"
    "\U0001f300-\U0001f3fa\U0001f400-\U0001faff"
)


def grapheme_length(text: str) -> int:
    """How many graphemes a text has: what people see as its length, and what the limits of the network count."""
    if _stand_alone(text):
        return len(text)
    return sum(1 for _ in _cluster().finditer(text))


def graphemes(text: str) -> list[str]:
    """The graphemes of a text, in order; joined, they are the text."""
    if _stand_alone(text):
        return list(text)
    found: list[str] = _cluster().findall(text)
    return found


def fits_graphemes(text: str, most: int) -> bool:
    """Whether a text has at most so many graphemes. Cheap for all texts that have no more characters than that."""
    return len(text) <= most or grapheme_length(text) <= most


def _stand_alone(text: str) -> bool:
    if text.isascii():
        return "\r" not in text
    return _joining().search(text) is None


@cache
def _joining() -> re.Pattern[str]:
    return re.compile(f"[^{_ALONE}]")


@cache
def _cluster() -> Any:
    import regex  # type: ignore[import-untyped]

    return regex.compile(r"\X", regex.VERSION1)
