"""The label with which an account says that it is a bot: it changes nothing else in the profile."""

from __future__ import annotations

from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.errors import InputError
from skywrite.features.checkup.service import check_all
from skywrite.protocol.atproto.repo import Record, Repo
from skywrite.protocol.bsky.bot_label import PROFILE, SELF_LABELS, labelled
from tests.support.errors import fails
from tests.support.strangers import Stranger
from tests.support.world import World

HIDDEN = {"val": "!no-unauthenticated"}


def labels(*values: Any) -> dict[str, Any]:
    """Self labels."""
    return {"$type": SELF_LABELS, "values": list(values)}


@pytest.mark.parametrize(
    ("before", "on", "after"),
    [
        ({}, True, {"labels": labels({"val": "bot"})}),
        ({"labels": labels(HIDDEN), "x": [1]}, True, {"labels": labels(HIDDEN, {"val": "bot"}), "x": [1]}),
        ({"labels": labels({"val": "bot", "new": 1})}, True, None),
        ({"labels": labels({"val": "bot"}, HIDDEN)}, False, {"labels": labels(HIDDEN)}),
        ({"labels": labels({"val": "bot"}), "displayName": "B"}, False, {"displayName": "B"}),
        ({"labels": labels(HIDDEN)}, False, None),
    ],
)
def test_only_the_label_changes(before: dict[str, Any], on: bool, after: dict[str, Any] | None) -> None:
    """Other labels, their order and unknown fields stay; nothing is written where nothing changes."""
    assert after == labelled(before, on)


@pytest.mark.parametrize("before", [{"$type": "x#others"}, labels(*({"val": f"{n}"} for n in range(10)))])
def test_labels_that_cannot_be_merged_are_left_alone(before: dict[str, Any]) -> None:
    """Of a kind that nobody knows, and too many."""
    with pytest.raises(InputError):
        labelled({"labels": before}, True)


def profile(world: World) -> dict[str, Any]:
    """What alice's profile says."""
    return world.box.records("alice.test", PROFILE)[0].value


def test_on_and_off(sky: Skywrite, world: World) -> None:
    """Also where there is no profile yet; again, it is no change."""
    assert (False, True, False, True) == (sky.bots.status(), sky.bots.on(), sky.bots.on(), sky.bots.status())
    assert (True, False, False) == (sky.bots.off(), sky.bots.off(), sky.bots.status())
    assert {"$type": PROFILE} == profile(world)


def test_somebody_else_changes_the_profile_meanwhile(
    sky: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they wrote stays; if they never stop, that is said."""
    alice, read, left = Stranger(world, "alice.test"), Repo.get, [2]

    def raced(repo: Repo, *arguments: Any, **more: Any) -> Record:
        try:
            return read(repo, *arguments, **more)
        finally:
            if left[0]:
                left[0] -= 1
                record = {"$type": PROFILE, "displayName": f"{left[0]} left"}
                body = {"repo": alice.did, "collection": PROFILE, "rkey": "self", "record": record}
                alice._tell("com.atproto.repo.putRecord", body)

    monkeypatch.setattr(Repo, "get", raced)
    assert (True, {"$type": PROFILE, "displayName": "0 left", "labels": labels({"val": "bot"})}) == (
        sky.bots.on(),
        profile(world),
    )
    left[0] = 1
    sky.bots.status()
    left[0] = 100
    with fails("record.swapped"):
        sky.bots.on()


def test_doctor_suggests_it(sky: Skywrite) -> None:
    """For an account that answers by itself, until it says so."""
    sky.accounts.set(None, {"answers": "on"})
    message = "answers by itself, and does not say that it is a bot"
    assert message in [finding.message for finding in check_all(sky)]
    sky.bots.on()
    assert message not in [finding.message for finding in check_all(sky)]
