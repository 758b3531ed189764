"""The table of settings: what each may be, and that nothing else is taken."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest

from skywrite.app.settings import SETTINGS, read_setting, unreadable
from skywrite.core.errors import InputError
from skywrite.queue.approval_rules import SOURCES, needs_approval
from tests.support.nonsense import nonsense
from tests.support.processes import ROOT

_SOURCE = re.compile(r"[a-z-]+")


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_takes_only_what_it_may_be(name: str) -> None:
    """Anything else is refused; None removes it."""
    for value in nonsense(name):
        with pytest.raises(InputError):
            read_setting(name, value)
    assert read_setting(name, None) is None


def test_the_examples_of_the_help_are_taken() -> None:
    """What the help shows for a setting can be set."""
    for name, setting in SETTINGS.items():
        for example in re.split(r", or |, | or ", setting.example.partition(" (")[0]):
            assert read_setting(name, example) is not None


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("all", "all"),
        ("agents", "agents"),
        ("agents,all", "all"),
        ("feed,command", ["feed", "command"]),
        ("feed:3 agents", ["feed:3", "agents"]),
        (["import:my plan.csv"], ["import:my plan.csv"]),
        ("none", None),
        ("off", None),
    ],
)
def test_what_approval_may_be(value: Any, stored: Any) -> None:
    """All posts, those of agents, those of sources, or none."""
    assert stored == read_setting("approval", value)


@pytest.mark.parametrize(
    "stored", ["agent", ["MCP"], ["al"], ["feed", "feeds"], [], "", 0, False, {}, {"a": 1}, [["all"]], [1]]
)
def test_an_approval_setting_that_nobody_can_read_stays_shut(stored: Any) -> None:
    """Every post then needs an approval, and the check-up names the setting."""
    settings = {"approval": stored, "zone": "UTC"}
    assert all(needs_approval(settings, source) for source in (None, "page", "mcp", "feed:1"))
    assert ["approval"] == [name for name, _ in unreadable(settings)]


def _sources() -> set[str]:
    """Every source that the code gives to a post."""
    sources: set[str] = set()
    for path in (ROOT / "src" / "skywrite").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                sources |= {_word(item.value) for item in node.keywords if item.arg == "source"}
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("SOURCE", "NOW_SOURCE"):
                sources.add(_word(node.value))
    return sources - {""}


def _word(node: ast.expr) -> str:
    first = node.values[0] if isinstance(node, ast.JoinedStr) else node
    text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
    match = _SOURCE.match(text)
    return match[0] if match else ""


def test_every_source_can_be_named() -> None:
    """`approval=SOURCE` takes every source that posts come from."""
    assert set() == _sources() - set(SOURCES)
    assert _sources()


def test_a_zone_that_is_nearly_right_is_shown() -> None:
    """A setting suggests what a time does."""
    with pytest.raises(InputError) as caught:
        read_setting("zone", "Europe/Berln")
    assert "Did you mean Europe/Berlin?" == caught.value.hint
