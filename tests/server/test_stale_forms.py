"""A form says what a person saw: it changes nothing that they did not see, and leaves what they did not touch."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.security import Origin
from skywrite.queue.model import Slot
from skywrite.queue.people import People
from tests.server.forms import fields
from tests.support.world import NOON, World

SOON = NOON + timedelta(hours=1)


@pytest.fixture
def page(sky: Skywrite) -> TestClient:
    """The pages as the owner gets them."""
    people = People(sky.context.store)
    headers = {"cookie": f"{COOKIE}={people.begin_session(people.owner().id)}", "accept": "text/html"}
    return TestClient(
        make_app(sky, Origin.of(None)), base_url="http://127.0.0.1", headers=headers, follow_redirects=False
    )


def held(sky: Skywrite, home: Path) -> int:
    number = sky.schedule("What was seen", at=SOON).post_id
    sky.posts.hold(number)
    return number


def failed(sky: Skywrite, home: Path) -> int:
    number = sky.schedule("What was seen", at=SOON).post_id
    with closing(sqlite3.connect(home / "skywrite.db")) as connection, connection:
        connection.execute("UPDATE post SET state = 'failed', error_code = 'X' WHERE id = ?", (number,))
    return number


def scheduled(sky: Skywrite, home: Path) -> int:
    return sky.schedule("What was seen", at=SOON).post_id


@pytest.mark.parametrize(
    ("action", "make"), [("release", held), ("retry", failed), ("hold", scheduled), ("cancel", scheduled)]
)
def test_a_button_does_nothing_to_what_was_changed_meanwhile(
    world: World, sky: Skywrite, page: TestClient, action: str, make: Callable[[Skywrite, Path], int]
) -> None:
    """What somebody else wrote meanwhile does not go out, and is not stopped, unseen."""
    number = make(sky, world.home)
    seen = fields(page.get(f"/posts/{number}").text, f"/posts/{number}/{action}")
    state = sky.posts.get(number).post.state
    sky.posts.edit(number, text="What nobody saw")
    answer = page.post(f"/posts/{number}/{action}", data=seen)
    assert (412, sky.posts.get(number).post.state) == (answer.status_code, state)


@pytest.mark.parametrize("mode", ["slot", "every"])
def test_a_copy_takes_no_place_of_what_was_changed_meanwhile(sky: Skywrite, page: TestClient, mode: str) -> None:
    """A draft that somebody else changed stays as it is, and nothing is made of it."""
    sky.accounts.set_slots(None, [Slot(day, 540, "UTC") for day in range(7)])
    number = sky.schedule("What was seen", draft=True).post_id
    seen = fields(page.get(f"/compose?draft={number}").text, "/compose")
    sky.posts.edit(number, text="What nobody saw")
    answer = page.post("/compose", data={**seen, "mode": mode, "every": "daily 9:00"}, files={"file": b""})
    there = [(entry.post.id, entry.post.text) for entry in sky.posts.list()]
    assert (422, [(number, "What nobody saw")], []) == (answer.status_code, there, sky.recurrences.list())


def test_a_setting_that_was_changed_meanwhile_stays(sky: Skywrite, page: TestClient) -> None:
    """A form that was open while somebody turned approvals on does not turn them off when a gap is saved."""
    did = sky.accounts.get().did
    seen = fields(page.get("/accounts").text, "/accounts/settings")
    sky.accounts.set(None, {"approval": "all", "zone": "Europe/Berlin"})
    page.post("/accounts/settings", data={**seen, "gap_seconds": "300"})
    expected = {"approval": "all", "zone": "Europe/Berlin", "gap_seconds": 300}
    assert expected == sky.accounts.get(did).settings


def test_slots_keep_their_zone(sky: Skywrite, page: TestClient) -> None:
    """After the account moved, the page shows its slots with the zone that they have, and saves them as they are."""
    slots = [Slot(0, 540, "Europe/Berlin"), Slot(1, 540, "Europe/Berlin"), Slot(0, 600, "America/New_York")]
    sky.accounts.set_slots(None, slots)
    sky.accounts.set(None, {"zone": "America/New_York"})
    shown = page.get("/accounts").text
    for zone in ("America/New_York", "Europe/Berlin"):
        page.post("/accounts/slots", data=fields(shown, "/accounts/slots", zone=zone))
    assert sorted(slots) == sky.accounts.slots()
    berlin = fields(shown, "/accounts/slots", zone="Europe/Berlin")
    page.post("/accounts/slots", data={**berlin, "day1": ""})
    assert [Slot(0, 540, "Europe/Berlin"), Slot(0, 600, "America/New_York")] == sky.accounts.slots()


def test_an_empty_policy_is_none_and_does_not_keep_the_old_one(sky: Skywrite, page: TestClient) -> None:
    """An edit with `"late": ""` is refused, as in a new post, and changes nothing."""
    number = sky.schedule("Once", at=SOON, late="skip:30m").post_id
    before = sky.posts.get(number).post
    answer = page.patch(f"/api/v1/posts/{number}", json={"text": "Twice", "late": ""})
    assert (422, before) == (answer.status_code, sky.posts.get(number).post)
