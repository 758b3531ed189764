"""What a worker's log tells of trouble that all threads meet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from skywrite.core.clock import FakeClock
from skywrite.posting.publish.log import seldom


def test_trouble_with_the_database_is_told_once_a_minute() -> None:
    """With the number of times that it was met; everything else is told each time."""
    told: list[tuple[str, dict[str, Any]]] = []
    clock = FakeClock(datetime(2026, 11, 24, tzinfo=UTC))
    log = seldom(lambda event, **facts: told.append((event, facts)), clock)
    for seconds in (0, 10, 49, 1):
        clock.advance(seconds)
        log("storage", message="full")
        log("storage", message=f"after {clock.monotonic():.0f}")
        log("claimed", post=1)
    full = [facts for event, facts in told if facts.get("message") == "full"]
    assert [{"message": "full"}, {"message": "full", "times": 3}] == full
    assert 4 == len([event for event, _ in told if event == "claimed"])
