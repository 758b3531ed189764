"""Grammars in Tracery's format: the same seed gives the same text, and what is wrong with one is said all at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from skywrite.app.operations.grammars import texts_given
from skywrite.core import contained
from skywrite.core.errors import InputError
from skywrite.posting.sources.grammar import Grammar, texts_in_turn

FOLDER = Path("/nowhere")


def grammar(**rules: Any) -> Grammar:
    """A grammar with these symbols."""
    return Grammar.of(json.dumps(rules), FOLDER)


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ({"origin": "Hello"}, "Hello"),
        ({"origin": ["#greeting.capitalize#, #who#!"], "greeting": ["hello"], "who": "world"}, "Hello, world!"),
        ({"origin": r"Number \#1 \[not an action\]"}, "Number #1 [not an action]"),
        ({"origin": "#[who:#name#]story#", "name": ["Ann"], "story": "#who# and #who#"}, "Ann and Ann"),
        ({"origin": "[who:Bob]#who##[who:Cy]who##who#", "who": "Dee"}, "BobCyBob"),
        ({"origin": "[who:Bob][who:POP]#who#", "who": "Dee"}, "Dee"),
        ({"origin": "#[#set#]who#", "set": "[who:Eve]", "who": "Dee"}, "Eve"),
        ({"origin": "#x.a# #y.s# #z.ed#", "x": "owl", "y": "pony", "z": "bake a cake"}, "an owl ponies baked a cake"),
        (
            {"origin": "#x.a# #y.s.capitalizeAll#", "x": "unicorn", "y": "fox box"},
            "a unicorn Fox Boxes",
        ),
        ({"origin": "#x.replace(a,o).upper#", "x": "cat.s"}, "COT.S"),
        ({"origin": "#x.firstS#", "x": "attorney general"}, "attorneys general"),
    ],
)
def test_the_format_of_tracery(rules: dict[str, Any], text: str) -> None:
    """Rules, modifiers, actions that give symbols other rules and take them back, and plain signs."""
    assert text == grammar(**rules).text("any")


def test_a_seed_gives_the_same_text_for_ever() -> None:
    """Texts of today are those of tomorrow, on any computer."""
    small_grammar = grammar(origin="#a##b##c#", a=["1", "2", "3"], b=["x", "y"], c=["!", "?", "."])
    texts = [small_grammar.text(f"seed {number}") for number in range(6)]
    assert texts == [small_grammar.text(f"seed {number}") for number in range(6)]
    assert ["2x!", "3y?", "2y!", "2y.", "2x.", "1x."] == texts


def test_posts_of_a_pool_are_all_different() -> None:
    """As many as are asked for, or as many as there are."""
    small_grammar = grammar(origin="#a##b#", a=[str(number) for number in range(10)], b=["x", "y"])
    texts = [row["text"] for row in small_grammar.rows(15)]
    assert (15, 15, 20) == (len(texts), len(set(texts)), len(small_grammar.rows(100)))


def test_symbols_may_come_back_if_there_is_a_way_out() -> None:
    """A list of any length ends; deep inside, the shortest way out is taken."""
    small_grammar = grammar(origin="#list#", list=["x", "x#list#", "x#list#", "x#list#", "x#list#", "x#list#"])
    assert {"x"} == {letter for number in range(50) for letter in small_grammar.text(f"{number}")}
    assert 40 > max(len(small_grammar.text(f"{number}")) for number in range(50)) > 5


def test_all_that_is_wrong_is_said_at_once() -> None:
    """Unknown symbols and modifiers, lists without texts, signs without an end: each with its symbol."""
    wrong = {
        "origin": ["#nobody#", "#name.shout#", "#name"],
        "name": [],
        "age": 7,
        "more": ["[key:#none#]x"],
    }
    with pytest.raises(InputError) as told:
        grammar(**wrong)
    assert "grammar.invalid" == told.value.code
    lines = told.value.message.splitlines()[1:]
    assert [
        "- origin: '#name' has a # without its end (a plain one is written \\#).",
        "- name is not a text, nor a list of texts.",
        "- age is not a text, nor a list of texts.",
        "- origin: there is no symbol 'nobody'.",
        "- origin: there is no modifier .shout; there are a, s, ed, firstS, capitalize, capitalizeAll, upper, lower, "
        "replace(this,that).",
        "- more: there is no symbol 'none'.",
    ] == lines


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"origin": "#a#", "a": ["#b#"], "b": ["#a#", "x #origin#"]}, "lead round in a circle, and to no end: a, b"),
        ({"name": "x"}, "no symbol 'origin'"),
        ({"origin": ["x" * 301, "y"]}, "are longer than 300 characters. The longest has 301: xxx"),
        ({"origin": ["", "x"]}, "Some of its posts are empty"),
        ({"origin": "{svg half a drawing}"}, "is not one whole drawing"),
        ({"origin": "{img none.png A cat}"}, "There is no file /nowhere/none.png"),
        ({"origin": "##"}, "has a # without a symbol"),
    ],
)
def test_what_is_never_accepted(rules: dict[str, Any], words: str) -> None:
    """A circle, texts that are too long or empty, files that are not there."""
    with pytest.raises(InputError, match=words):
        grammar(**rules)


@pytest.mark.parametrize("text", ["no json", "[]", '"text"', "[" * 100_000, "{}"])
def test_what_is_no_grammar(text: str) -> None:
    """A file of another kind is refused with what it should look like."""
    with pytest.raises(InputError) as told:
        Grammar.of(text, FOLDER)
    assert ("grammar.invalid", True) == (told.value.code, bool(told.value.hint))


def test_a_grammar_that_grows_and_grows_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty symbols that each name the next one twice would give a billion words; the text ends, and is refused."""
    monkeypatch.setattr("skywrite.posting.sources.grammar.TRIES", 5)
    rules = {f"s{number}": f"#s{number + 1}# #s{number + 1}#" for number in range(40)}
    with pytest.raises(InputError, match="are longer than 300"):
        grammar(origin="#s0#", s40="word", **rules)


def test_images_have_words(tmp_path: Path) -> None:
    """`{img sun.png The sun}` is an image beside the text, from the folder of the grammar."""
    (tmp_path / "sun.png").write_bytes(b"")
    path = tmp_path / "bot.json"
    path.write_text(json.dumps({"origin": "Good #time#! {img sun.png The sun}", "time": "morning"}))
    expected = {"text": "Good morning!", "images": [{"path": str(tmp_path / "sun.png"), "alt": "The sun"}]}
    assert expected == Grammar.read(path).row("any")
    with pytest.raises(InputError, match=r"none.json cannot be read"):
        Grammar.read(tmp_path / "none.json")


DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="9" height="9" fill="{}"/></svg>'


def test_drawings_are_images(tmp_path: Path) -> None:
    """`{svg <svg ...>...</svg> words}` is an image of the post, in the order in which images are written."""
    drawing = DRAWING.format("\\#f00")
    origin = f"Look {{svg {drawing} A #what#}} and {{img sun.svg}}"
    (tmp_path / "sun.svg").write_text(DRAWING.format("blue"))
    path = tmp_path / "bot.json"
    path.write_text(json.dumps({"origin": origin, "what": "square"}))
    assert {
        "text": "Look  and",
        "images": [
            {"data": DRAWING.format("#f00").encode(), "name": "drawing.svg", "alt": "A square"},
            {"path": str(tmp_path / "sun.svg"), "alt": ""},
        ],
    } == Grammar.read(path).row("any")


@pytest.mark.parametrize(
    ("drawing", "words"),
    [
        ('<svg xmlns="http://www.w3.org/2000/svg"><rect width="9"/></svg>', "has no size"),
        ('<svg width="9" height="9"><image href="/etc/passwd"/></svg>', "'/etc/passwd', which is not in the drawing"),
        ('<svg width="9" height="9"><rect</svg>', "no drawing that can be read"),
    ],
)
def test_drawings_are_drawn_when_a_grammar_is_added(tmp_path: Path, drawing: str, words: str) -> None:
    """Whatever would fail later is said now, written out or in a file."""
    path = tmp_path / "bot.json"
    (tmp_path / "a.svg").write_text(drawing)
    for origin in (f"{{svg {drawing}}}", "{img a.svg}"):
        path.write_text(json.dumps({"origin": origin}))
        with pytest.raises(InputError, match=words):
            Grammar.read(path)


COIN = {"origin": "#side#", "side": ["heads", "tails"]}


@pytest.mark.parametrize("source", ["bot.json", json.dumps(COIN), COIN, FOLDER])
def test_a_grammar_is_a_file_or_itself(tmp_path: Path, source: Any) -> None:
    """A name counts from the folder of whoever names it; an object, and its JSON, are the grammar."""
    (tmp_path / "bot.json").write_text(json.dumps(COIN))
    texts = texts_in_turn(None, tmp_path / "bot.json" if source is FOLDER else source, None, tmp_path) or ()
    assert ["heads", "tails"] == sorted(row["text"] for row in texts)


@pytest.mark.parametrize(
    ("pool", "grammar", "distinct", "words"),
    [
        (None, COIN, 20, "20 distinct posts are asked for, and the grammar gives 2"),
        (None, {"origin": "x"}, 2, "2 distinct posts are asked for, and the grammar gives 1"),
        (None, COIN, 0, "0 distinct posts cannot be asked for"),
        (None, COIN, 1001, "1001 distinct posts cannot"),
        (None, COIN, "many", "'many' is not a number of texts"),
        (None, COIN, True, "'True' is not a number"),
        (None, None, 3, "needs a grammar"),
        (["a"], None, 3, "needs a grammar"),
        (["a"], COIN, None, "exclude each other"),
        (None, "none.json", None, "none.json cannot be read"),
        (None, "", None, "A grammar is the name of a file, or the grammar itself"),
        (None, 5, None, "A grammar is the name of a file, or the grammar itself"),
        (None, "{", None, "is not JSON"),
    ],
)
def test_a_number_of_texts_is_checked_at_once(pool: Any, grammar: Any, distinct: Any, words: str) -> None:
    """A grammar that has fewer is refused, and so is whatever means nothing."""
    with pytest.raises(InputError, match=words):
        texts_in_turn(pool, grammar, distinct, FOLDER)


def test_a_grammar_from_outside_names_no_file() -> None:
    """What was sent over the network draws what it shows, and cannot even ask whether a file is there."""
    drawn = {"origin": "x {svg <svg></svg> A square}"}
    assert [b"<svg></svg>"] == [row["images"][0]["data"] for row in texts_given(None, drawn, None) or ()]
    for rules in ({"origin": "x {img /etc/passwd A}"}, {"origin": "x {#i# /etc/passwd A}", "i": "img"}):
        with pytest.raises(InputError, match="/etc/passwd is a file, and only the grammar was sent"):
            texts_given(None, rules, None)


def test_a_grammar_from_outside_that_takes_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read in a process with limits, whose end is an error of the grammar."""

    def ends(*arguments: Any) -> Any:
        raise contained.TooCostly("It took too long.")

    monkeypatch.setattr(contained, "call", ends)
    with pytest.raises(InputError, match="takes more memory or time than it may"):
        texts_given(None, COIN, None)
