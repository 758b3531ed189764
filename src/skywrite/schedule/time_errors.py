"""The errors of reading a time: it is invalid, it is ambiguous, or it has passed."""

from __future__ import annotations

from collections.abc import Sequence

from skywrite.errors import InputError

EXAMPLES = 'Write it like "tomorrow 9:00", "in 2 hours", "fri 17:00 Europe/Berlin" or 2026-12-24T17:00:00+01:00.'


class InvalidTime(InputError):
    """The text is not a time."""

    def __init__(self, message: str, *, hint: str = EXAMPLES) -> None:
        super().__init__(message, hint=hint)


class AmbiguousTime(InvalidTime):
    """A text has more than one meaning; the hint shows how to write each."""

    def __init__(self, given: str, why: str, readings: Sequence[str]) -> None:
        super().__init__(f"The time {given!r} is ambiguous: {why}.", hint=f"Write {either(readings)}.")


class PastTime(InputError):
    """The time has passed."""


def either(readings: Sequence[str]) -> str:
    """`"a", "b" or "c"`."""
    quoted = [f'"{reading}"' for reading in dict.fromkeys(readings)]
    return ", ".join([*quoted[:-2], " or ".join(quoted[-2:])])
