"""What people type, and what must happen: the exit code, and the first words of what is said.

The lines are in `tests/vectors/typed.tsv`. Each runs on its own copy of one prepared home. Of commands with ` ; `
between them, the last counts.
"""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from tests.cli.walk import commands
from tests.support.processes import ROOT
from tests.support.shell import Shell

LINES = [
    tuple(line.split("\t"))
    for line in (ROOT / "tests/vectors/typed.tsv").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def said(shell: Shell, typed: str, home: Path) -> tuple[int, str]:
    """The exit code of a typed line, and everything that is said, errors first."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(shell.home, home)
    shell.set(SKYWRITE_HOME=str(home))
    *before, last = typed.split(" ; ")
    for line in before:
        shell(*shlex.split(line))
    told = shell(*shlex.split(last), code=None)
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
    typed = [shlex.split(line) for _, lines, _ in LINES for line in lines.split(" ; ")]
    assert [] == [path for path, _ in commands() if not any(words[: len(path)] == list(path) for words in typed)]
