"""What a test expects to go wrong, by the code of the error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from skywrite.core.errors import SkywriteError


@contextmanager
def fails(
    expected: str | type[SkywriteError], match: str | None = None
) -> Iterator[pytest.ExceptionInfo[SkywriteError]]:
    """The block raises an error with this code (or of this class), and with a message that matches."""
    kind = SkywriteError if isinstance(expected, str) else expected
    with pytest.raises(kind, match=match) as caught:
        yield caught
    if isinstance(expected, str):
        assert expected == caught.value.code


def known_as(error: SkywriteError, expected: str | type[SkywriteError]) -> str | type[SkywriteError]:
    """What the error is, in the way in which it is expected: its code, or its class."""
    return error.code if isinstance(expected, str) else type(error)
