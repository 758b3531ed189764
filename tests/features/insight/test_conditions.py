"""Marks of Markdown in posts: they are found, and rendered away where somebody asks for that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.posting.compose.build import render
from skywrite.posting.compose.draft import draft_from_dict
from skywrite.protocol.bsky.marks import marks_in, without_marks

MARKED = [
    ("# Heading", "# heading", "Heading"),
    ("## Two ##\nrest", "# heading", "Two\nrest"),
    ("a **bold** word", "**bold**", "a bold word"),
    ("an *italic* word", "*italics*", "an italic word"),
    ("an _italic_ word", "_italics_", "an italic word"),
    ("__strong__", "__bold__", "strong"),
    ("* one\n* two", "* item", "• one\n• two"),
    ("> said", "> quote", "said"),
    ("~~not~~ so", "~~struck~~", "not so"),
    ("run `ls`", "`code`", "run ls"),
    ("**see [it](https://a.example/x_y_z)**", "**bold**", "see [it](https://a.example/x_y_z)"),
]
PLAIN = [
    "#news today",
    "2 * 3 * 4",
    "snake_case_name and @some_one_",
    "https://a.example/_x_/*y*/**z**",
    "[label](https://a.example/_x_)",
    "- a dash is fine",
    "* ",
    "5 > 4",
    "#1 in the charts",
    "a\ue000b",
]


@pytest.mark.parametrize(("text", "kind", "plain"), MARKED)
def test_marks_are_found_and_rendered_away(text: str, kind: str, plain: str) -> None:
    """Each by its name; links stay links."""
    assert ([kind], plain) == (marks_in(text), without_marks(text))


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_mark_stays(text: str) -> None:
    """Hashtags, sums, names, addresses."""
    assert ([], text) == (marks_in(text), without_marks(text))


@given(st.text("ab *_#>~`\n[](\ue000)", max_size=40))
def test_any_text_is_rendered(text: str) -> None:
    """Nothing but marks goes missing."""
    letters = [letter for letter in text if letter in "ab"]
    assert letters == [letter for letter in without_marks(text) if letter in "ab"]


def test_a_draft_asks_for_it() -> None:
    """`markdown: strip`, with links as ever."""
    [rich] = render(draft_from_dict({"text": "# Hi\n**see [it](https://a.example)**", "markdown": "strip"}))
    assert ("Hi\nsee it", ["https://a.example"]) == (rich.text, [facet.value for facet in rich.facets])


# Marks that begin again and again and never end. A pattern that looks for each end through all of the rest never comes
# back from texts like these, and stops the whole server meanwhile.
ENDLESS = ["](", "](a(", "**a ", "__a ", "__a", "*a ", "_a ", "~~a ", "~~a", "`a ", "](](b) ", "_ _", "# a #"]


@pytest.mark.parametrize("mark", [*ENDLESS, " "])
def test_marks_without_an_end_are_read_once(mark: str) -> None:
    """A long text of them keeps its letters, and is done with."""
    text = "# a" + mark * (200_000 // len(mark)) + "b"
    assert [text.count(letter) for letter in "ab"] == [without_marks(text).count(letter) for letter in "ab"]
