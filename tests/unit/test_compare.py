"""What compares two versions: only what differs between two runs is evened out, and all that there is is asked."""

from __future__ import annotations

import ast
import re
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Route

from compare.calls import FORMS, OPERATIONS, PAGES, POSTS, TOOLS
from compare.commands import tree
from compare.examples import COMMANDS
from compare.normal import normalised
from compare.operations import walk
from compare.pages import NOT_PAGES, Form, forms_of, lines
from compare.surface import statement
from skywrite import Skywrite
from skywrite.faces.cli.main import cli
from skywrite.faces.server.app import make_app
from skywrite.faces.server.openapi import document
from skywrite.faces.server.security import Origin
from skywrite.features.agents.tools import tools
from tests.support.processes import ROOT

DIDS = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=24, max_size=24).map(lambda text: f"did:plc:{text}")
# The alphabet of base 32 has enough digits that no word of a language is among these.
RKEYS = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=12, max_size=12).map(lambda text: f"3{text}")
CIDS = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=52, max_size=52).map(lambda text: f"bafyrei{text}")
KEYS = st.text("abcABC123", min_size=36, max_size=36).map(lambda text: f"skw_{text}")
PORTS = st.integers(10_000, 65_535).map(lambda port: f"http://127.0.0.1:{port}/")
FRACTIONS = st.integers(0, 999).map(lambda number: f"2026-03-18T10:00:00.{number:03}Z")
RANDOM = (DIDS, RKEYS, CIDS, KEYS, PORTS, FRACTIONS)


@given(st.data())
def test_runs_are_evened_out(data: st.DataObject) -> None:
    """A text with other ids, ports and fractions of seconds, the same of them at the same places, is the same text."""
    places = data.draw(st.lists(st.integers(0, len(RANDOM) - 1), max_size=8))
    texts = [" and ".join(data.draw(RANDOM[place]) for place in places) for _ in range(2)]
    distinct = [len(set(text.split(" and "))) == len(places) for text in texts]
    assert not all(distinct) or normalised(texts[0]) == normalised(texts[1])


@given(st.text() | st.sampled_from(("3", "did:plc:", "12:00:00.5 ", "bafyrei")).flatmap(st.just))
def test_evened_out_once(text: str) -> None:
    """What was evened out stays as it is."""
    assert normalised(normalised(text)) == normalised(text)


@given(st.lists(st.sampled_from(("did:plc:" + "a" * 24, "did:plc:" + "b" * 24)), min_size=2, max_size=6))
def test_the_same_stays_the_same(ids: list[str]) -> None:
    """Ids that are the same have the same number afterwards, and others have another."""
    seen = normalised("; ".join(ids)).split("; ")
    assert [[one == other for other in ids] for one in ids] == [[one == other for other in seen] for one in seen]


@pytest.mark.parametrize(
    "text",
    [
        "Post 12 goes out Fri 20 Mar 2026 17:00 CET, 300 seconds after the last one.",
        "2026-03-20T15:00:00Z gap_seconds=300 unconventionally straightforward conversations",
        '"retry_seconds": 10, "size": 1326, "status": 422, "version": 3',
        "#ffcc00 de-AT v1 0 9 * * * skip:30m 12 likes at 24 hours; https://example.com/a/b?c=1#d",
    ],
)
def test_what_is_said_stays(text: str) -> None:
    """Words, dates, times of day, numbers and addresses are compared as they are."""
    assert text == normalised(text)


def test_names_of_this_run() -> None:
    """Folders of a run get the names that they are given, the longest first."""
    assert "<home>/a and <folder>/b" == normalised(
        "/t/x/home/a and /t/x/b", {"/t/x": "<folder>", "/t/x/home": "<home>"}
    )


def test_digits_of_fractions_are_compared() -> None:
    """That a time has milliseconds in one version and microseconds in the other is seen."""
    assert normalised("10:00:00.123Z") != normalised("10:00:00.123456Z")


def test_only_public_names_are_known() -> None:
    """A comparison imports no inner name of the program, which another version may have elsewhere."""
    trees = [(path.name, ast.parse(path.read_bytes())) for path in sorted((ROOT / "compare").glob("*.py"))]
    imported = [(name, node) for name, tree in trees for node in ast.walk(tree)]
    modules = [(name, node.module or "") for name, node in imported if isinstance(node, ast.ImportFrom)]
    modules += [(name, one.name) for name, node in imported if isinstance(node, ast.Import) for one in node.names]
    assert [] == [pair for pair in modules if pair[1].startswith("skywrite.") and pair[1] != "skywrite.sandbox"]


def test_every_command_has_an_example() -> None:
    """A command that nobody gave an example for in compare/examples.py is not compared, and named here."""
    paths = [path for path, _ in tree(cli, click.Context(cli, info_name="skywrite"), "")]
    assert [] == [path for path in paths if path not in COMMANDS]


def test_every_operation_and_tool_has_an_example() -> None:
    """The same of operations and tools, in compare/calls.py."""
    assert [] == [one.name for one in walk(document()) if one.name not in OPERATIONS]
    assert [] == [tool for tool in tools() if tool not in TOOLS]


def _addresses(sky: Skywrite, method: str) -> set[str]:
    """The addresses of pages and forms, with {} for what differs in them."""
    routes: Any = make_app(sky, Origin.of(None)).routes
    paths = [route.path for route in routes if isinstance(route, Route) and method in (route.methods or ())]
    return {re.sub(r"\{[^}]*\}", "{}", path) for path in paths if not path.startswith(NOT_PAGES)}


def test_every_page_has_an_example(sky: Skywrite) -> None:
    """The same of pages whose address names a thing."""
    named = {path for path in _addresses(sky, "GET") if "{}" in path}
    assert [] == sorted(named - PAGES.keys())


def test_every_form_has_an_example(sky: Skywrite) -> None:
    """The same of forms: one that stands on no page of the filled world is sent all the same, so it needs fields."""
    assert [] == sorted(_addresses(sky, "POST") - FORMS.keys() - POSTS.keys())


def test_schemas_are_compared_whatever_their_order() -> None:
    """Columns that came later are the same as those that came first; a column that is another is seen."""
    first = (
        "CREATE TABLE \"post\" (\n  id INTEGER PRIMARY KEY, -- its number\n  text TEXT CHECK (text IN ('a,b', 'c')))"
    )
    second = "CREATE TABLE post (text TEXT CHECK(text IN ('a,b','c')), id INTEGER PRIMARY KEY)"
    assert statement(first) == statement(second)
    assert statement(first) != statement(second.replace("TEXT CHECK", "BLOB CHECK"))


def test_forms_are_read_as_browsers_send_them() -> None:
    """Fields as they stand: texts of areas, chosen options, checked boxes."""
    page = """<form method="post" action="/a"><input name="one" value="1"><input type="checkbox" name="no">
        <textarea name="text">Hello</textarea><select name="which"><option>first</option>
        <option selected>second</option>
        </select><input type="checkbox" name="yes" value="on" checked></form>"""
    fields = (("one", "1"), ("text", "Hello"), ("which", "second"), ("yes", "on"))
    assert [("/a", "post", fields)] == [Form(*form)[:3] for form in forms_of(page)]


def test_a_page_has_a_line_for_each_element() -> None:
    """So that a difference is a line."""
    assert "<p>\n<b>Hello</b>\n</p>" == lines("<p> <b>Hello</b>\n\n  </p>")
