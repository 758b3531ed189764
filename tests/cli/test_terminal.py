"""What strangers wrote reaches terminals and logs as letters only."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest

from skywrite.core.clock import SYSTEM_CLOCK
from skywrite.faces.cli.running import make_log
from tests.support.shell import Shell

EVIL = "\x1b]0;owned\x07\x1b[2J\rok\u2028\u202e\x9b8m"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def test_a_post_cannot_write_to_the_terminal(shell: Shell, tmp_path: Path) -> None:
    """Texts, names of files and error messages are printed without a control character of theirs."""
    shell("post", f"hello {EVIL}", "--at", "in 3 days")
    (tmp_path / f"{EVIL}.md").write_text(f"---\nat: {EVIL}\n---\nhello {EVIL}\n")
    (tmp_path / "second.md").write_text("---\nat: in 3 days\n---\nhello\n")
    commands = (
        ("queue",),
        ("show", "1"),
        ("queue", "--json"),
        ("post", "x", "--image", f"{EVIL}.png", "--alt", EVIL),
        ("sync", str(tmp_path), "--check"),
        ("login", f"alice{EVIL}.test"),
    )
    runs = [shell(*words, code=None) for words in commands]
    assert [] == [character for told in runs for character in CONTROL.findall(told.out + told.err)]
    assert f"hello {EVIL}" in [post["text"] for post in json.loads(runs[2].out)]


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_log_line_is_one_line(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value with line ends and escape sequences stays on its line, as letters."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    make_log(kind, SYSTEM_CLOCK)("failed", message=f"a\n{EVIL}", item=EVIL)
    assert 1 == len(stream.getvalue().splitlines())
    assert [] == CONTROL.findall(stream.getvalue())


def test_cron_does_not_come_between_a_person_and_undo(shell: Shell) -> None:
    """At a terminal, `undo` passes over what a process without one did, whatever its input and output are."""
    pty_output(shell, "schedule", "Mine", "--at", "tomorrow 9:00")
    shell.process("schedule", "Cron's", "--at", "tomorrow 10:00", wrapper=("setsid",))
    undone = pty_output(shell, "undo")
    assert "Undone: schedule of post 1." in undone
    assert "1 later change by a program without a terminal, such as cron, stays." in undone
    assert ["Cron's"] == [post["text"] for post in shell("list", "--json").json]


AT_A_TERMINAL = """
import os, pty, subprocess, sys
out = open(sys.argv[1], "w")
pid, _ = pty.fork()
if pid == 0:
    quiet = subprocess.DEVNULL
    os._exit(subprocess.run(sys.argv[2:], stdin=quiet, stdout=out, stderr=subprocess.STDOUT).returncode)
os.waitpid(pid, 0)
"""


def pty_output(shell: Shell, *words: str) -> str:
    """What a command says that has a terminal, though its input and output are none."""
    out = shell.home.parent / "out.txt"
    shell.process(*words, wrapper=(sys.executable, "-c", AT_A_TERMINAL, str(out)))
    return out.read_text(encoding="utf-8")
