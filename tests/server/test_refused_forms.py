"""A form that is refused is shown again: what was typed is in it, and what is wrong is at its field, in plain words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode
from starlette.testclient import TestClient

import skywrite
from skywrite.app import Skywrite
from skywrite.core.errors import Do, Hint
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.pages.frame import navigation
from skywrite.faces.server.pages.words import PLACES, hint_words, local_words
from skywrite.faces.server.security import Origin
from skywrite.queue.people import People
from tests.server.forms import fields
from tests.support.world import NOON

NONSENSE = "no such <b>thing</b> & more"
TYPED = ("text", "url", "search", "textarea")
SOON = NOON + timedelta(hours=1)


@pytest.fixture
def page(sky: Skywrite) -> TestClient:
    """The pages as the owner gets them, with something of each kind."""
    sky.schedule("A post", at=SOON)
    sky.schedule("An idea", draft=True)
    sky.schedule("Daily", every="daily 15:00")
    people = People(sky.context.store)
    people.add("A writer", "writer")
    headers = {"cookie": f"{COOKIE}={people.begin_session(people.owner().id)}", "accept": "text/html"}
    return TestClient(
        make_app(sky, Origin.of(None)), base_url="http://127.0.0.1", headers=headers, follow_redirects=False
    )


def forms(page: TestClient) -> Iterator[tuple[str, LexborNode]]:
    """Every form that people fill in and send by POST, from the pages themselves."""
    for path in (*(entry.address for entry in navigation()), "/posts/1", "/posts/2", "/drafts"):
        for form in LexborHTMLParser(page.get(path).text).css('form[method="post"]'):
            yield path, form


def typed(form: LexborNode) -> list[LexborNode]:
    """The fields that take any text."""
    kinds = ((field, field.attributes.get("type") or field.tag) for field in form.css("input[name], textarea[name]"))
    return [field for field, kind in kinds if kind in ("input", *TYPED)]


def test_every_form_keeps_what_was_typed(page: TestClient) -> None:
    """Nonsense in all fields of all forms of all pages: accepted, or there again, with the reason in one place."""
    seen = 0
    for path, form in forms(page):
        action = form.attributes["action"] or ""
        wrong = [field for field in typed(form) if "hidden" not in form.attributes]
        if not wrong or form.attributes.get("enctype"):
            continue
        values = {name.attributes["name"] or "": name.attributes.get("value") or "" for name in form.css("[name]")}
        values |= {field.attributes["name"] or "": NONSENSE for field in wrong}
        answer = page.post(action, data=values, headers={"referer": f"http://127.0.0.1{path}"})
        if answer.is_redirect:
            continue
        shown = LexborHTMLParser(answer.text)
        kept = [
            field
            for field in shown.css("input, textarea")
            if NONSENSE in (field.attributes.get("value"), field.text().strip())
        ]
        assert (action, 1, len(wrong)) == (action, len(shown.css(".wrong[role=alert]")), len(kept))
        seen += 1
    assert seen >= 8


WRONG = (
    ("/accounts/settings", {"gap_seconds": "soon"}, "gap_seconds", "“Minimum gap between two posts (seconds)” must be"),
    ("/accounts/slots", {"day2": "noonish"}, "day2", "noonish"),
    ("/posts/1/move", {"at": "noonish"}, "at", "noonish"),
    ("/posts/1/move", {"at": ""}, "at", "No time is given"),
)


@pytest.mark.parametrize(("action", "values", "name", "words"), WRONG)
def test_the_reason_is_at_the_field(
    page: TestClient, action: str, values: dict[str, str], name: str, words: str
) -> None:
    """It is marked, described by the reason, and has the focus; and nothing is said in the words of programs."""
    path = "/" + "/".join(action.split("/")[1:-1])
    answer = page.post(action, data={**fields(page.get(path).text, action), **values})
    (field,) = LexborHTMLParser(answer.text).css("[aria-invalid=true]")
    reason = LexborHTMLParser(answer.text).css_first(f"#{field.attributes['aria-describedby']}").text()
    assert (422, name, values[name], True) == (
        answer.status_code,
        field.attributes["name"],
        field.attributes["value"],
        words in reason,
    )
    assert "autofocus" in field.attributes
    assert None is re.search(r"\w_\w|\w=\d", reason)


def test_what_cannot_be_seen_is_said_at_the_top(page: TestClient) -> None:
    """The plan moves posts with a form that nobody sees."""
    answer = page.post("/move", data={"id": "1", "at": "noonish", "back": "/?view=agenda"})
    (alert,) = LexborHTMLParser(answer.text).css("[data-said] [role=alert]")
    assert ("noonish" in alert.text(), True) == (True, 'class="card agenda"' in answer.text)


def test_a_page_says_what_changed_meanwhile_without_numbers(sky: Skywrite, page: TestClient) -> None:
    """It shows the post as it is now, and names no version."""
    seen = fields(page.get("/posts/1").text, "/posts/1/move")
    sky.posts.edit(1, text="Words of another")
    answer = page.post("/posts/1/move", data={**seen, "at": "tomorrow 9:00"})
    reason = LexborHTMLParser(answer.text).css_first("[role=alert]").text()
    assert (412, "version" in reason, "Words of another" in answer.text) == (answer.status_code, False, True)


def operations() -> set[str]:
    """What the hints of the whole source name."""
    names = set[str]()
    for file in Path(skywrite.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            is_do = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Do"
            if is_do and node.args and isinstance(node.args[0], ast.Constant):
                names.add(str(node.args[0].value))
    return names - {"argument"}


def test_every_hint_names_a_place_of_the_page() -> None:
    """No hint of the source shows the name of an operation, or says the same twice; no place is for what is gone."""
    shown = {name: hint_words(Hint("Do it: ", Do(name))) for name in operations()}
    assert ({}, set()) == (
        {name: words for name, words in shown.items() if name in words},
        PLACES.keys() - operations(),
    )
    assert "Release it: press “Let it go out”" == hint_words(Hint("Release it: ", Do("posts.release", 3)))


def test_times_of_messages_are_those_of_the_account() -> None:
    """A person reads the clock on the wall."""
    sentence = local_words("It was deleted from the network on 2026-12-01 at 23:43 UTC.", "Europe/Berlin")
    assert "It was deleted from the network on Wed 2 Dec 2026, 00:43." == sentence


def test_a_post_that_leaves_the_week_is_followed(sky: Skywrite, page: TestClient) -> None:
    """Whoever moves it by keys sees where it went, and can go on; within the days shown, they stay."""
    number = sky.schedule("Into next week", at="in 1 hour").post_id
    for at, shown in (("in 2 hours", "/?view=week&on=2026-11-24"), ("in 8 days", "/?view=week&on=2026-12-02")):
        form = {"id": str(number), "at": at, "back": "/?view=week&on=2026-11-24"}
        answer = page.post("/move", data=form, follow_redirects=False)
        assert shown == answer.headers["location"].partition("&done")[0]


def test_what_was_deleted_is_not_published_any_more(sky: Skywrite, page: TestClient) -> None:
    """Its page and the history say so, with the account's time, and offer no second deletion."""
    sky.accounts.set(None, {"zone": "Asia/Tokyo"})
    number = sky.post("Gone again").id
    sky.posts.delete(number)
    shown = page.get(f"/posts/{number}").text
    assert ('<span class="chip deleted">deleted</span>' in shown, "Delete from the network" in shown) == (True, False)
    for text in (shown, page.get("/history").text):
        assert ("on Tue 24 Nov 2026, 21:00" in text, "UTC" in text) == (True, False)
