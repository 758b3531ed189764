"""The log of a run, where it cannot be written."""

from __future__ import annotations

import io
import sys

import pytest

from skywrite.core.clock import FakeClock
from skywrite.faces.cli.running import make_log
from tests.support.world import NOON


class Full(io.StringIO):
    """A file on a full disk."""

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


def closed() -> io.StringIO:
    """A stream that was closed."""
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("kind", ["text", "json"])
@pytest.mark.parametrize("stream", [Full(), closed()], ids=["full", "closed"])
def test_a_line_that_cannot_be_written_is_left_out(
    stream: io.StringIO, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever tells something goes on, and the next line is written when there is room again."""
    log = make_log(kind, FakeClock(NOON))
    monkeypatch.setattr(sys, "stderr", stream)
    log("claimed", post=1)
    room = io.StringIO()
    monkeypatch.setattr(sys, "stderr", room)
    log("published", post=1)
    assert (1, True) == (room.getvalue().count("\n"), "published" in room.getvalue())
