"""Imports over HTTP whose look-ups take for ever: they end, say so, and store nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from skywrite.app import Skywrite
from skywrite.app.operations import OPERATIONS, Access
from skywrite.app.rows import Rows
from skywrite.queue.api_keys import SCOPES
from tests.support.errors import fails
from tests.support.world import World

ROW_SECONDS, ROWS = 50, 10
TABLE = "text,at\n" + "\n".join(f"{number},tomorrow 9:00" for number in range(ROWS))
MANY: dict[str, dict[str, Any]] = {
    "posts.create_many": {"posts": [{"text": str(number), "at": "tomorrow 9:00"} for number in range(ROWS)]},
    "imports.create": {"name": "plan.csv", "text": TABLE},
}


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("name", MANY)
def test_look_ups_without_an_end_end(
    sky: Skywrite, world: World, monkeypatch: pytest.MonkeyPatch, name: str, partial: bool
) -> None:
    """Each post links to a server that answers after its time: the request holds its thread two minutes, not eight."""
    accept, looked_up = Rows.accept, list[str]()

    def slowly(rows: Rows, row: Any, **options: Any) -> Any:
        looked_up.append(row["text"])
        world.clock.advance(ROW_SECONDS)
        return accept(rows, row, **options)

    monkeypatch.setattr(Rows, "accept", slowly)
    operation = OPERATIONS[name]
    request = msgspec.convert({**MANY[name], "partial": partial}, operation.input)
    with fails("import.too_slow", match="3 of the 10 posts"):
        operation.run(Access(sky, frozenset(SCOPES), who="key 1"), request)
    assert (3, []) == (len(looked_up), sky.posts.list())
