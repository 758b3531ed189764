"""The scripts of the checkout say what they do, when they are asked, and do nothing then."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.processes import ROOT

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
HEADS = {
    path.name: path.read_text(encoding="utf-8").splitlines()[1:5]
    for path in (ROOT / "script").iterdir()
    if path.is_file()
}
# Theirs is the help of the program that they start.
OWN_HELP = {name for name, head in HEADS.items() if any("--help" in line for line in head)}
SCRIPTS = sorted(name for name in HEADS if "." not in name and name not in OWN_HELP)


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_is_the_head_of_the_script(name: str) -> None:
    """`--help` shows the comment at its head, and nothing is prepared, written or run."""
    done = subprocess.run(
        [ROOT / "script" / name, "--help"], capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"}
    )
    expected = [line.removeprefix("# ") for line in HEADS[name] if line.startswith("# ") and "shellcheck" not in line]
    assert (expected, "") == (done.stdout.splitlines()[: len(expected)], done.stderr)


def test_contributing_names_each_script() -> None:
    """Each script that a person may start."""
    assert [] == sorted(name for name in HEADS if "." not in name and f"`script/{name}" not in CONTRIBUTING)


def test_contributing_names_each_folder() -> None:
    """Each folder of the repository, and each of the tests."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    parts = [Path(line).parts for line in listed]
    folders = {line[0] for line in parts if len(line) > 1} | {"/".join(line[:2]) for line in parts if len(line) > 2}
    wanted = {name for name in folders if "/" not in name or name.startswith("tests/")}
    assert [] == sorted(name for name in wanted if not re.search(rf"`{re.escape(name)}[`/]", CONTRIBUTING))


def test_missing_packages_are_named_at_once(tmp_path: Path) -> None:
    """Without root, one line names all that are missing, and the command that root runs to install them."""
    (tmp_path / "script").mkdir()
    (tmp_path / "script" / "common.sh").write_bytes((ROOT / "script" / "common.sh").read_bytes())
    script = tmp_path / "script" / "anything"
    lines = (
        '. "$(dirname "$0")/common.sh"',
        *("id() { echo 1000; }", "apt-get() { echo called; }"),
        *("want_package bash bash", "want_package one no-such-program", "want_package two /no/such/file"),
        *("need_packages", "echo not reached"),
    )
    script.write_text("\n".join(lines))
    done = subprocess.run(["bash", script], capture_output=True, text=True, check=False)
    told = "anything: packages are missing; run this as root: apt-get install --no-install-recommends one two\n"
    assert (1, "", told) == (done.returncode, done.stdout, done.stderr)
