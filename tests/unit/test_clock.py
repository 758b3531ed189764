"""The clock that is set."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from skywrite.core.clock import FakeClock

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize("how", ["moved", "told"])
def test_a_helper_waits_without_moving_the_clock(how: str) -> None:
    """It wakes when others have moved the clock, or when it is told."""
    clock, event, woken = FakeClock(NOON), threading.Event(), []
    helper = threading.Thread(target=lambda: woken.append(clock.wait_aside(event, 60)))
    helper.start()
    assert NOON == clock.now()
    if how == "told":
        event.set()
    while how == "moved" and helper.is_alive():
        clock.advance(60)
    helper.join()
    assert [how == "told"] == woken
