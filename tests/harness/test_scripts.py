"""The scripts of the checkout say what they do, when they are asked, and do nothing then."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.processes import ROOT

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
