"""Where the output goes: nothing that was done is kept secret because it could not be printed."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from tests.support.shell import Shell, Told


def into(shell: Shell, target: str, *words: str, code: int | None = 0) -> Told:
    """A command whose streams the shell redirects."""
    line = shlex.join([sys.executable, "-m", "skywrite", *words])
    return shell.process(code=code, wrapper=("sh", "-c", f"{line} {target}; exit $?", "sh"))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("option", [(), ("--json",)])
def test_a_full_disk_says_both(shell: Shell, option: tuple[str, ...]) -> None:
    """`post "x" >/dev/full` says that the output was lost, and where the post is."""
    told = into(shell, ">/dev/full", "post", "Out all the same", *option, code=1)
    assert ["Out all the same"] == shell.posts()
    assert (True, True) == ("No space left on device" in told.err, "/post/" in told.err)
    assert "Traceback" not in told.err and "Exception ignored" not in told.err


@pytest.mark.parametrize("target", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("words", [("queue",), ("post", "In silence"), ("show", "99"), ("--help",)])
def test_a_closed_stream_is_no_crash(shell: Shell, target: str, words: tuple[str, ...]) -> None:
    """The command does its work, and ends with its code; no file takes the place of the closed stream."""
    shell("post", "Later", "--at", "in 3 days")
    told = into(shell, target, *words, code=2 if words[0] == "show" else 0)
    assert "Traceback" not in told.err and "inside Skywrite" not in told.out + told.err
    assert (["In silence"] if words[0] == "post" else []) == shell.posts()


def test_a_dash_is_standard_output_for_each_command_that_writes(prepared: Shell) -> None:
    """No file of that name is made; and where there is one, `-` is still standard input."""
    for words in (("export",), ("feeds", "export")):
        assert prepared(*words).out == prepared(*words, "-o", "-").out
    assert not Path("-").exists()
    Path("-").write_text("Not this")
    assert "│ From a pipe" in prepared("post", "-", "--dry-run", stdin=b"From a pipe").out
