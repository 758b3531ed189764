"""Running a command: its output, and the limits that end it with everything it has started."""

from __future__ import annotations

import os
import select
import shlex
import sys
from pathlib import Path

import pytest

from skywrite.core.clock import SystemClock
from skywrite.core.errors import InputError
from skywrite.posting.sources.command import CommandFailed, Printed, run_command
from tests.support.errors import fails
from tests.support.shell import Shell

PYTHON = shlex.quote(sys.executable)


def run(command: str, **options: object) -> str:
    return run_command(command, **options).text  # type: ignore[arg-type]


def test_output_without_blank_lines(tmp_path: Path) -> None:
    """What is printed is taken without the blank lines around it; the shell's pipes work, in the given folder."""
    (tmp_path / "a.txt").write_text("\n  Two\n\nlines \n\n")
    assert "Two\n\nlines" == run("cat a.txt | cat", folder=tmp_path)
    assert "" == run("true", folder=tmp_path)
    assert "héllo 🦋" == run("printf '\\357\\273\\277héllo 🦋\\r\\n'")


def test_standard_input_is_empty() -> None:
    """A command that reads finds nothing, and does not wait for a terminal."""
    assert "" == run("cat")


def test_error_is_reported_with_what_it_said() -> None:
    """A command that fails is told with its exit code and the end of its errors, and gives nothing."""
    with pytest.raises(CommandFailed, match=r"ended with 3: oh no$"):
        run("echo ignored; echo oh no >&2; exit 3")
    with pytest.raises(CommandFailed, match="ended with 127"):
        run("no-such-command-here")
    with pytest.raises(CommandFailed, match="killed by signal 15"):
        run("kill -TERM $$")
    with pytest.raises(CommandFailed, match="UTF-8"):
        run("printf 'caf\\351'")


def test_missing_folder(tmp_path: Path) -> None:
    """A folder that is gone is named."""
    with pytest.raises(CommandFailed, match="no folder"):
        run("true", folder=tmp_path / "gone")


class ClockOfFile(SystemClock):
    """A clock that stands still until there is a line in a file; then a minute passes at each look."""

    def __init__(self, path: Path) -> None:
        self._path, self._seconds = path, 0.0

    def monotonic(self) -> float:
        if self._path.exists() and self._path.read_text().endswith("\n"):
            self._seconds += 60
        return self._seconds


def test_time_limit_ends_the_whole_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of its time a command is killed, with what it has started."""
    monkeypatch.setattr("skywrite.posting.sources.command.SYSTEM_CLOCK", ClockOfFile(tmp_path / "child"))
    with fails("command.timed_out", match=r"0\.3 seconds"):
        run("sleep 300 & echo $! > child; sleep 300", folder=tmp_path, timeout_seconds=0.3)
    assert ends(int((tmp_path / "child").read_text()))


def test_what_it_leaves_running_is_ended(tmp_path: Path) -> None:
    """A command that ends is over, although a child of it holds its output open."""
    assert "done" == run("sleep 300 & echo $! > child; echo done", folder=tmp_path, timeout_seconds=60)
    assert ends(int((tmp_path / "child").read_text()))


def ends(pid: int) -> bool:
    """Whether a process that was killed is gone, or soon is: the system ends it a moment later."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return [process] == select.select([process], [], [], 60)[0]
    finally:
        os.close(process)


def test_size_limit() -> None:
    """A command that prints for ever is killed at the limit; one that prints up to it is not."""
    with fails("command.too_loud", match="more than 1,000 bytes"):
        run("yes", max_bytes=1000, timeout_seconds=60)
    assert 1000 == len(run(f'{PYTHON} -c \'print("x" * 1000, end="")\'', max_bytes=1000))


def test_noise_on_standard_error_is_no_output() -> None:
    """However much a command says on standard error, only standard output counts."""
    assert "ok" == run(f'{PYTHON} -c \'import sys; sys.stderr.write("x" * 5_000_000); print("ok")\'')


def test_secrets_are_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command sees what any program needs and what it is given by name; no key, password or token of anybody."""
    for name in ("SKYWRITE_KEY", "BLUESKY_APP_PASSWORD", "AWS_SECRET_ACCESS_KEY", "WEATHER_KEY"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    words = "echo $TZ,$SKYWRITE_KEY,$BLUESKY_APP_PASSWORD,$AWS_SECRET_ACCESS_KEY,$WEATHER_KEY"
    assert "Europe/Berlin,,,," == run(words)
    assert "Europe/Berlin,,,,secret" == run(words, pass_on=["WEATHER_KEY"])
    assert "secret" == os.environ["SKYWRITE_KEY"]


def test_text_and_rows() -> None:
    """An output is one post, or with JSON lines a row each; a line that is none is named."""
    assert [{"text": "a\nb"}] == Printed("a\nb").rows(jsonl=False)
    assert [{"text": "a"}, {"text": "b", "at": "in 2 hours"}] == Printed(
        '{"text": "a"}\n\n{"text": "b", "at": "in 2 hours"}'
    ).rows(jsonl=True)
    assert [] == Printed("").rows(jsonl=False) + Printed("").rows(jsonl=True)
    with pytest.raises(InputError, match="Line 2"):
        Printed('{"text": "a"}\nb').rows(jsonl=True)


def test_what_a_command_posts_waits_for_an_approval(shell: Shell) -> None:
    """That is the reason, whatever else the account has planned."""
    shell("accounts", "set", "approval=all")
    shell("schedule", "Later", "--at", "in 2 hours")
    shell("commands", "add", "echo It rains", "--every", "0 8 * * *")
    told = shell("commands", "run", "1", "--post", code=4)
    assert (True, True) == ("is held: This version has not been approved" in told.err, "skywrite approve 2" in told.err)
