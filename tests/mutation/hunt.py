"""Tries changes: each in a copy of a process that has what it needs in memory.

A change inside a function is tried in a copy of a pytest session that has collected the tests of the area. Constants,
and functions that run while modules are loaded, are tried in a copy of this process, which has other people's
libraries in memory but nothing of the program.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

import pytest

from tests.mutation.areas import Area
from tests.mutation.changes import Change
from tests.mutation.copies import BrokenTool, Task, outcomes
from tests.mutation.inside import serve_inside
from tests.mutation.known import FOLDER, Known, Measure, load, passes, reaching, save, use_folder
from tests.mutation.put import ChangedModule, can_put, live_functions, module_of, place_of, put_function, put_query

CONTROL_TESTS = 100
LEFT_OUT_MAX = 10
LOADING_SECONDS = 5.0
# pytest loads modules in its own way, and so without a change, where it rewrites assertions.
OPTIONS = ("-q", "-p", "no:cacheprovider", "--timeout=0", "--assert=plain")
OURS = ("skywrite", "tests", "test_", "conftest", "__main__", "__mp_main__", "_pytest", "pytest")
SERVERS = {"pds", "account", "postgres", "postgres_url", "postgres_address", "stoppable", "network", "browser"}
REAL = {"postgres", "reference"}


class Options(NamedTuple):
    """How many copies run at once, what tests of one change may take, and whether the last run is built upon."""

    jobs: int
    seconds: float
    again: bool


def noticed_by(name: str, area: Area, changes: Sequence[Change], options: Options) -> Iterator[tuple[Change, str]]:
    """Each change with what noticed it: a test, "loading", "time" or "crash"; "" where nothing did."""
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        os.close(read)
        os._exit(_session(name, area, changes, options, write))
    os.close(write)
    left = []
    with os.fdopen(read) as results:
        for line in results:
            number, noticed = json.loads(line)
            if noticed is None:
                left.append(number)
            else:
                yield changes[number], noticed
    if os.waitpid(pid, 0)[1]:
        sys.exit("the session of tests ended too early")
    known = load(name)
    warm(json.loads(_modules_of(name).read_text()))
    _leave_out_broken(known, lambda names, folder: _fresh(None, names, folder))
    tasks = (_fresh_task(number, changes[number], known, options.seconds) for number in sorted(left))
    for number, noticed in outcomes(tasks, jobs=options.jobs):
        yield changes[number], noticed


def _session(name: str, area: Area, changes: Sequence[Change], options: Options, results: int) -> int:
    hunt = Hunt(name, area, changes, options)
    hunt.results = os.fdopen(results, "w", buffering=1)
    with open(os.devnull, "w") as silent:  # noqa: PTH123
        os.dup2(silent.fileno(), 1)
    try:
        sys.settrace(hunt.note_loading)
        pytest.main([*OPTIONS, *area.tests], plugins=[hunt])
    except BaseException:
        traceback.print_exc()
        return 1
    return 0 if hunt.is_done else 1


class Hunt:
    """The plug-in: collects, finds out what each test reaches, and tries each change of a function or query."""

    def __init__(self, name: str, area: Area, changes: Sequence[Change], options: Options) -> None:
        self._name, self._area, self._changes = name, area, changes
        self._options = options
        self.results: Any = None
        self.is_done = False
        self._loading: set[CodeType] = set()

    def note_loading(self, frame: FrameType, event: str, argument: object) -> None:
        """Remember what runs before any test does: a change of it would come too late."""
        self._loading.add(frame.f_code)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what runs here: no long proofs, and no servers that each copy would have to start."""
        items[:] = [item for item in items if not needs_server(item)]
        serve_inside()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """The hunt."""
        sys.settrace(None)
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected: run them with pytest")
        known = self._known(session)
        FOLDER.mkdir(parents=True, exist_ok=True)
        _modules_of(self._name).write_text(json.dumps(sorted(sys.modules)))
        for path in {change.path for change in self._changes if change.path.endswith(".py")}:
            importlib.import_module(module_of(path))
        self._control(session, known)
        for number, noticed in outcomes(self._tasks(session, known, live_functions()), jobs=self._options.jobs):
            self._say(number, noticed)
        self.is_done = True
        return True

    def _known(self, session: pytest.Session) -> dict[str, Known]:
        measurements = load(self._name) if self._options.again else {}
        files: dict[Path, list[pytest.Item]] = defaultdict(list)
        for item in session.items:
            if item.nodeid not in measurements:
                files[item.path].append(item)

        def measured(items: list[pytest.Item], folder: Path) -> str:
            use_folder(session, folder)
            measure = Measure()
            session.config.pluginmanager.register(measure)
            return json.dumps(
                [(item.nodeid, *measure.of(item, after)) for item, after in zip_longest(items, items[1:])]
            )

        tasks = [
            Task(number, None, lambda folder, items=items: measured(items, folder))  # type: ignore[misc]
            for number, items in enumerate(files.values())
        ]
        broken = []
        for number, text in outcomes(tasks, jobs=self._options.jobs):
            if text in ("crash", "time"):
                raise session.Interrupted(f"{list(files)[number]} ends its process without any change")
            for name, seconds, reached, passed in json.loads(text):
                if passed:
                    measurements[name] = Known(seconds, frozenset(reached))
                else:
                    broken.append(name)
        if broken:
            print(f"left out, since they fail without any change: {', '.join(broken)}", file=sys.stderr)
        session.items[:] = [item for item in session.items if item.nodeid in measurements]
        measurements = {item.nodeid: measurements[item.nodeid] for item in session.items}
        save(self._name, measurements)
        return measurements

    def _control(self, session: pytest.Session, known: dict[str, Known]) -> None:
        """Without any change the tests pass in a copy of this process; else what follows would mean nothing."""
        items = {item.nodeid: item for item in session.items}
        _leave_out_broken(
            known, lambda names, folder: self._first_failure(session, [items[name] for name in names], folder)
        )

    def _tasks(
        self, session: pytest.Session, known: dict[str, Known], functions: dict[str, list[FunctionType]]
    ) -> Iterator[Task]:
        """Changes that can be tried here; of the others it is said that they are left."""
        items = {item.nodeid: item for item in session.items}
        loading = {place_of(code) for code in self._loading}
        for number, change in enumerate(self._changes):
            is_query = change.path.endswith(".sql")
            tests = reaching(change, known, self._options.seconds) if change.inside else []
            if not tests or not (is_query or can_put(change, functions, loading)):
                self._say(number, "" if is_query else None)
                continue

            def tried(folder: Path, change: Change = change, tests: Sequence[str] = tuple(tests)) -> str:
                if change.path.endswith(".sql"):
                    put_query(change)
                else:
                    put_function(change, functions)
                return self._first_failure(session, [items[name] for name in tests], folder)

            yield Task(number, sum(known[name].seconds for name in tests), tried)

    def _first_failure(self, session: pytest.Session, items: Sequence[pytest.Item], folder: Path) -> str:
        """Run tests until one fails; its name, or ""."""
        use_folder(session, folder)
        for place, item in enumerate(items):
            following = items[place + 1] if place + 1 < len(items) else None
            try:
                if not passes(item, following):
                    return item.nodeid
            except BaseException as error:
                return f"{item.nodeid} ({type(error).__name__})"
        return ""

    def _say(self, number: int, noticed: str | None) -> None:
        print(json.dumps([number, noticed]), file=self.results)


def needs_server(item: pytest.Item) -> bool:
    """Whether a test needs what a copy of this process does not have."""
    if item.get_closest_marker("nightly") or item.get_closest_marker("network"):
        return True
    names = set(getattr(item, "fixturenames", ()))
    callspec = getattr(item, "callspec", None)
    values = {value for value in callspec.params.values() if isinstance(value, str)} if callspec else set()
    return bool(names & SERVERS or values & REAL)


def warm(modules: Sequence[str]) -> None:
    """Load other people's libraries, which each copy then has already."""
    for name in modules:
        if not name.startswith(OURS):
            try:
                importlib.import_module(name)
            except Exception:  # Some names in the list of modules are no modules.
                continue
    if loaded := [name for name in sys.modules if name.startswith("skywrite")]:
        sys.exit(f"this process must have nothing of the program in memory, but has {loaded[0]}")


def _fresh_task(number: int, change: Change, known: dict[str, Known], most: float) -> Task:
    tests = reaching(change, known, most, whole_module=True)
    seconds = LOADING_SECONDS + sum(known[name].seconds for name in tests)
    return Task(number, seconds, lambda folder: _fresh(ChangedModule(change), tests, folder))


def _leave_out_broken(known: dict[str, Known], tried: Callable[[list[str], Path], str]) -> None:
    """Without any change the tests pass in a copy, too: what does not is known no more."""
    for _ in range(LEFT_OUT_MAX):
        quickest = sorted(known, key=lambda name: known[name].seconds)[:CONTROL_TESTS]
        ((_, failed),) = outcomes([Task(0, None, lambda folder, tests=quickest: tried(tests, folder))], jobs=1)  # type: ignore[misc]
        if not failed:
            return
        if known.pop(failed.partition(" (")[0], None) is None:
            break
        print(f"left out, since it fails without any change: {failed}", file=sys.stderr)
    raise BrokenTool(f"without any change this fails: {failed}")


def _fresh(changed: ChangedModule | None, tests: Sequence[str], folder: Path) -> str:
    """Load the program and run tests of it in this process; what noticed the change, or ""."""
    plugin = Chosen(tests)
    if changed is not None:
        sys.meta_path.insert(0, changed)
    files = sorted({name.partition("::")[0] for name in tests})
    code = pytest.main(["-x", *OPTIONS, f"--basetemp={folder / 'tests'}", *files], plugins=[plugin])
    if changed is not None and not changed.was_used:
        raise RuntimeError("no test has loaded the changed module")
    if code in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise RuntimeError(f"pytest ended with {code!r}")
    return "" if code == pytest.ExitCode.OK else plugin.failed or "loading"


class Chosen:
    """Runs only these tests, in this order, and keeps the name of one that failed."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self.failed = ""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        by_name = {item.nodeid: item for item in items}
        items[:] = [by_name[name] for name in self._names if name in by_name]
        serve_inside()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid


def _modules_of(area: str) -> Path:
    return FOLDER / f"{area}-modules.json"
