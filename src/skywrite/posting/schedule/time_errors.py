"""The errors of reading a time: it is invalid, it is ambiguous, or it has passed."""

from __future__ import annotations

from collections.abc import Sequence

from skywrite.core.errors import InputError

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

    def __init__(self, given: str, why: str, readings: Sequence[str], *, is_of_order: bool = False) -> None:
        super().__init__(f"The time {given!r} is ambiguous: {why}.", readings=readings)
        self.is_of_order = is_of_order


class PastTime(InputError):
    """The time has passed."""

    code = "time.past"
