"""Edits of a thread over the API: each of its posts keeps what nobody changed."""

from __future__ import annotations

from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.app.operations.post_shapes import EditPost
from skywrite.app.operations.shapes import PartInput, draft_row
from skywrite.app.operations.table import Access
from skywrite.queue.api_keys import SCOPES
from tests.support.errors import fails

BASE: dict[str, Any] = {
    "text": "One",
    "tags": ["one"],
    "thread": [{"text": "Two", "tags": ["two"], "card": {"url": "x"}}],
}


@pytest.mark.parametrize(
    ("part", "row"),
    [
        (PartInput(copy_of=2), {"text": "Two", "tags": ["two"], "card": {"url": "x"}}),
        (PartInput(copy_of=2, text="New"), {"text": "New", "tags": ["two"], "card": {"url": "x"}}),
        (PartInput(copy_of=1, tags=[]), {"text": "One", "tags": []}),
        (PartInput(text="Three"), {"text": "Three"}),
    ],
)
def test_a_post_of_a_thread_keeps_what_is_left_out(sky: Skywrite, part: PartInput, row: dict[str, Any]) -> None:
    """By its number in the stored thread; one without a number is new."""
    access = Access(sky, frozenset(SCOPES), who="key 1")
    assert [row] == draft_row(access, EditPost(id=1, thread=[part]), BASE)["thread"]


def test_a_post_that_the_thread_has_not_is_an_error(sky: Skywrite) -> None:
    """It says how many there are."""
    access = Access(sky, frozenset(SCOPES), who="key 1")
    with fails("input.invalid", "only 2"):
        draft_row(access, EditPost(id=1, thread=[PartInput(copy_of=3)]), BASE)
