"""The facts about the lexicons that models are made from are those of the reference server."""

from __future__ import annotations

import subprocess

from tests.support.processes import ROOT


def test_names_and_fields_are_those_of_the_reference_server() -> None:
    """`lexicons.json` is what `models.mjs` prints; after an upgrade of the server, run it again as it says."""
    node = subprocess.run([ROOT / "tests/pds/prepare"], capture_output=True, text=True, check=True).stdout.strip()
    command = [node, ROOT / "tests/contract/models.mjs", ROOT / "tests/pds/node_modules/@atproto/pds"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed == (ROOT / "src/skywrite/sdk/lexicons.json").read_text(encoding="utf-8")
