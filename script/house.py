"""Prints the size of the house beside its budgets: lines, files, classes, modules, features, commands.

What does not live here: what a check refuses (`script/lint` runs those); a budget may be missed for a reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from skywrite.faces.cli.names import groups
from skywrite.features import features

SOURCE = Path(__file__).resolve().parent.parent / "src" / "skywrite"
LINES, FILES, CLASSES = 54_000, 330, 650
APP_FILES, FEATURE_FILES, COMMANDS = 20, 8, 36
SMALL, LARGE, FUNCTION = 60, 450, 70


def measures() -> Iterator[tuple[str, int, int]]:
    """What is measured, how much it is, and how much it may be."""
    paths = [path for path in SOURCE.rglob("*.py") if "sandbox" not in path.relative_to(SOURCE).parts]
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    modules = [size for path, size in lines.items() if path.name != "__init__.py"]
    yield "lines without the sandbox", sum(lines.values()), LINES
    yield "files", len(paths), FILES
    yield "classes", sum(isinstance(node, ast.ClassDef) for node in nodes), CLASSES
    yield f"modules below {SMALL} lines", sum(size < SMALL for size in modules), 0
    yield f"modules above {LARGE} lines", sum(size > LARGE for size in modules), 0
    yield "lines of the longest function", max((node.end_lineno or 0) - node.lineno + 1 for node in functions), FUNCTION
    yield "files in app", len([*SOURCE.glob("app/*.py")]), APP_FILES
    yield "files of the largest feature", max(len([*row.folder.glob("*.py")]) for row in features()), FEATURE_FILES
    yield "commands at the top", sum(len(group) for group in groups().values()), COMMANDS


def main() -> None:
    """Print a line for each."""
    for what, count, budget in measures():
        print(f"house: {count:>7,} {what} (budget {budget:,}{', missed' if count > budget else ''})")


if __name__ == "__main__":
    main()
