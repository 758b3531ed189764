"""What the plan says about single posts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from skywrite.faces.server.pages.plan_days import Face, Item, items_of
from skywrite.features.rehearsal.plan import OnPlan
from tests.support.world import NOON

ALICE = Face("did:plc:alice", "alice.test", "a", "UTC")


def planned(number: int, state: str) -> Any:
    """A post of the plan, at noon."""
    more = {"text": "", "media": 0, "recurrence": None, "version": 1, "approval_wanted": False}
    more |= {"image": None, "campaign": ""}
    return SimpleNamespace(id=number, state=state, at=NOON, account="alice.test", **more)


@pytest.mark.parametrize(
    ("state", "wanted", "out", "need"),
    [
        ("scheduled", False, False, ""),
        ("scheduled", True, True, "to approve"),
        ("scheduled", False, True, "signed out"),
        ("failed", False, True, "failed"),
        ("held", True, False, "held"),
        ("published", False, True, ""),
        ("cancelled", False, True, ""),
    ],
)
def test_what_waits_for_a_person_says_for_what(state: str, wanted: bool, out: bool, need: str) -> None:
    """Failed, held, to approve, signed out: the first of them; what is over needs nothing."""
    face = ALICE._replace(out=out)
    item = Item("post", NOON, face, state=state, approval_wanted=wanted)
    assert (need, bool(need)) == (item.need, item.needs_a_look)


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
    plan: Any = SimpleNamespace(posts=posts, slots=(), occurrences=())
    assert marked == [item.is_double for item in items_of(plan, OnPlan({}, {}, ""), ZoneInfo("UTC"), [ALICE])]
