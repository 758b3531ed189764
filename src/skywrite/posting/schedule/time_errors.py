"""The errors of reading a time: it is invalid, it is ambiguous, or it has passed; and what
they suggest.

An error is raised where one part of a text is known, and only the whole text can be read. So it carries `readings`: the
whole text, written otherwise. The hint shows those that the reader has read, and no others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from skywrite.core.errors import InputError
from skywrite.posting.schedule.words import fold

EXAMPLES = 'Write it like "tomorrow 9:00", "in 2 hours", "fri 17:00 Europe/Berlin" or 2030-12-24T17:00:00+01:00.'


class InvalidTime(InputError):
    """The text is not a time. The hint is `lead` and at most `most` of the `readings` that can be read, else `hint`."""

    code = "time.invalid"

    def __init__(
        self,
        message: str,
        *,
        hint: str = EXAMPLES,
        readings: Sequence[str] = (),
        lead: str = "Write",
        most: int = 4,
    ) -> None:
        super().__init__(message, hint=hint)
        self.readings, self.lead, self.most = tuple(readings), lead, most


class AmbiguousTime(InvalidTime):
    """A text has more than one meaning; the hint shows how to write each.

    `is_of_order`: it would have one if the order of day, month and year were given. `orders`: those that are possible
    for all dates of the same file.
    """

    code = "time.ambiguous"

    orders: tuple[str, ...] = ()

    def __init__(self, typed: str, why: str, readings: Sequence[str], *, is_of_order: bool = False) -> None:
        super().__init__(f"The time {typed!r} is ambiguous: {why}.", readings=readings)
        self.is_of_order = is_of_order


class PastTime(InputError):
    """The time has passed."""

    code = "time.past"


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
