"""Written times with one form for each character, so that tables need only one. Pure."""

from __future__ import annotations

import unicodedata

_SAME = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2212": "-", "\u2019": "'"})


def fold(text: str) -> str:
    """Lower case without accents, with one kind of dash, quote and digit, and single spaces."""
    if text.isascii():
        return " ".join(text.lower().split())
    bare = "".join(mark for mark in unicodedata.normalize("NFKD", text) if not "\u0300" <= mark <= "\u036f")
    same = unicodedata.normalize("NFKC", bare).casefold().translate(_SAME)
    return " ".join(same.split())
