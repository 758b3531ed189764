"""What is known of each test: how long it takes and what it calls; and so which tests a change is tried with."""

from __future__ import annotations

import ast
import json
import signal
import sys
import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

import pytest

from tests.mutation.changes import SOURCE, Change
from tests.mutation.put import TESTS, module_of, place_of, who_runs
from tests.support.processes import ROOT

FOLDER = ROOT / ".cache" / "mutants"
MEASURED_SECONDS_MAX = 30
FAR = 2


class Known(NamedTuple):
    """What is known of a test: how long it takes, and what it calls ("posting/publish/pool.py:Pool.start")."""

    seconds: float
    reached: frozenset[str]


def load(area: str) -> dict[str, Known]:
    """What the last run found out, by the name of the test."""
    path = FOLDER / f"{area}.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    return {name: Known(seconds, frozenset(reached)) for name, (seconds, reached) in kept.items()}


def save(area: str, known: dict[str, Known]) -> None:
    """Keep it for the next run."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = json.dumps({name: [one.seconds, sorted(one.reached)] for name, one in known.items()})
    (FOLDER / f"{area}.json").write_text(text)


def reaching(change: Change, known: dict[str, Known], most: float, *, whole_module: bool = False) -> list[str]:
    """The tests that call what is changed, the quickest first, that take `most` seconds together.

    What is not inside a function, or runs while modules are loaded (`whole_module`), is tried with the tests that call
    the module, and then with those that call modules that import it.
    """
    by_time = sorted(known, key=lambda name: known[name].seconds)
    if change.path.endswith(".sql"):
        chosen = [name for name in by_time if who_runs(change.inside) & known[name].reached]
    elif change.inside and not whole_module:
        place = f"{change.path}:{change.inside}"
        chosen = [name for name in by_time if place in known[name].reached]
    else:
        near = [name for name in by_time if _distance(change.path, name, known[name]) < FAR]
        chosen = sorted(near or by_time, key=lambda name: _distance(change.path, name, known[name]))
    return _within(chosen, known, most)


def _within(names: Sequence[str], known: dict[str, Known], most: float) -> list[str]:
    chosen, seconds = [], 0.0
    for name in names:
        if seconds + known[name].seconds <= most:
            seconds += known[name].seconds
            chosen.append(name)
    return chosen


def _distance(path: str, name: str, one: Known) -> int:
    called = {place.partition(":")[0] for place in one.reached}
    # A test that only looks at a table calls nothing of its module.
    is_named = module_of(path) in _names(ROOT / name.partition("::")[0])
    return 0 if is_named or path in called else 1 if importers(path) & called else FAR


@cache
def importers(path: str) -> frozenset[str]:
    """The modules that import a module."""
    wanted = module_of(path)
    return frozenset(other for other in _modules() if wanted in _names(SOURCE / other))


@cache
def _modules() -> tuple[str, ...]:
    return tuple(str(path.relative_to(SOURCE)) for path in sorted(SOURCE.rglob("*.py")))


@cache
def _names(path: Path) -> frozenset[str]:
    """What a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


class Measure:
    """Measures the tests of one file, in their order: what they share is seen when the first of them prepares it."""

    def __init__(self) -> None:
        self._reached: set[CodeType] = set()
        self._preparing: set[CodeType] = set()

    def note(self, frame: FrameType, event: str, argument: object) -> None:
        """Remember what is called, in any thread."""
        self._reached.add(frame.f_code)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self) -> None:
        """What came before this call was preparation, maybe for the tests that follow, too."""
        self._preparing |= self._reached

    def of(self, item: pytest.Item, following: pytest.Item | None) -> tuple[float, list[str], bool]:
        """How long a test takes, what it calls, and whether it passes."""

        def too_slow(*_: object) -> None:
            raise TimeoutError(f"{item.nodeid} takes more than {MEASURED_SECONDS_MAX} s")

        self._reached = set()
        signal.signal(signal.SIGVTALRM, too_slow)
        signal.setitimer(signal.ITIMER_VIRTUAL, MEASURED_SECONDS_MAX)
        threading.settrace(self.note)
        sys.settrace(self.note)
        began = time.process_time()
        try:
            passed = passes(item, following)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            sys.settrace(None)
            threading.settrace(None)
        seconds = time.process_time() - began
        ours = (str(SOURCE), str(TESTS))
        called = self._reached | self._preparing
        return seconds, sorted({place_of(code) for code in called if code.co_filename.startswith(ours)}), passed


def passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    """Whether a test passes. With a test that follows, what the session shares stays."""
    from _pytest.runner import runtestprotocol

    return all(report.passed or report.skipped for report in runtestprotocol(item, log=False, nextitem=following))


def use_folder(session: pytest.Session, folder: Path) -> None:
    """Let the tests of this copy make their folders in `folder`."""
    session.config._tmp_path_factory._basetemp = folder  # type: ignore[attr-defined]  # the only way to it
