"""Names the test files that a change concerns, for `script/test quick`: a line each.

A change is what is not committed yet or, in a clean checkout, the last commit. A test file is concerned if it changed,
or imports a module that changed; a page of the documentation concerns the test that runs its blocks. Long proofs
(crashes, browsers) are named only if they changed themselves. A module that everybody imports concerns more than a
minute of tests: then those that share its name come first, those that take long last, and as many as fit are named.
If nothing is concerned, `tests/unit` is. What does not live here: running them (`script/test`).
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from tests.support.costs import LEAST_SECONDS, read_costs  # noqa: E402

# Processor time: with two cores, and the time to find the tests, less than a minute.
SECONDS_MAX = 60.0
LONG = {"crash", "simulation", "pages", "fuzz", "network", "harness", "mutation"}
ALWAYS = "tests/unit/test_house.py"
PAGES = Path("tests/docs/test_blocks.py")


def git(*arguments: str) -> list[str]:
    """The lines that git answers with."""
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()


def changed() -> set[Path]:
    """The files of the change that are still there, as paths below the checkout."""
    names = git("diff", "--name-only", "HEAD") + git("ls-files", "--others", "--exclude-standard")
    names = names or git("diff", "--name-only", "HEAD~1", "HEAD")
    return {Path(name) for name in names if (ROOT / name).is_file()}


def module_name(path: Path) -> str:
    """`skywrite.queue.posts` for `src/skywrite/queue/posts.py`; the folder's for `__init__.py`."""
    parts = path.with_suffix("").parts
    parts = parts[1:] if parts[0] == "src" else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> Iterator[str]:
    """The modules that a file names in its imports, wherever they stand."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def concerned(files: set[Path]) -> list[str]:
    """The test files that a change of these files concerns, as many as fit into a minute."""
    modules = {module_name(path) for path in files if path.suffix == ".py"}
    chosen = {path for path in files if path.name.startswith("test_")}
    if any(path.suffix == ".md" for path in files):
        chosen.add(PAGES)
    costs = read_costs()

    def cost(path: Path) -> float:
        return costs.get(str(path), LEAST_SECONDS / 2)

    stems = {path.stem for path in files}
    below = (path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py"))
    importing = {path for path in below if path.parts[1] not in LONG and modules & set(imported(ROOT / path))} - chosen
    left = SECONDS_MAX - sum(map(cost, chosen))
    omitted = 0
    for path in sorted(importing, key=lambda path: (path.stem.removeprefix("test_") not in stems, cost(path), path)):
        if cost(path) <= left:
            chosen.add(path)
            left -= cost(path)
        else:
            omitted += 1
    if omitted:
        print(f"quick: {omitted} more files import what changed; script/test runs them, too", file=sys.stderr)
    return sorted(map(str, chosen))


if __name__ == "__main__":
    print("\n".join(dict.fromkeys([*(concerned(changed()) or ["tests/unit"]), ALWAYS])))
