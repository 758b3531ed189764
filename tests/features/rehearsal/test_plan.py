"""The plan, rehearsed: what the worker would do, beside what is planned; kept until the queue changes, and bounded."""

from __future__ import annotations

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.security import Origin
from skywrite.features.rehearsal import plan as rehearsals
from skywrite.queue.people import People
from tests.support.world import NOON, World

WEEK = "/?on=2026-11-24&rehearse=1"


@pytest.fixture
def page(sky: Skywrite) -> TestClient:
    """The pages as the owner gets them."""
    people = People(sky.context.store)
    headers = {"cookie": f"{COOKIE}={people.begin_session(people.owner().id)}"}
    return TestClient(make_app(sky, Origin.of(None)), base_url="http://127.0.0.1", headers=headers)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each rehearsal that really ran."""
    calls: list[str] = []
    real = rehearsals.rehearse

    def counted(sky: Skywrite, *arguments: object, **options: object) -> object:
        calls.append("rehearsed")
        return real(sky, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(rehearsals, "rehearse", counted)
    return calls


def test_the_plan_says_what_the_worker_would_do(sky: Skywrite, page: TestClient, runs: list[str]) -> None:
    """What is later, held, and why; also of occurrences that are no posts yet. Only for who asks."""
    sky.accounts.set(None, {"gap_seconds": 300, "approval": "api", "zone": "UTC"})
    for text in ("First", "Second"):
        sky.schedule(text, at=NOON + timedelta(hours=1))
    sky.schedule("Nobody approves it", at=NOON + timedelta(hours=3), source="api")
    sky.schedule("Daily", every="daily 15:00")
    sky.schedule("In its way", at=NOON + timedelta(days=2, hours=2, minutes=58))
    assert "Rehearse these days" in page.get("/?on=2026-11-24").text and [] == runs
    text = page.get(WEEK).text
    assert "will go out 13:05: at least 300 s between two posts" in text
    assert "will be held: " in text and "2 of them later than planned, 1 held" in text
    assert "will go out 15:03: at least 300 s between two posts" in text
    assert "goes out" not in text, "no estimate stands beside what was tried out"


def test_the_plan_shows_reposts_and_pins(sky: Skywrite, page: TestClient, runs: list[str]) -> None:
    """Those that wait; when it is rehearsed, also what undoes and repeats them, and what is late."""
    sky.accounts.set(None, {"zone": "UTC"})
    sent = sky.post("Our opening hours")
    sky.reposts.pin(sent.uri, at=NOON + timedelta(hours=1), undo_after="1d")
    sky.reposts.repost(sent.uri, at=NOON + timedelta(hours=2), every="daily 14:00")
    text = page.get("/?on=2026-11-24").text
    assert [1, 1, 0] == [text.count(f"{word}: Our opening hours") for word in ("Pin", "Repost", "Unpin")]
    text = page.get(WEEK).text
    assert [1, 6, 1] == [text.count(f"{word}: Our opening hours") for word in ("Pin", "Repost", "Unpin")]
    assert "6 reposted, 1 pinned, 1 unpinned" in text
    sky.reposts.cancel(sky.reposts.list()[-1].id)
    page.get(WEEK)
    assert 2 == len(runs)


def test_it_is_tried_out_again_only_when_the_queue_changed(sky: Skywrite, page: TestClient, runs: list[str]) -> None:
    """A post that moves, a setting, and time that passes are changes; looking twice is none."""
    number = sky.schedule("First", at=NOON + timedelta(hours=1)).post_id
    seen = []
    for change in (
        lambda: None,
        lambda: None,
        lambda: sky.posts.move(number, NOON + timedelta(hours=2)),
        lambda: sky.accounts.set(None, {"gap_seconds": 60}),
        lambda: sky.context.clock.advance(600),  # type: ignore[attr-defined]
        lambda: None,
    ):
        change()
        assert "1 go out" in page.get(WEEK).text
        seen.append(len(runs))
    assert [1, 1, 2, 3, 4, 4] == seen


def test_too_much_is_said_at_once(
    sky: Skywrite, page: TestClient, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many posts are not even begun with, and a recurrence that comes too often ends it; the plan is there anyway."""
    sky.schedule("First", at=NOON + timedelta(hours=1))
    monkeypatch.setattr(rehearsals, "DUE_MAX", 0)
    text = page.get(WEEK).text
    assert ("too much in this queue" in text, "First" in text, []) == (True, True, runs)
    monkeypatch.setattr(rehearsals, "DUE_MAX", 10)
    monkeypatch.setattr(rehearsals, "STEPS_MAX", 1)
    assert "too long for one rehearsal" in page.get(WEEK).text


def test_a_rehearsal_changes_nothing(sky: Skywrite, page: TestClient, world: World) -> None:
    """Nothing goes out, and the post is as it was."""
    number = sky.schedule("First", at=NOON + timedelta(hours=1)).post_id
    before = sky.posts.get(number)
    page.get(WEEK)
    assert ([], before) == (world.texts(), sky.posts.get(number))
