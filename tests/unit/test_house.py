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


def _is_of_command_line(path: Path) -> bool:
    """Whether a module is part of the command line: of its frame, or brought to it by a feature."""
    return path.relative_to(SOURCE).parts[:2] == ("faces", "cli") or path.stem.startswith("cli")


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
    """Only the command line holds the words of a command line: hints are values that each interface says."""
    found = [
        f"{path.relative_to(SOURCE)}:{line}: {text}"
        for path in sorted(SOURCE.rglob("*.py"))
        if not _is_of_command_line(path)
        for line, text in _texts(path)
        if " " in text and _COMMAND_LINE.search(text) and not any(word in text for word in ALLOWED)
    ]
    assert [] == found


_PRINTERS = {"print_json", "print_json_array", "json_array"}


def _calls_of(tree: ast.AST, names: set[str]) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def _own_shapes(function: ast.AST, local: set[str]) -> Iterator[tuple[int, str]]:
    """What a function hands to a JSON printer that was built here: in the call itself, or in a name that it passes."""
    passed = [argument for call in _calls_of(function, _PRINTERS) for argument in call.args]
    names = {node.id for argument in passed for node in ast.walk(argument) if isinstance(node, ast.Name)}
    assigned = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id in names for target in node.targets)
    ]
    for value in (*passed, *assigned):
        for node in ast.walk(value):
            if isinstance(node, ast.Dict | ast.DictComp):
                yield node.lineno, "a dict"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"dict", *local}:
                yield node.lineno, node.func.id
            if isinstance(node, ast.Attribute) and node.attr in ("_asdict", "fromkeys"):
                yield node.lineno, node.attr


def test_the_command_line_builds_no_json() -> None:
    """Every JSON document that the command line prints is a result's own shape: it builds none itself."""
    found = []
    for path in filter(_is_of_command_line, sorted(SOURCE.rglob("*.py"))):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        local = {
            function.name
            for function in functions
            if function.returns and re.match(r"dict\b|list\[dict\b", ast.unparse(function.returns))
        }
        found += [
            f"{path.name}:{line}: {what}"
            for function in functions
            if function.name not in _PRINTERS
            for line, what in _own_shapes(function, local)
        ]
    assert [] == found
