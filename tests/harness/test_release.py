"""What `script/release` builds, and the way of a release from a build to a user and back."""

from __future__ import annotations

import re
import subprocess
import tomllib

import pytest

from tests.support.processes import ROOT


def test_the_changelog_begins_with_the_version() -> None:
    """What is built next is what the first heading is about."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    heading = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert version == (heading and heading[1])


# Builds four times, and makes an environment for each Python.
@pytest.mark.timeout(3600)
@pytest.mark.nightly
def test_a_release_from_build_to_rollback() -> None:
    """Two builds are the same; what an index of our own has is installed on each Python, upgraded and rolled back."""
    ended = subprocess.run([ROOT / "script/release-check"], capture_output=True, text=True, check=False)
    assert 0 == ended.returncode, ended.stdout + ended.stderr
    lines = [line for line in ended.stdout.splitlines() if line.startswith("ok  ")]
    steps = [
        word
        for word in ("built twice", "published", "installed on", "upgraded", "rolled back")
        if word in "".join(lines)
    ]
    assert ["built twice", "published", "installed on", "upgraded", "rolled back"] == steps
