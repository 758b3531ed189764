"""Recurrences on the page: texts from a grammar, chosen there, shown there, and refused at the field."""

from __future__ import annotations

import json

import pytest
from selectolax.lexbor import LexborHTMLParser
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.security import Origin
from skywrite.queue.people import People

MORNINGS = json.dumps({"origin": "Good morning, #who#!", "who": ["world", "early birds", "you"]})
TEXTS = {"Good morning, world!", "Good morning, early birds!", "Good morning, you!"}


@pytest.fixture
def page(sky: Skywrite) -> TestClient:
    """The pages as the owner gets them."""
    people = People(sky.context.store)
    headers = {"cookie": f"{COOKIE}={people.begin_session(people.owner().id)}"}
    return TestClient(
        make_app(sky, Origin.of(None)), base_url="http://127.0.0.1", headers=headers, follow_redirects=False
    )


def texts(sky: Skywrite) -> set[str]:
    """What the only recurrence says in turn."""
    (item,) = sky.recurrences.list()
    return {one["draft"]["text"] for one in item.pool}


def test_texts_come_from_a_grammar(sky: Skywrite, page: TestClient) -> None:
    """A new recurrence takes them in turn, and the page shows some of them."""
    form = {"every": "daily 15:00", "account": "alice.test", "grammar": MORNINGS, "distinct": "3"}
    page.post("/recurrences/add", data=form)
    shown = page.get("/recurrences").text
    assert (TEXTS, "daily 15:00") == (texts(sky), sky.recurrences.get(1).rule)
    seen = {one.text() for one in LexborHTMLParser(shown).css("#r1 .kept li")}
    assert (TEXTS, True) == (seen, "3 texts in turn" in shown)


def test_a_recurrence_takes_other_texts(sky: Skywrite, page: TestClient) -> None:
    """Its rhythm stays, and its waiting post is one of them; without a number it takes as many as there are."""
    sky.schedule("Old", every="daily 15:00")
    page.post("/recurrences/1/texts", data={"grammar": MORNINGS, "distinct": ""})
    (waiting,) = sky.posts.list()
    assert (TEXTS, True) == (texts(sky), waiting.post.text in TEXTS)


WRONG = (
    ({"grammar": "bot.json"}, "grammar", "is not JSON"),
    ({"grammar": "[1]"}, "grammar", "is no JSON object"),
    ({"grammar": '{"origin": "#x#"}'}, "grammar", "there is no symbol 'x'"),
    ({"grammar": '{"origin": 5}'}, "grammar", "origin is not a text"),
    ({"grammar": '{"origin": "{img a.png A}"}'}, "grammar", "only the grammar was sent"),
    ({"grammar": ""}, "grammar", "No grammar is given"),
    ({"distinct": "20"}, "distinct", "20 distinct posts are asked for, and the grammar gives 3."),
    ({"distinct": "many"}, "distinct", "'many' is not a number of texts"),
    ({"every": "now and then"}, "every", "now and then"),
)


@pytest.mark.parametrize(("given", "name", "said"), WRONG)
def test_what_is_wrong_is_said_at_the_field(
    sky: Skywrite, page: TestClient, given: dict[str, str], name: str, said: str
) -> None:
    """Nothing is added, and what was typed is there."""
    form = {"every": "daily 15:00", "account": "alice.test", "grammar": MORNINGS, "distinct": "", **given}
    answer = page.post("/recurrences/add", data=form)
    shown = LexborHTMLParser(answer.text)
    (field,) = shown.css("[aria-invalid=true]")
    assert (422, name, []) == (answer.status_code, field.attributes["name"], sky.recurrences.list())
    assert [True] == [said in reason.text() for reason in shown.css("[role=alert]")]
    assert form[name] == (field.text().strip() if field.tag == "textarea" else field.attributes["value"])
