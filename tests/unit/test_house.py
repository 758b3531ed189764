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
    lines = [
        f"{path.relative_to(SOURCE)}:{line}: {text}"
        for path in sorted(SOURCE.rglob("*.py"))
        if not _is_of_command_line(path)
        for line, text in _texts(path)
        if " " in text and _COMMAND_LINE.search(text) and not any(word in text for word in ALLOWED)
    ]
    assert [] == lines


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
    problems = []
    for path in filter(_is_of_command_line, sorted(SOURCE.rglob("*.py"))):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        local = {
            function.name
            for function in functions
            if function.returns and re.match(r"dict\b|list\[dict\b", ast.unparse(function.returns))
        }
        problems += [
            f"{path.name}:{line}: {what}"
            for function in functions
            if function.name not in _PRINTERS
            for line, what in _own_shapes(function, local)
        ]
    assert [] == problems


# Where an interface reads the database itself, by the reason.
_READ_THE_STORE = {
    "people, keys, events and numbers, which are the server's own": {
        "cli/serve.py: _announce",
        "server/app.py: make_app",
        "server/health.py: healthz",
        "server/hub.py: EventHub.__init__",
        "server/hub.py: EventHub._follow",
        "server/metrics.py: Metrics.collect",
        "server/rights.py: access_of_key",
        "server/rights.py: rights_now",
        "server/serving.py: check_options",
    },
    "posts alone, page by page or many at once, without the account and the approval of each": {
        "cli/narrating.py: Narration._idle",
        "cli/picking.py: _exists",
        "cli/picking.py: _filtered",
        "cli/posting.py: _explain_interrupt",
        "server/pages/completing.py: campaigns",
        "server/pages/completing.py: tags",
        "server/pages/compose.py: media",
        "server/pages/plan.py: _drafts",
        "server/pages/posts.py: drafts",
        "server/pages/posts.py: history",
        "server/pages/search.py: _found",
    },
    "tables of the queue whose feature may be taken out": {
        "cli/completing.py: complete_recurrences",
        "cli/posts.py: show_command",
        "cli/settings.py: _kept_zones",
        "server/pages/plan.py: _reposts",
    },
    "the demo, which leaves nothing to undo": {"server/demo.py: _fill_inbox", "server/demo.py: _sign_in"},
}


def _readers(node: ast.AST, name: str = "") -> Iterator[str]:
    """The functions below a node that reach through a context to its store."""
    for child in ast.iter_child_nodes(node):
        is_named = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if isinstance(child, ast.Attribute) and child.attr == "store" and "context" in ast.unparse(child.value):
            yield name
        yield from _readers(child, f"{name}.{child.name}".lstrip(".") if is_named else name)  # type: ignore[attr-defined]


def test_interfaces_call_nouns() -> None:
    """Interfaces call what `Skywrite` offers; where one reads the database itself, it is named here with the reason."""
    faces = SOURCE / "faces"
    readers = {
        f"{path.relative_to(faces)}: {reader}"
        for path in faces.rglob("*.py")
        for reader in _readers(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert set().union(*_READ_THE_STORE.values()) == readers
