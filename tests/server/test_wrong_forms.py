"""Addresses and forms that no page of ours would send: each is refused with a sentence, never an unexpected error."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient
from starlette.types import Message

from skywrite.app import Skywrite
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.pages.forms import read_form
from skywrite.faces.server.security import Origin
from skywrite.queue.people import People
from tests.support.errors import fails
from tests.support.world import NOON

HUGE = "9" * 30
ADDRESSES = (
    ("/?on=soon", 422, "is not a day"),
    ("/?on=9999-12-31", 422, "The plan shows the years from 1970 to 2999"),
    ("/?on=0001-01-01&view=month", 422, "The plan shows the years from 1970 to 2999"),
    ("/?on=2999-12-31&view=agenda", 200, "From 31 December 2999"),
    ("/?on=1970-01-01&view=month", 200, "January 1970"),
    ("/posts/999", 404, "There is no post 999"),
    (f"/posts/{HUGE}", 404, "There is no page at this address"),
    ("/nothing", 404, "There is no page at this address"),
    ("/compose?draft=999", 404, "There is no post 999"),
    (f"/compose?draft={HUGE}", 200, "New post"),
    ("/compose?draft=²", 200, "New post"),
    (f"/inbox?answered={HUGE}", 200, "Inbox"),
    (f"/stats?after={HUGE}", 200, "Stats"),
)
FORMS: tuple[tuple[str, dict[str, str], str], ...] = (
    ("/move", {}, "The form has no field"),
    ("/move", {"id": "x", "at": "tomorrow 9:00"}, "is not the number of a post"),
    ("/move", {"id": HUGE, "at": "tomorrow 9:00"}, "is not the number of a post"),
    ("/move", {"id": "1"}, "The form has no field"),
    ("/move", {"id": "1", "at": "tomorrow 9:00", "version": "x"}, "version is not a number"),
    ("/posts/1/move", {"at": "tomorrow 9:00", "version": HUGE}, "version is not a number"),
    ("/bulk/shift", {"post-1": "1", "post-x": "1", "by": "1d"}, "names no post"),
    ("/bulk/cancel", {"post-1": "1", "post-²": "1"}, "names no post"),
    ("/bulk/cancel", {"post-1": "x"}, "version is not a number"),
    ("/bulk/approve", {"digest-x": "0"}, "names no post"),
    ("/recurrences/1/skip", {}, "The form has no field"),
    ("/recurrences/1/skip", {"occurrence": "x"}, "does not understand"),
    ("/recurrences/1/move", {"occurrence": "9999-12-31T23:59:59+00:00", "to": "tomorrow"}, "years away"),
    ("/media/drop", {}, "The form has no field"),
    ("/settings/keys", {"name": "x" * 5000, "scope-read": "1"}, "length"),
    ("/settings/webhooks", {"url": "https://example.com/" + "x" * 9000}, "length"),
)


@pytest.fixture
def page(sky: Skywrite) -> TestClient:
    """The pages as the owner gets them, with one post and one recurrence."""
    sky.schedule("A post", at=NOON + timedelta(hours=1))
    sky.schedule("Daily", every="daily 15:00")
    people = People(sky.context.store)
    headers = {"cookie": f"{COOKIE}={people.begin_session(people.owner().id)}", "accept": "text/html"}
    return TestClient(make_app(sky, Origin.of(None)), base_url="http://127.0.0.1", headers=headers)


def test_an_address_that_was_typed_wrong(page: TestClient) -> None:
    """It gets a page for people that says what is wrong."""
    for path, status, words in ADDRESSES:
        response = page.get(path)
        assert (status, True) == (response.status_code, "<title>" in response.text), path
        assert words in response.text, path


def test_a_form_that_was_made_up(page: TestClient) -> None:
    """It changes nothing, and the page says what it lacks."""
    for path, form, words in FORMS:
        response = page.post(path, data=form, headers={"origin": "http://127.0.0.1"})
        assert (422, True) == (response.status_code, words in response.text), (path, form)


@pytest.mark.parametrize("mode", ["", "soon", "Slot"])
def test_a_form_that_says_no_time_we_know_schedules_nothing(sky: Skywrite, page: TestClient, mode: str) -> None:
    """What is not one of the choices is no free slot."""
    form, files = {"text": "Surprise", "mode": mode}, {"file": ("", b"")}
    response = page.post("/compose", data=form, files=files, headers={"origin": "http://127.0.0.1"})
    assert (422, True) == (response.status_code, "which is no time" in response.text)
    assert ["A post", "Daily"] == sorted(entry.post.text for entry in sky.posts.list())


def test_a_program_gets_a_problem_where_nothing_is(page: TestClient) -> None:
    """Who does not ask for a page, or asks the API, gets JSON."""
    for path, accept in (("/nothing", "*/*"), ("/api/v1/nothing", "text/html")):
        response = page.get(path, headers={"accept": accept})
        assert (404, "page.unknown") == (response.status_code, response.json()["code"])


def test_a_plan_ends_before_time_does(page: TestClient) -> None:
    """The API refuses days whose following ones no computer can count."""
    response = page.get("/api/v1/plan?from=9999-12-01T00:00:00Z&to=9999-12-31T23:59:59Z")
    assert (422, "A plan ends before the year 9001.") == (response.status_code, response.json()["detail"])


def test_a_mistake_of_ours_is_a_page_for_people(
    sky: Skywrite, page: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to do, shows nothing of the inside, and programs get a problem."""
    monkeypatch.setattr("skywrite.features.checkup.page.show", lambda *_, **__: 1 / 0)
    client = TestClient(page.app, base_url="http://127.0.0.1", headers=page.headers, raise_server_exceptions=False)
    shown = client.get("/status")
    assert (500, True, False) == (
        shown.status_code,
        "Look at the plan before you try again" in shown.text,
        "division" in shown.text,
    )
    answer = client.get("/status", headers={"accept": "*/*"})
    assert (500, "skywrite.bug") == (answer.status_code, answer.json()["code"])


def test_a_damaged_form_is_no_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A stranger who sends junk gets an answer, and writes nothing past our log."""

    async def receive() -> Message:
        return {"type": "http.request", "body": b"junk", "more_body": False}

    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    with fails("body.malformed"):
        asyncio.run(read_form(request, 1000, max_files=1, max_fields=5))
    assert [] == [record for record in caplog.records if record.name.startswith("python_multipart")]
