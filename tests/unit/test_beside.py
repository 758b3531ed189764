"""Notes beside the database: the last one counts, and there are never too many."""

from __future__ import annotations

from pathlib import Path

import pytest

from skywrite.posting.publish.beside import Notes


def test_the_last_note_about_a_name_counts(tmp_path: Path) -> None:
    """Names may hold spaces; what others noted is seen."""
    mine, theirs = Notes(tmp_path / "home" / "done"), Notes(tmp_path / "home" / "done")
    mine.put("pin a b", "done")
    theirs.put("pin a b", "undone")
    mine.put("pin", "other")
    assert ("undone", "other", None) == (mine.get("pin a b"), theirs.get("pin"), mine.get("a"))


def test_what_cannot_be_noted_is_not(tmp_path: Path) -> None:
    """A folder that cannot be written to is no error."""
    (tmp_path / "file").write_text("")
    notes = Notes(tmp_path / "file" / "done")
    notes.put("pin", "done")
    assert notes.get("pin") is None


@pytest.mark.parametrize("names", [1, 1000])
def test_the_latest_notes_are_kept(tmp_path: Path, names: int) -> None:
    """However often and however much is noted, the file stays small, and what was noted last is known."""
    notes = Notes(tmp_path / "done", bytes_max=2000)
    for number in range(2000):
        notes.put(f"name {number % names}", str(number))
    size = (tmp_path / "done").stat().st_size
    assert ("1999", True) == (notes.get(f"name {1999 % names}"), size <= 2000)
