"""Programs that pages name and that cannot do their work here: each with the reason, and what is looked at instead.

What lives here: the list, and what stands in the PATH for them. What they would have run of ours is run.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import ROOT

# It writes down what it was asked. With a word that ends its own options, it becomes what follows.
_STAND_IN = """#!{python} -IS
import json, os, re, sys
with open({log!r}, "a") as log:
    print(json.dumps([{name!r}, *sys.argv[1:]]), file=log)
found = re.match({runs!r} or "(?!)", "\\0".join(sys.argv[1:]) + "\\0")
if found:
    words = sys.argv[1 + found[0].count("\\0"):]
    os.execvp(words[0], words)
"""


@dataclass(frozen=True)
class Elsewhere:
    """Why a program does not run here, what of its words is checked, and the words before a command of ours."""

    reason: str
    check: Callable[[list[str]], None]
    runs: str = ""


def _install(words: list[str]) -> None:
    """What is installed is this project, with parts that it has."""
    parts = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    *_, what = words
    wanted = re.fullmatch(r"\.(?:\[([\w,]+)\])?", what)
    assert wanted, f"{what} is not this project"
    assert parts >= set((wanted[1] or "").split(",")) - {""}, f"{what} names a part that there is not"
    assert set(words[:-1]) <= {"install", "--global", "--force"}, words


def _docker(words: list[str]) -> None:
    """The image and the volume are those of the Dockerfile."""
    assert words[0] in ("build", "run", "exec"), words
    volumes = [value.partition(":")[2] for option, value in itertools.pairwise(words) if option == "-v"]
    text = (ROOT / "Dockerfile").read_text()
    assert [] == [volume for volume in volumes if not re.search(rf"^VOLUME .*{volume}\b", text, re.MULTILINE)]


def _claude(words: list[str]) -> None:
    """It is told the address of /mcp, or the command of ours."""
    assert ["mcp", "add"] == words[:2], words
    assert words[-1].endswith("/mcp") or ["--", "skywrite", "mcp"] == words[-3:], words


def _sudo(words: list[str]) -> None:
    """It becomes the service's user."""
    assert ["-Hu", "skywrite"] == words[:2], words


PROGRAMS = {
    "pip": Elsewhere("It would install into the Python that runs the tests, from a package index.", _install),
    "pipx": Elsewhere("It would install for the user of this computer, from a package index.", _install),
    "docker": Elsewhere("There is no Docker daemon in the tests.", _docker, r"exec\0(-it\0)?skywrite\0"),
    "claude": Elsewhere("Claude Code is not installed here.", _claude),
    "sudo": Elsewhere("The tests make no system users.", _sudo, r"-Hu\0skywrite\0"),
}


def stand_ins(folder: Path, log: Path) -> None:
    """Put them into a folder of the PATH."""
    for name, program in PROGRAMS.items():
        path = folder / name
        path.write_text(_STAND_IN.format(python=sys.executable, log=str(log), name=name, runs=program.runs))
        path.chmod(0o755)


def check(log: Path) -> None:
    """Look at what they were asked."""
    if log.exists():
        for line in log.read_text().splitlines():
            name, *words = json.loads(line)
            PROGRAMS[name].check(words)
        log.unlink()
