"""Ways of answering on the page: a grammar that was sent answers, and names no file of this computer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.core import contained
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.security import Origin
from skywrite.queue.people import People
from tests.features.ways.test_ways import item, told

THANKS = {"origin": "Thank you, #who#!", "who": ["friend", "stranger", "neighbour"]}
TEXTS = {"Thank you, friend!", "Thank you, stranger!", "Thank you, neighbour!"}


@pytest.fixture
def page(sky: Skywrite) -> TestClient:
    """The pages as the owner gets them."""
    people = People(sky.context.store)
    headers = {"cookie": f"{COOKIE}={people.begin_session(people.owner().id)}"}
    return TestClient(
        make_app(sky, Origin.of(None)), base_url="http://127.0.0.1", headers=headers, follow_redirects=False
    )


def test_a_grammar_on_the_page_answers(sky: Skywrite, page: TestClient) -> None:
    """The page shows some of its texts, and it says one of them."""
    form = {"grammar": json.dumps(THANKS), "distinct": "3", "word": "thanks", "account": "alice.test"}
    page.post("/ways/grammar", data=form)
    shown = LexborHTMLParser(page.get("/ways").text)
    (way,) = sky.ways.list()
    assert TEXTS == {one.text() for one in shown.css(".kept li")}
    assert way.doing is not None
    assert ("text", "thanks", 3) == (way.doing.kind, way.doing.word, way.doing.distinct)
    assert told(sky, way.id, item("@alice.test thanks"))["text"] in TEXTS


@pytest.mark.parametrize(
    ("given", "name", "said"),
    [
        ({"grammar": "bot.json"}, "grammar", "is not JSON"),
        ({"grammar": '{"origin": "{img a.png A}"}'}, "grammar", "only the grammar was sent"),
        ({"distinct": "20"}, "distinct", "the grammar gives 3"),
        ({"word": "two words"}, "word", "'two words' is not one word"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(
    sky: Skywrite, page: TestClient, given: dict[str, str], name: str, said: str
) -> None:
    """Nothing is added."""
    form = {"grammar": json.dumps(THANKS), "distinct": "", "word": "", "account": "alice.test", **given}
    answer = page.post("/ways/grammar", data=form)
    shown = LexborHTMLParser(answer.text)
    (field,) = shown.css("[aria-invalid=true]")
    assert (422, name, []) == (answer.status_code, field.attributes["name"], sky.ways.list())
    assert [True] == [said in reason.text() for reason in shown.css("[role=alert]")]


def test_a_grammar_that_was_sent_is_read_with_limits(
    sky: Skywrite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is added and each time it answers; a file of this computer needs none."""
    asked = list[str]()
    call = contained.call

    def watched(function: object, *given: object) -> object:
        asked.append(function.__name__)  # type: ignore[attr-defined]
        return call(function, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(contained, "call", watched)
    told(sky, sky.ways.add_text(THANKS).way.id)
    assert ["texts_from_outside", "row_from_outside"] == asked
    (tmp_path / "bot.json").write_text(json.dumps(THANKS))
    told(sky, sky.ways.add_text(tmp_path / "bot.json").way.id)
    assert ["texts_from_outside", "row_from_outside"] == asked
