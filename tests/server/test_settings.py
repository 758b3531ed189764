"""Settings of an account over HTTP and on the page: nonsense is refused with a sentence, and changes nothing."""

from __future__ import annotations

from urllib.parse import unquote_plus

import pytest
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.app.settings import SETTINGS
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.security import Origin
from skywrite.queue.people import People
from tests.support.nonsense import nonsense, nonsense_words


@pytest.fixture
def client(sky: Skywrite) -> TestClient:
    """The owner of the server."""
    people = People(sky.context.store)
    headers = {"cookie": f"{COOKIE}={people.begin_session(people.owner().id)}"}
    return TestClient(make_app(sky, Origin.of(None)), base_url="http://127.0.0.1", headers=headers)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_api_takes_no_nonsense(sky: Skywrite, client: TestClient, name: str) -> None:
    """Each value is refused with 422; settings that watch agents are no fields of the API at all."""
    before = sky.accounts.get().settings
    values = nonsense(name) if SETTINGS[name].by_key else ["all", "agents", "yes", None]
    for value in values:
        answer = client.patch(f"/api/v1/accounts/{sky.accounts.get().did}", json={name: value})
        assert answer.status_code == 422, (value, answer.text)
    assert before == sky.accounts.get().settings


@pytest.mark.parametrize("name", SETTINGS)
def test_the_page_takes_no_nonsense(sky: Skywrite, client: TestClient, name: str) -> None:
    """Each value that one can write is refused on a page that names it, and nothing is saved."""
    before = sky.accounts.get().settings
    for value in nonsense_words(name):
        if value.strip():
            answer = client.post("/accounts/settings", data={"account": sky.accounts.get().did, name: value})
            assert answer.status_code == 422, (value, answer.text)
    assert before == sky.accounts.get().settings


def test_the_page_shows_and_keeps_every_setting(sky: Skywrite, client: TestClient) -> None:
    """Saving the form as it is changes nothing, also of what is yes by default and was set to no."""
    settings = {"inbox": False, "marks": False, "markdown": False, "approval": ["feed", "agents"], "gap_seconds": 0}
    sky.accounts.set(None, {**settings, "langs": ["de", "en"], "zone": "Europe/Berlin", "quote_links": True})
    before = sky.accounts.get().settings
    shown = client.get("/accounts").text
    assert set() == {name for name in SETTINGS if f'name="{name}"' not in shown}
    form = _form(shown)
    assert set(SETTINGS) == set(form)
    saved = client.post("/accounts/settings", data={**form, "account": sky.accounts.get().did}, follow_redirects=False)
    assert saved.status_code == 303
    assert before == sky.accounts.get().settings


def test_posts_that_need_no_approval_any_more_are_counted(sky: Skywrite, client: TestClient) -> None:
    """Whoever ends the approvals on the page reads how many posts go out without one."""
    sky.accounts.set(None, {"approval": "all"})
    sky.schedule("Wait", at="in 3 days")
    ended = {"account": sky.accounts.get().did, "approval": "", "was-approval": "all"}
    answers = [client.post("/accounts/settings", data=ended, follow_redirects=False) for _ in range(2)]
    expected = "1 post that waited for an approval needs none now, and will be published without one."
    assert [True, False] == [expected in unquote_plus(answer.headers["location"]) for answer in answers]


def _form(page: str) -> dict[str, str]:
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(page)
    values = {}
    for name in SETTINGS:
        field = tree.css_first(f'[name="{name}"]')
        assert field is not None
        if field.tag == "select":
            chosen = field.css_first("option[selected]")
            values[name] = "" if chosen is None else chosen.attributes.get("value") or chosen.text()
        else:
            values[name] = field.attributes.get("value") or ""
    return values
