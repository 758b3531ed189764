"""Recurrences of accounts that ask for approvals."""

from __future__ import annotations

from datetime import timedelta

import pytest
from click.testing import CliRunner

from skywrite.app import Skywrite
from tests.support.world import NOON, World


def test_an_occurrence_that_nobody_approved_stops_no_other(sky: Skywrite, world: World) -> None:
    """It is held; the next one is there in time to be approved, and goes out."""
    sky.accounts.set(None, {"approval": "all", "zone": "UTC"})
    sky.schedule("Good morning", every="daily 9:00")
    world.clock.set(NOON + timedelta(hours=21))
    sky.run_once()
    assert (["held", "scheduled"], []) == ([state for _, state in world.states(sky)], world.texts())
    number = world.states(sky)[1][0]
    sky.approvals.approve(number, sky.approvals.look(number).digest, "Berta")
    world.clock.advance(24 * 3600)
    sky.run_once()
    assert ["Good morning"] == world.texts()


def test_one_approval_covers_what_comes_from_the_template(sky: Skywrite, world: World) -> None:
    """Its posts go out without another one, until the recurrence is changed; then the change is shown."""
    sky.accounts.set(None, {"approval": "all", "zone": "UTC"})
    number = sky.schedule("Good morning", every="daily 9:00").recurrence_id
    assert number is not None
    asked = sky.approvals.look_at_recurrence(number)
    assert (True, False) == (asked.wanted, asked.is_approved)
    sky.approvals.approve_recurrence(number, asked.digest, "Berta")
    assert [] == sky.approvals.list()
    for _ in range(2):
        world.clock.advance(24 * 3600)
        sky.run_once()
    assert ["Good morning"] * 2 == world.texts()
    sky.recurrences.edit(number, text="Good evening")
    world.clock.advance(24 * 3600)
    sky.run_once()
    again = sky.approvals.look_at_recurrence(number)
    (row,) = [row for row in again.rows() if row.mark != "same"]
    assert (2, True, "Text") == (len(world.texts()), again.wanted, row.part)


def test_an_occurrence_that_was_moved_needs_its_own(sky: Skywrite, world: World) -> None:
    """The others of an approved recurrence go out."""
    sky.accounts.set(None, {"approval": "all", "zone": "UTC"})
    number = sky.schedule("Good morning", every="daily 9:00").recurrence_id
    assert number is not None
    sky.approvals.approve_recurrence(number, sky.approvals.look_at_recurrence(number).digest, "Berta")
    sky.recurrences.skip_or_move(number, "tomorrow 9:00", "tomorrow 8:00")
    world.clock.advance(24 * 3600)
    sky.run_once()
    assert ("held", []) == (world.states(sky)[0][1], world.texts())
    world.clock.advance(24 * 3600)
    sky.run_once()
    assert ["Good morning"] == world.texts()


def test_the_command_takes_a_recurrence(sky: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows the template and its digest; --confirm approves that, and what was changed since is shown."""
    from skywrite.faces.cli.approve import approve_command, reject_command

    monkeypatch.setattr("skywrite.app.Skywrite", lambda *_: world.process())
    sky.accounts.set(None, {"approval": "all", "zone": "UTC"})
    number = sky.schedule("Good morning", every="daily 9:00").recurrence_id
    assert number is not None
    target = f"recurring:{number}"
    shown = CliRunner().invoke(approve_command, [target]).output
    digest = sky.approvals.look_at_recurrence(number).digest
    assert (
        "Text: Good morning" in shown
        and "Account: alice.test" in shown
        and f"approve {target} --confirm {digest}" in shown
    )
    done = CliRunner().invoke(approve_command, [target, "--confirm", digest, "--by", "Berta"])
    assert (0, True) == (done.exit_code, sky.approvals.look_at_recurrence(number).is_approved)
    sky.recurrences.edit(number, text="Good evening")
    shown = CliRunner().invoke(approve_command, [target]).output
    assert "Good [-morning-]" in shown and "Good {+evening+}" in shown
    no = CliRunner().invoke(reject_command, [target, "--by", "Berta"])
    assert (0, "held") == (no.exit_code, sky.posts.get(world.states(sky)[-1][0]).post.state)
    assert 2 == CliRunner().invoke(approve_command, ["feed:3"]).exit_code
