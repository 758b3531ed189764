"""The workflows: two linters that know what goes wrong there, one for mistakes and one for attacks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.processes import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TOOLS = ROOT / "tests" / "openapi"


def actionlint(files: Sequence[Path]) -> list[str]:
    """What actionlint finds."""
    prepared = subprocess.run([ROOT / "tests/pds/prepare", "openapi"], capture_output=True, text=True, check=True)
    command = [prepared.stdout.strip(), str(TOOLS / "actionlint.mjs"), *map(str, files)]
    return subprocess.run(command, cwd=TOOLS, capture_output=True, text=True, check=True).stdout.splitlines()


def zizmor(files: Sequence[Path]) -> tuple[int, str]:
    """What zizmor finds, without asking the network."""
    program = Path(sys.executable).with_name("zizmor")
    done = subprocess.run([program, "--offline", "--quiet", *files], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_workflows_are_right() -> None:
    """No key that does not exist, no expression that means nothing."""
    assert [] == actionlint(WORKFLOWS)


def test_the_workflows_give_nothing_away() -> None:
    """No credentials that stay, no text of others that is run, no needless right, no action that may change."""
    code, told = zizmor([*WORKFLOWS, ROOT / "action.yml"])
    assert 0 == code, told


@pytest.mark.nightly
def test_the_linters_find_mistakes(tmp_path: Path) -> None:
    """A title that is run as a command, and a key that does not exist."""
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(
        "on: issues\njobs:\n  a:\n    runs-on: ubuntu-latest\n    step: x\n    steps:\n"
        "      - run: echo ${{ github.event.issue.title }}\n"
    )
    code, told = zizmor([wrong])
    assert (True, True, True) == (code > 0, "template-injection" in told, bool(actionlint([wrong])))


def test_the_index_gets_packages_only() -> None:
    """What is published is sdist and wheel: the index refuses any other file, and the release stops midway."""
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    publish = text[text.index("\n  publish:") :]
    assert ("name: packages", False) == (publish[publish.index("name: packages") :][:14], "evidence" in publish)
