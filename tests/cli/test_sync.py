"""`skywrite sync` on a terminal."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Shell


def test_a_file_with_two_mistakes_is_one_file(shell: Shell, tmp_path: Path) -> None:
    """The summary counts files; each mistake has its line above."""
    folder = tmp_path / "posts"
    folder.mkdir()
    (folder / "a.md").write_text("---\nat: 04/03/2030\nfoo: 1\n---\nx\n")
    said = shell("sync", str(folder), code=2)
    assert "1 wrong." in said.out
    checked = shell("sync", str(folder), "--check", code=2)
    assert "1 file in " in checked.err
