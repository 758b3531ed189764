"""Amounts: what is too long or too much is refused before somebody looks at each part of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from skywrite.core.digits import ROW_MAX, row_number
from skywrite.core.errors import InputError
from skywrite.posting.compose.build import SOURCE_BYTES_MAX, THREAD_POSTS_MAX, check_amounts, render
from skywrite.posting.compose.draft import draft_from_dict
from skywrite.protocol.bsky import split
from tests.support.errors import fails


def test_a_text_is_cut_no_further_than_a_thread_may_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text for a thousand posts costs what a thread of a hundred costs."""
    cut: list[Any] = []
    real = split._cuts

    def counted(*arguments: Any) -> Iterator[Any]:
        for one in real(*arguments):
            cut.append(one)
            yield one

    monkeypatch.setattr(split, "_cuts", counted)
    with fails("text.too_long"):
        render(draft_from_dict({"text": "word " * 60_000, "split": True}))
    assert THREAD_POSTS_MAX + 1 == len(cut)


def test_a_text_that_is_longer_than_any_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks for links in it."""
    monkeypatch.setattr("skywrite.posting.compose.build._rendered", lambda *_: 1 / 0)
    for text in ("a" * (SOURCE_BYTES_MAX + 1), "é" * (SOURCE_BYTES_MAX // 2 + 1)):
        with fails("text.too_long"):
            render(draft_from_dict({"text": text}))


@pytest.mark.parametrize(
    ("draft", "error"),
    [
        ({"text": "a", "thread": ["b"] * THREAD_POSTS_MAX}, InputError),
        ({"text": "a" * SOURCE_BYTES_MAX, "thread": ["b"]}, "text.too_long"),
        ({"images": ["https://a.example/x.png"] * 11}, "images.too_many"),
        (
            {"video": {"url": "https://a.example/", "captions": [{"lang": "en", "url": "https://a.example/"}] * 21}},
            "captions.invalid",
        ),
    ],
    ids=["posts", "texts", "images", "captions"],
)
def test_too_much_is_refused_before_it_is_fetched(draft: dict[str, Any], error: type[InputError]) -> None:
    """Too many posts, words, images or captions are counted first."""
    with fails(error):
        check_amounts(draft_from_dict(draft))


def test_numbers_of_rows() -> None:
    """Plain digits that a column can hold are a number; whatever else `isdigit` takes is none."""
    assert [0, 12, 12, ROW_MAX, 7] == [row_number(text) for text in ("0", "12", "0012", str(ROW_MAX), 7)]
    assert [None] * 8 == [row_number(text) for text in ("", "²", "١", "-1", "1_0", str(ROW_MAX + 1), "9" * 5000, 2**63)]
