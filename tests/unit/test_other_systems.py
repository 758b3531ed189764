"""Windows and macOS, as far as they can be looked at from here: what the program uses that they lack, and fakes."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import skywrite.posting.publish.processes as workers
from skywrite.core.config import default_home
from skywrite.features.checkup import report
from tests.support.processes import ROOT

SOURCE = ROOT / "src" / "skywrite"
# Modules that Windows has not.
POSIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
# The same of functions and numbers.
POSIX_NAMES = {
    "os": {
        "fork",
        "getuid",
        "geteuid",
        "getgid",
        "getpgid",
        "killpg",
        "setsid",
        "chown",
        "uname",
        "mkfifo",
        "O_NONBLOCK",
    },
    "signal": {"SIGKILL", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGALRM", "SIGPIPE", "alarm", "setitimer"},
}


def at_import(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module that run when it is imported."""
    for statement in tree.body:
        yield statement
        if isinstance(statement, ast.If | ast.Try):
            yield from (one for one in ast.walk(statement) if isinstance(one, ast.Import | ast.ImportFrom))


def test_no_module_needs_posix_to_be_imported() -> None:
    """What Windows lacks is imported where it is used."""
    imports = []
    for path in SOURCE.rglob("*.py"):
        for one in at_import(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in one.names] if isinstance(one, ast.Import) else []
            names += [one.module or ""] if isinstance(one, ast.ImportFrom) else []
            imports += [f"{path.relative_to(SOURCE)}: {name}" for name in names if name.split(".")[0] in POSIX_MODULES]
    assert [] == imports


def test_what_windows_lacks_is_asked_for_first() -> None:
    """A function of POSIX is used in a module that asks which system this is, or whether it has it."""
    uses = []
    for path in SOURCE.rglob("*.py"):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)):
            if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
                continue
            if node.attr in POSIX_NAMES.get(node.value.id, ()):
                asks = ("os.name", "sys.platform", f'hasattr({node.value.id}, "{node.attr}")')
                uses += [] if any(one in text for one in asks) else [f"{path.relative_to(SOURCE)}: {node.attr}"]
    assert [] == uses


def test_where_a_process_cannot_be_asked_for_its_lease_ends_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows no worker is known to be gone: to signal a process there would end it."""
    name = workers.worker_name().rpartition("/")[0].rpartition("/")[0] + "/4194305.1/abc"
    assert workers.is_gone(name)
    monkeypatch.setattr(os, "name", "nt")
    assert not workers.is_gone(name)


@pytest.mark.parametrize(
    ("platform", "environ", "end"),
    [
        ("win32", {"LOCALAPPDATA": "data"}, ("data", "skywrite")),
        ("darwin", {}, ("Application Support", "skywrite")),
        ("linux", {"XDG_DATA_HOME": "/x"}, ("x", "skywrite")),
    ],
)
def test_where_things_are_kept(
    platform: str, environ: dict[str, str], end: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each system has its own place for the data of a user."""
    monkeypatch.setattr(sys, "platform", platform)
    assert end == default_home(environ).parts[-2:]


def test_the_report_has_the_log_of_a_launch_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS the service writes a file, whose end is told; on Windows there is none."""
    (tmp_path / "Library" / "Logs").mkdir(parents=True)
    (tmp_path / "Library" / "Logs" / "skywrite.log").write_text("one\ntwo\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "darwin")
    assert ["one", "two"] == report._service_log()
    monkeypatch.setattr(sys, "platform", "win32")
    assert [] == report._service_log()
