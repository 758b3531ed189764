"""Days that are left out when a recurrence is made."""

from __future__ import annotations

from datetime import timedelta

import pytest

from skywrite.app import Skywrite
from skywrite.core.errors import InputError
from tests.support.errors import fails
from tests.support.shell import Shell
from tests.support.world import NOON

DAYS = [(NOON + timedelta(days=days)).date().isoformat() for days in range(5)]


def test_nothing_comes_on_a_day_that_is_left_out(sky: Skywrite) -> None:
    """All of that day's times are skipped, the first day among them, and a single time alone."""
    skip = [DAYS[1], f"{DAYS[2]} 18:00"]
    made = sky.schedule("Hello", every="daily 9:00 and 18:00", at=f"{DAYS[1]} 00:00", zone="UTC", skip=skip)
    assert made.recurrence_id is not None
    times = sky.recurrences.next_times(sky.recurrences.get(made.recurrence_id), 3)
    assert ([f"{DAYS[2]} 09", f"{DAYS[3]} 09", f"{DAYS[3]} 18"], times[0]) == (
        [f"{at:%Y-%m-%d %H}" for at in times],
        made.due_at,
    )


@pytest.mark.parametrize("skip", ["2000-01-01", DAYS[1], "nonsense"])
def test_a_day_on_which_nothing_comes_is_refused(sky: Skywrite, skip: str) -> None:
    """Whoever leaves out the wrong day hears of it, and nothing is stored."""
    start = NOON + timedelta(days=2)
    with fails(InputError):
        sky.schedule("Hello", every="daily 9:00", at=start, zone="UTC", skip=[skip])
    assert [] == sky.recurrences.list()


def test_a_day_needs_a_recurrence(sky: Skywrite) -> None:
    """A single post has no day to leave out."""
    with fails("input.invalid", "needs a recurrence"):
        sky.schedule("Hello", at="tomorrow 9:00", skip=[DAYS[1]])


def test_the_command_line_leaves_a_day_out(shell: Shell) -> None:
    """With --except, once for each day."""
    shell("post", "Hello", "--every", "daily 9:00", "--zone", "UTC", "--except", "2060-12-25", "--except", "2060-12-26")
    [found] = shell("recurring", "list", "--json").json
    assert ["2060-12-25T09:00:00+00:00", "2060-12-26T09:00:00+00:00"] == list(found["exceptions"])
