"""What the plan says about single posts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from skywrite.faces.server.pages.plan_days import Face, items_of
from skywrite.features.rehearsal.plan import OnPlan
from tests.support.world import NOON

ALICE = Face("did:plc:alice", "alice.test", "a", "UTC")


def planned(number: int, state: str) -> Any:
    """A post of the plan, at noon."""
    more = {"text": "", "media": 0, "recurrence": None, "version": 1, "approval_wanted": False}
    more |= {"image": None, "campaign": ""}
    return SimpleNamespace(id=number, state=state, at=NOON, account="alice.test", **more)


@pytest.mark.parametrize(
    ("states", "marked"),
    [
        (("scheduled", "scheduled"), [True, True]),
        (("published", "scheduled"), [False, False]),
        (("published", "published"), [False, False]),
        (("scheduled", "publishing", "failed"), [True, True, False]),
    ],
)
def test_only_what_still_goes_out_meets_another(states: tuple[str, ...], marked: list[bool]) -> None:
    """Two posts are in one minute only while both of them wait: what is out can no longer be moved apart."""
    posts = [planned(number, state) for number, state in enumerate(states)]
    found: Any = SimpleNamespace(posts=posts, slots=(), occurrences=())
    assert marked == [item.is_double for item in items_of(found, OnPlan({}, {}, ""), ZoneInfo("UTC"), [ALICE])]
