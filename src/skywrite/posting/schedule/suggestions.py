"""What the errors of times and recurrences suggest. Pure.

An error is raised where one part of a text is known, and only the whole text can be read. So it carries `readings`: the
whole text, written otherwise. The hint shows those that the reader has read, and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from skywrite.posting.schedule.folding import fold


class Suggesting(Protocol):
    """An error with readings. Its hint becomes `lead` and at most `most` of them."""

    hint: str
    readings: tuple[str, ...]
    lead: str
    most: int


def suggest(error: Suggesting, text: str, is_read: Callable[[str], bool]) -> None:
    """Put those readings into an error's hint that can be read, with the words of the text as they are there."""
    if not error.readings:
        return
    kept: list[str] = []
    as_given = {fold(word): word for word in text.split()}
    readings = [" ".join(as_given.get(word, word) for word in reading.split()) for reading in error.readings]
    for reading in dict.fromkeys(readings):
        if len(kept) < error.most and is_read(reading):
            kept.append(reading)
    if kept:
        error.hint = f"{error.lead} {either(kept)}."


def either(readings: Sequence[str]) -> str:
    """`"a", "b" or "c"`."""
    quoted = [f'"{reading}"' for reading in dict.fromkeys(readings)]
    return ", ".join([*quoted[:-2], " or ".join(quoted[-2:])])


def swapped(text: str, start: int, end: int, piece: str) -> str:
    """A text with another piece at this place."""
    return " ".join(f"{text[:start]} {piece} {text[end:]}".split())
