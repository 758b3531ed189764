"""Recurrences of accounts that ask for approvals."""

from __future__ import annotations

from datetime import timedelta

from skywrite.app import Skywrite
from tests.app.conftest import NOON, World


def test_an_occurrence_that_nobody_approved_stops_no_other(sky: Skywrite, world: World) -> None:
    """It is held; the next one is there in time to be approved, and goes out."""
    sky.set(None, {"approval": "all", "zone": "UTC"})
    sky.schedule("Good morning", every="daily 9:00")
    world.clock.set(NOON + timedelta(hours=21))
    sky.run_once()
    assert (["held", "scheduled"], []) == ([state for _, state in world.states(sky)], world.texts())
    number = world.states(sky)[1][0]
    sky.approvals.approve(number, sky.approvals.look(number).digest, "Berta")
    world.clock.advance(24 * 3600)
    sky.run_once()
    assert ["Good morning"] == world.texts()
