"""A long text in pieces, as it was written."""

from __future__ import annotations

import pytest

from skywrite.posting.compose.pieces import text_pieces
from tests.support.chance import NIGHTLY


def within(most: int) -> object:
    """Whether a text has at most so many characters."""
    return lambda text: len(text) <= most


@pytest.mark.parametrize(
    ("text", "most", "pieces"),
    [
        ("Short", 10, ["Short"]),
        ("", 10, [""]),
        ("One two three", 8, ["One two", "three"]),
        ("First one. Second one.", 16, ["First one.", "Second one."]),
        ("A line\nof a poem\n\nThe next verse", 20, ["A line\nof a poem", "The next verse"]),
        ("See [a long label](https://x.example/) now", 37, ["See", "[a long label](https://x.example/)", "now"]),
        ("x" * 25, 10, ["x" * 10, "x" * 10, "x" * 5]),
    ],
)
def test_a_text_is_cut_where_a_person_would(text: str, most: int, pieces: list[str]) -> None:
    """Between paragraphs, sentences, words, and only without any of them within one; never within a link."""
    assert pieces == text_pieces(text, within(most))  # type: ignore[arg-type]


@pytest.mark.parametrize("most", [7, 30, 300] if NIGHTLY else [30])
def test_nothing_is_lost(most: int) -> None:
    """All words are there, in their order, and each piece fits."""
    text = " ".join(f"Word {number}, and more.\n" for number in range(200))
    pieces = text_pieces(text, within(most))  # type: ignore[arg-type]
    assert (text.split(), True) == (" ".join(pieces).split(), all(len(piece) <= most for piece in pieces))
