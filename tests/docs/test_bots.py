"""The bot of the guide and its test, and the scripts beside it, run as the pages have them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from skywrite.sandbox import Sandbox
from tests.support.processes import ROOT

BOTS = ROOT / "docs" / "guide" / "bots.md"
SCRIPTS = ROOT / "docs" / "guide" / "scripts.md"
BOT_LINES_MAX = 20


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the bot and its test as the page has them."""
    bot, test = blocks(BOTS, "python")
    (tmp_path / "bot.py").write_text(bot)
    (tmp_path / "test_bot.py").write_text(test)
    return tmp_path


def environment(box: Sandbox, folder: Path) -> dict[str, str]:
    """The environment of someone who is signed in by it, with `skywrite` among the commands."""
    alice = box.account("alice.test")
    shim = folder / "bin" / "skywrite"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m skywrite.cli.main "$@"\n')
    shim.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{shim.parent}:{os.environ['PATH']}",
        "SKYWRITE_HOME": str(folder / "home"),
        "SKYWRITE_PLC_URL": box.plc_url,
        "BLUESKY_PDS": box.url,
        "BLUESKY_HANDLE": alice.handle,
        "BLUESKY_APP_PASSWORD": alice.app_password,
    }


def test_a_bot_in_twenty_lines() -> None:
    """The bot of the page has twenty lines of code at the most."""
    assert BOT_LINES_MAX >= len([line for line in blocks(BOTS, "python")[0].splitlines() if line.strip()])


def test_the_bots_own_test(folder: Path) -> None:
    """The test of the page passes, run by pytest in a folder of its own."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_bot.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr


def test_the_bot_is_called_and_run(skywrite_sandbox: Sandbox, folder: Path) -> None:
    """The commands of the page sign in, try a function, and run the bot."""
    environ = environment(skywrite_sandbox, folder)
    lines = blocks(BOTS, "sh")[0].splitlines()
    assert "skywrite run --app bot.py" == lines.pop()
    done = subprocess.run(
        ["sh", "-ec", "\n".join([*lines, "skywrite run --once --app bot.py"])], cwd=folder, env=environ, check=False
    )
    texts = [post.text for post in skywrite_sandbox.posts("alice.test")]
    assert (0, 1, True) == (done.returncode, len(texts), "days until the new year" in texts[0])


def test_the_scripts(skywrite_sandbox: Sandbox, folder: Path) -> None:
    """The shell lines of the page about scripts do what it says, each twice without a second post."""
    environ = environment(skywrite_sandbox, folder)
    (folder / "weather.sh").write_text("#!/bin/sh\necho It rains.\n")
    (folder / "weather.sh").chmod(0o755)
    standard_input, rows, watch = blocks(SCRIPTS, "sh")
    for script in (standard_input, rows, standard_input, rows, watch):
        done = subprocess.run(
            ["sh", "-ec", script], cwd=folder, env=environ, capture_output=True, text=True, check=False
        )
        assert 0 == done.returncode, done.stdout + done.stderr
    assert "It rains." in done.stdout
    texts = [post.text for post in skywrite_sandbox.posts("alice.test")]
    assert ["Backup of today: done", "First", "Second"] == texts


def test_sh_is_there() -> None:
    """The lines of the pages are run by a shell, which this machine has."""
    assert shutil.which("sh")
