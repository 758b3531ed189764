"""Files that are too large: a sentence instead of a broken connection, and nothing that was written is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from starlette.testclient import TestClient

from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.demo import demo_queue
from skywrite.faces.server.pages import compose
from skywrite.faces.server.security import Origin
from skywrite.queue.people import People
from tests.pages.conftest import Watched
from tests.pages.test_composing import write


@pytest.fixture
def form() -> Iterator[TestClient]:
    """The owner's browser without a script."""
    with demo_queue() as sky:
        people = People(sky.context.store)
        cookie = f"{COOKIE}={people.begin_session(people.owner().id)}"
        with TestClient(make_app(sky, Origin.of(None)), base_url="http://127.0.0.1", headers={"cookie": cookie}) as web:
            yield web


def test_without_a_script_the_text_comes_back(form: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form comes back with 413, its text and a sentence; no post was made. A smaller one goes through."""
    monkeypatch.setattr(compose, "UPLOAD_BYTES_MAX", 2_000_000)
    fields = {"text": "Long thoughts & more", "mode": "draft", "account": "alice.test"}
    before = form.get("/api/v1/posts?state=draft").json()
    answer = form.post("/compose", data=fields, files={"files": ("big.png", b"\x89PNG" + b"x" * 2_500_000)})
    assert 413 == answer.status_code
    assert ("Long thoughts &amp; more" in answer.text, "larger than 2 MB" in answer.text) == (True, True)
    assert before == form.get("/api/v1/posts?state=draft").json()
    small = form.post("/compose", data=fields, files={"files": ("small.png", b"x")})
    assert (422, True) == (small.status_code, "Long thoughts &amp; more" in small.text)


def test_forms_that_are_no_forms(form: TestClient) -> None:
    """A body that is no form with files is refused in words, and so is a plain form that is too large."""
    for headers in ({}, {"content-type": "multipart/form-data"}):
        answer = form.post("/compose", content=b"x", headers=headers)
        assert (400, "body.malformed") == (answer.status_code, answer.json()["code"])
    plain = {"content-type": "application/x-www-form-urlencoded"}
    assert 413 == form.post("/settings/keys", content=b"name=" + b"a" * 1_000_001, headers=plain).status_code


def test_with_the_script_nothing_is_sent_that_is_too_large(tab: Watched) -> None:
    """The composer says how much may be sent, and what a server said that refused it; the text stays, as a draft."""
    page = tab.visit("/compose")
    write(page, "Words that stay")
    large = {"name": "large.png", "mimeType": "image/png", "buffer": b"x" * 2_000_000}
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator("[data-compose]").evaluate("form => { form.dataset.maxBytes = 1_000_000 }")
    page.set_input_files("#files", [large])  # type: ignore[list-item]
    expect(page.locator("[data-said] .trouble")).to_contain_text("large.png: It is larger than 1 MB.")
    assert [] == [url for url in asked if "/media" in url]
    page.locator("[data-compose]").evaluate("form => { form.dataset.maxBytes = 9_000_000 }")
    body = '{"detail": "The body is larger than 1000000 bytes.", "hint": "Send less at a time."}'
    page.route("**/api/v1/media?*", lambda route: route.fulfill(status=413, body=body))
    page.set_input_files("#files", [large])  # type: ignore[list-item]
    expect(page.locator("[data-said] .trouble")).to_contain_text("The body is larger than 1000000 bytes. Send less")
    expect(page.locator("textarea[name=text]")).to_have_value("Words that stay")
    expect(page.locator("[data-saved]")).to_have_text("Draft saved")
    tab.complaints.clear()
