"""The list of features: what is on it works by its row alone, and what is taken off it is gone."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from typing import Any, cast

import pytest

from skywrite.app.context import Context
from skywrite.features import NAMES, features
from skywrite.features.notices import troubles
from tests.features.without import PAGES
from tests.support.processes import ROOT

BELOW = ("app", "faces", "posting", "queue", "sandbox")
# A child for each takes two seconds. A push tries some of every kind: with commands, pages, periodic work, operations.
ALWAYS = ("follow_ups", "feeds", "answers", "tables", "agents", "rehearsal", "people")


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the program saw that does the main job without a feature, by its name; the empty one is with all."""
    program, folder = ROOT / "tests" / "features" / "without.py", tmp_path_factory.mktemp("homes")
    names = NAMES if request.config.getoption("--nightly") else ALWAYS
    command = [sys.executable, str(program), str(folder), "", *names]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert 0 == done.returncode, done.stderr[-3000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["without"]: line for line in lines}


def test_each_folder_is_on_the_list() -> None:
    """No feature is forgotten, and none is listed that is not there."""
    folders = {path.parent.name for path in (ROOT / "src/skywrite/features").glob("*/__init__.py")}
    assert sorted(folders) == sorted(NAMES)
    assert NAMES == tuple(row.name for row in features())


def test_the_layers_hold_each_feature() -> None:
    """Features stand side by side: none is left out of the two contracts about imports."""
    told = (ROOT / "pyproject.toml").read_text("utf-8")
    assert [] == [name for name in NAMES if len(re.findall(rf"skywrite\.features\.{name}\b", told)) < 2]


@pytest.mark.parametrize("name", NAMES)
def test_every_home_of_a_row_is_there(name: str) -> None:
    """What a row names can be loaded, and its folder has at most eight modules."""
    row = next(row for row in features() if row.name == name)
    one = ("panels", "post_panels", "served", "layer", "works", "rehearsed", "answerers", "prune", "recover")
    homes = [getattr(row, field) for field in one]
    homes += [service.home for service in row.services.values()]
    homes += [home for verbs in row.verbs.values() for home in verbs]
    homes += [*row.operations, *row.pages, *row.timers.values(), *row.solved.values()]
    homes += [command.module for command in row.commands.values()]
    assert [] == [home for home in homes if home and row.load(home) is None]
    modules = [path.name for path in row.folder.glob("*.py")]
    assert len(modules) <= 8, modules


@pytest.mark.parametrize(
    "name", [name if name in ALWAYS else pytest.param(name, marks=pytest.mark.nightly) for name in NAMES]
)
def test_a_feature_off_the_list_is_gone_and_the_rest_works(name: str, seen: dict[str, dict[str, Any]]) -> None:
    """A post goes out, pages answer, commands load; of the feature nothing is loaded, and no face has it."""
    row = next(row for row in features() if row.name == name)
    whole, less = seen[""], seen[name]
    assert (["Hello"], dict.fromkeys(PAGES, 200), []) == (less["posts"], less["codes"], less["loaded"])
    assert set(row.services) == set(whole["nouns"]) - set(less["nouns"])
    assert set(row.commands) == set(whole["commands"]) - set(less["commands"])
    for face in ("nouns", "commands", "operations", "routes"):
        assert set() == set(less[face]) - set(whole[face])
    gone = set(whole["operations"]) - set(less["operations"])
    assert bool(row.operations) == bool(gone), gone


def test_nothing_below_asks_for_a_noun_of_a_feature() -> None:
    """What every feature may use, and the frames, work without any of them: they never say `sky.feeds`."""
    nouns = {noun for row in features() for noun in row.services}
    uses = set()
    for path in (path for room in BELOW for path in (ROOT / "src/skywrite" / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in nouns and ast.unparse(node.value).endswith("sky"):
                uses.add((path.name, f"sky.{node.attr}", "if feature(" in path.read_text(encoding="utf-8")))
    # They ask first whether it is there: the demo shows an inbox, and --jsonl posts rows.
    assert {("demo.py", "sky.inbox", True), ("posting.py", "sky.transfer", True)} == uses


def test_a_trouble_of_a_feature_that_is_no_more_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A problem that was stored before its feature was taken off the list keeps no notice back."""
    monkeypatch.setattr(troubles, "features", lambda: ())
    troubles._solved.cache_clear()
    ctx = cast(Context, None)
    stored = [kind for kind, row in troubles.TROUBLES.items() if row.over and row.check is None]
    kept = [kind for kind in stored if not troubles.is_over(ctx, troubles.Trouble("", kind, None, 1, ""))]
    troubles._solved.cache_clear()
    assert (["feed.failing"], []) == (stored, kept)
