"""Names that are given twice in JSON: found while they are read, however many there are."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from skywrite.core.errors import SkywriteError
from skywrite.faces.server.json_bodies import parse_object
from skywrite.posting.sources.frontmatter import Head
from skywrite.posting.sources.table import table_from
from skywrite.posting.sources.table_formats import key_of

NAMES = 500
READERS: dict[str, Callable[[str], object]] = {
    "a body": lambda text: parse_object(text.encode()),
    "a row": lambda text: table_from(text.encode(), "plan.jsonl"),
    "front matter": lambda text: Head("json", 0, text, 1).read(),
}


class Counted(str):
    """A name that counts how often it is compared."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)


@pytest.mark.parametrize("reader", READERS)
def test_a_name_that_comes_again_is_found_at_once(reader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last of many names is compared with the one that it repeats, not each with each."""
    loads = json.loads

    def counting(text: str, *, object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] = dict, **more: Any) -> Any:
        def hook(pairs: list[tuple[str, Any]]) -> Any:
            return object_pairs_hook([(Counted(name), value) for name, value in pairs])

        return loads(text, object_pairs_hook=hook, **more)

    names = ",".join(f'"n{number}": 1' for number in (*range(NAMES), NAMES - 1))
    monkeypatch.setattr(json, "loads", counting)
    Counted.compared = 0
    with pytest.raises(SkywriteError, match="twice"):
        READERS[reader](f"{{{names}}}")
    assert NAMES > Counted.compared > 0


@pytest.mark.parametrize("cell", ["(", "(a", "a - ", "a (b", " "])
def test_a_column_of_any_length_has_a_name(cell: str) -> None:
    """Asides that never end are no reason to look through the rest of a header again for each of them."""
    assert set(key_of(cell * 50_000)) <= {"a", "b"}
