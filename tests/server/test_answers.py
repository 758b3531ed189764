"""What the server answers, on a queue that holds everything there can be, against what is written down."""

from __future__ import annotations

import json

from tests.server.answers import FILE, all_told


def test_everything_is_answered_as_it_is_written_down() -> None:
    """Each operation with each of its fields, each list page by page, and the data of each page are as they were.

    What changed on purpose is written down by script/openapi; look at the difference before you keep it.
    """
    expected, actual = json.loads(FILE.read_text("utf-8")), all_told()
    changed = {asked for asked in {*expected, *actual} if expected.get(asked) != actual.get(asked)}
    assert {asked: expected.get(asked) for asked in changed} == {asked: actual.get(asked) for asked in changed}
