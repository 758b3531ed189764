"""The house in order: each interface's words stay in that interface."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.processes import ROOT

SOURCE = ROOT / "src" / "skywrite"
# Commands that install something are no words of our own command line.
ALLOWED = {"pip install", "pipx install", "pg_dump"}
_COMMAND_LINE = re.compile(r"\bskywrite (?:[a-z]+ )?[a-z]+\b|(?:^|[\s(`'])--[a-z][a-z-]+")


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every string of a module that is no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def test_only_the_command_line_speaks_of_commands() -> None:
    """No module outside `cli/` holds the words of a command line: hints are values that each interface says."""
    found = [
        f"{path.relative_to(SOURCE)}:{line}: {text}"
        for path in sorted(SOURCE.rglob("*.py"))
        if "cli" not in path.relative_to(SOURCE).parts[:1]
        for line, text in _texts(path)
        if " " in text and _COMMAND_LINE.search(text) and not any(word in text for word in ALLOWED)
    ]
    assert [] == found
