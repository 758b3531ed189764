"""What to install when an optional part is missing: a command that works without a package index."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from skywrite.core.errors import install_command

CLONE = {"url": "file:///home/me/my%20clone", "dir_info": {}}


@pytest.mark.parametrize(
    ("origin", "by_pipx", "expected"),
    [
        (json.dumps(CLONE), False, 'pip install "/home/me/my clone[video]"'),
        (json.dumps(CLONE), True, 'pipx install --force "/home/me/my clone[video]"'),
        (None, False, 'pip install ".[video]"'),
        ("not JSON", False, 'pip install ".[video]"'),
        (json.dumps({"url": "file:///tmp/skywrite.whl", "archive_info": {}}), True, 'pipx install --force ".[video]"'),
    ],
)
def test_the_command_names_where_skywrite_came_from(
    origin: str | None, by_pipx: bool, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clone that it was installed from; where that is unknown, the folder that one is in."""
    there = SimpleNamespace(read_text=lambda name: origin if name == "direct_url.json" else None)
    monkeypatch.setattr(metadata, "distribution", lambda name: there)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    if by_pipx:
        (tmp_path / "pipx_metadata.json").touch()
    assert expected == install_command("video")
