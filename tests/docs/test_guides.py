"""The tables of the guides of folders and CI are complete."""

from __future__ import annotations

import re

import yaml

from skywrite.posting.sources.post_file import DRAFT_FIELDS, OPTIONS
from tests.support.processes import ROOT

PAGES = ("docs/guide/folders.md", "docs/guide/ci.md")


def test_table_of_names() -> None:
    """Every name that a file may hold is in the guide, and no other."""
    table = re.findall(r"^\| (`.*?) \|", (ROOT / PAGES[0]).read_text(), re.M)
    named = {name for row in table for name in re.findall(r"`(\w+)`", row)}
    assert {*OPTIONS, *DRAFT_FIELDS} - {"tidy"} == named


def test_table_of_inputs() -> None:
    """Every input of the action is in the guide."""
    inputs = set(yaml.safe_load((ROOT / "action.yml").read_text())["inputs"])
    page = (ROOT / PAGES[1]).read_text()
    assert inputs == {name for name in inputs if re.search(rf"`{name}(: true)?`", page)}
