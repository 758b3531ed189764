"""What people type, and what must happen: the exit code, and the first words of what is said.

The lines are in `tests/vectors/typed.tsv`. Each runs on its own copy of one prepared home.
"""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Shell, png
from tests.cli.walk import commands
from tests.support.processes import ROOT

LINES = [
    tuple(line.split("\t"))
    for line in (ROOT / "tests/vectors/typed.tsv").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.fixture
def prepared(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Two accounts, a post in each state, a recurrence, and a folder with files."""
    shell.login("bob.test")
    shell("use", "alice.test")
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("USER", "berta")
    monkeypatch.setenv("TZ", "UTC")
    shell("post", "First", "--at", "2070-05-01 09:00 UTC")
    shell("post", "Bob's", "--at", "2070-05-02 09:00 UTC", "--account", "bob.test")
    shell("post", "An idea", "--draft")
    shell("post", "Published")
    shell("post", "Cancelled", "--at", "2070-05-03 09:00 UTC")
    shell("cancel", "5")
    shell("post", "Held", "--at", "2070-05-04 09:00 UTC")
    shell("hold", "6")
    shell("post", "Again", "--every", "daily 9:00")
    folder = tmp_path / "work"
    for name in ("posts", "broken", "empty"):
        (folder / name).mkdir(parents=True)
    (folder / "posts/a.md").write_text("---\nat: 2070-05-05 09:00\n---\nFrom a file\n")
    (folder / "broken/a.md").write_text("---\nfoo: 1\n---\nFrom a file\n")
    (folder / "plan.csv").write_text("text,at\nA row,2070-05-06T09:00:00Z\n")
    (folder / "bad.csv").write_text("text,at\nA row,2070-05-06T09:00:00Z\nAnother,whenever\n")
    (folder / "empty.csv").write_text("")
    (folder / "notes.txt").write_text("Only words.\n")
    (folder / "story.txt").write_text("The beginning.\n---\nThe end.\n")
    (folder / "sun.png").write_bytes(png(8, 8))
    monkeypatch.chdir(folder)
    return shell


def said(shell: Shell, typed: str, home: Path) -> tuple[int, str]:
    """The exit code of a typed line, and everything that is said, errors first."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(shell.home, home)
    shell.set(SKYWRITE_HOME=str(home))
    told = shell(*shlex.split(typed), code=None)
    return told.code, " ".join(f"{told.err if told.code else ''} {told.out} {told.err}".split())


def test_each_typed_line_ends_as_it_must(prepared: Shell, tmp_path: Path) -> None:
    """No line crashes, and each says first what it did or what is wrong."""
    wrong = []
    for code, typed, first in LINES:
        ended, words = said(prepared, typed, tmp_path / "copy")
        if ended != int(code) or not words.startswith(first):
            wrong.append(f"skywrite {typed}\n  must: {code} {first}\n  is:   {ended} {words[:160]}")
    assert "" == "\n".join(wrong)


def test_every_command_is_typed() -> None:
    """A command that nobody has typed here is missing in the list."""
    typed = [shlex.split(line) for _, line, _ in LINES]
    assert [] == [path for path, _ in commands() if not any(words[: len(path)] == list(path) for words in typed)]
