"""Completion in bash, zsh and fish, quiet commands, and a stop in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from skywrite.core.clock import SystemClock
from tests.cli.test_commands import Terminal
from tests.support.processes import PATIENCE_SECONDS
from tests.support.shell import PROCESS_SECONDS, Files, Shell

COMPLETE = "from skywrite.faces.cli.main import main; import sys; sys.argv = ['skywrite']; main()"


def completed(shell: Shell, kind: str, line: str) -> list[str]:
    """The values that a shell of this kind is offered for the last word of a line."""
    words = line.split(" ")
    environ = {"_SKYWRITE_COMPLETE": f"{kind}_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    if kind == "fish":
        environ["COMP_CWORD"] = words[-1]
        environ["COMP_WORDS"] = line
    lines = shell.python(COMPLETE, **environ).out.splitlines()
    if kind == "zsh":
        return [f"{kind}:{value}" for kind, value in zip(lines[::3], lines[1::3], strict=True)]
    return [entry.partition("\t")[0].replace(",", ":", 1) for entry in lines]


# What is offered is the same; how each of the others takes it is tried at night.
@pytest.mark.parametrize("kind", ["bash", *(pytest.param(name, marks=pytest.mark.nightly) for name in ("zsh", "fish"))])
def test_what_is_completed(shell: Shell, kind: str) -> None:
    """Commands, accounts, states, numbers of the posts that a command is for, and files."""
    shell("post", "Out")
    shell("post", "Later", "--at", "in 2 days")
    shell("post", "Morning", "--every", "daily 9:00")
    assert ["plain:recurring"] == completed(shell, kind, "skywrite recu")
    assert ["plain:alice.test"] == completed(shell, kind, "skywrite list --account a")
    assert ["plain:alice.test"] == completed(shell, kind, "skywrite accounts use ")
    assert ["plain:held"] == completed(shell, kind, "skywrite list --state he")
    assert ["plain:3", "plain:2"] == completed(shell, kind, "skywrite cancel ")
    assert ["plain:1"] == completed(shell, kind, "skywrite delete ")
    assert ["plain:1"] == completed(shell, kind, "skywrite recurring skip ")
    assert ["file:sun"] == completed(shell, kind, "skywrite post Hello --image sun")
    assert ["file:pl"] == completed(shell, kind, "skywrite import pl")


def test_a_real_bash_completes(shell: Shell, tmp_path: Path) -> None:
    """What `completion bash` prints, in bash itself."""
    program = tmp_path / "skywrite"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m skywrite.faces.cli.main "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    shell("post", "Later", "--at", "in 1 hour")
    script = (
        f'{shell("completion", "bash").out}\nCOMP_WORDS=(skywrite show ""); COMP_CWORD=2\n'
        '_skywrite_completion skywrite; echo "${COMPREPLY[@]}"\n'
    )
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    assert "1" == done.stdout.strip()


def test_quiet(shell: Shell) -> None:
    """Nothing is said but errors and what was asked for; before the command or behind it."""
    told = shell("post", "Later", "--at", "in 1 hour", "--quiet")
    assert ("", "") == (told.out, told.err)
    assert "" == shell("-q", "cancel", "1").out
    assert "Later" in shell("list", "--past", "-q").out
    assert "There is no post 9" in shell("cancel", "9", "--quiet", code=2).err


def test_a_reply_to_the_last_post(shell: Shell) -> None:
    """The one that was published last and is still there; of a thread its last one."""
    assert "Nothing was published" in shell("post", "First", "--reply-last", code=2).err
    shell("thread", "One", "Two")
    shell("post", "Gone")
    shell("delete", "2")
    shell("post", "Three", "--reply-last")
    posts = shell.box.posts("alice.test")
    parent = posts[-1].record["reply"]["parent"]["uri"]
    assert ("Two", parent) == (next(post.text for post in posts if post.uri == parent), parent)
    assert "exclude each other" in shell("post", "x", "--reply-last", "--reply-to", parent, code=2).err


class StoppedClock(SystemClock):
    """A server's clock: whoever waits for it waits until it is released."""

    def __init__(self) -> None:
        self.reached, self.released = threading.Event(), threading.Event()

    def wait(self, event: threading.Event, timeout_seconds: float) -> bool:
        self.reached.set()
        return self.released.wait(PROCESS_SECONDS)


@pytest.fixture
def stopped(shell: Shell) -> Iterator[StoppedClock]:
    """The clock of a sandbox that does not answer an upload before the test has ended."""
    shell.box.clock = clock = StoppedClock()
    shell.box.faults.add("com.atproto.repo.uploadBlob", kind="slow", seconds=30)
    yield clock
    clock.released.set()


def test_a_stop_in_the_middle_of_an_upload(shell: Shell, files: Files, stopped: StoppedClock) -> None:
    """Ctrl-C says which post still goes out, and how to stop it; and so it is stopped."""
    terminal = Terminal("post", "A large one", "--image", files.image(), "--alt", "Black")
    assert stopped.reached.wait(PROCESS_SECONDS)
    os.kill(terminal.pid, signal.SIGINT)
    terminal.expect("Post 1 is kept: the next `skywrite run` sends it.\r\nTo stop it: skywrite cancel 1")
    assert 130 == terminal.end()
    shell("cancel", "1")
    shell("run", "--once")
    assert [] == shell.posts()
