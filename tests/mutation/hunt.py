"""A pytest session that, in place of running its tests once, runs them again and again on changed programs."""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

import pytest

from tests.mutation.areas import Area
from tests.mutation.changes import SOURCE, Change, source_of
from tests.support.processes import FAST_FOLDER, ROOT

KNOWN = ROOT / ".cache" / "mutants"
MEMORY_BYTES = 6 << 30
# What tests of one change may take when all is well; the slowest that reach it are left out beyond that.
TESTS_SECONDS_MAX = 20.0
CONSTANT_SECONDS_MAX = 20.0
SLOW = 20.0
CONTROL_TESTS = 100
GRACE_SECONDS = 60.0
LOOP_SECONDS = 5
LOOPS = 3
MEASURED_SECONDS_MAX = 15
SERVERS = {"postgres", "postgres_url", "postgres_address", "stoppable", "network", "browser"}
SHARED = {"pds", "account"}
REAL = {"postgres", "reference"}


class Known(NamedTuple):
    """What is known of a test: how long it takes, and which functions it calls ("publish/pool.py:Pool.start")."""

    seconds: float
    reached: frozenset[str]


def noticed_by(
    name: str, area: Area, changes: Sequence[Change], *, jobs: int, again: bool
) -> Iterator[tuple[Change, str]]:
    """Each change with what noticed it: a test, "time" or "crash"; "" where nothing did."""
    session = Hunt(name, area, changes, jobs=jobs, again=again)
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        os.close(read)
        session.results = os.fdopen(write, "w", buffering=1)
        with open(os.devnull, "w") as silent:  # noqa: PTH123
            os.dup2(silent.fileno(), 1)
        pytest.main(["-q", "-p", "no:cacheprovider", "--timeout=0", *area.tests], plugins=[session])
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as results:
        for line in results:
            number, noticed = json.loads(line)
            yield changes[number], noticed
    os.waitpid(pid, 0)


class Hunt:
    """The plug-in: collects, finds out what each test reaches, and tries each change."""

    def __init__(self, name: str, area: Area, changes: Sequence[Change], *, jobs: int, again: bool) -> None:
        self._name, self._area, self._changes = name, area, changes
        self._jobs, self._again = jobs, again
        self.results: Any = None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what runs here: no long proofs, and no servers that each copy would have to start."""
        items[:] = [item for item in items if not needs_server(item, shared=self._area.pds)]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """The hunt."""
        items = {item.nodeid: item for item in session.items}
        known = self._known(session)
        for path in {change.path for change in self._changes if change.path.endswith(".py")}:
            importlib.import_module(module_of(path))
        functions = live_functions()
        self._control(session, known)
        # Those that need a process of their own come last.
        waiting = sorted(range(len(self._changes)), key=lambda number: not self._changes[number].inside)
        running: dict[int, tuple[int, float, int]] = {}
        while waiting or running:
            while waiting and len(running) < self._jobs:
                number = waiting.pop(0)
                change = self._changes[number]
                tests = reaching(change, known, items)
                if not tests:
                    self._say(number, "")
                    continue
                seconds = sum(known[name].seconds for name in tests)
                pid, answer = self._try(session, change, [items[name] for name in tests], functions, seconds)
                running[pid] = (number, time.monotonic() + GRACE_SECONDS + SLOW * seconds, answer)
            self._reap(running)
        return True

    def _control(self, session: pytest.Session, known: dict[str, Known]) -> None:
        """Without any change the tests pass in a copy of this process; else what follows would mean nothing."""
        quickest = sorted(session.items, key=lambda item: known[item.nodeid].seconds)[:CONTROL_TESTS]
        answer = os.memfd_create("answer")
        if (pid := os.fork()) == 0:
            alone(session)
            os.pwrite(answer, first_failure(session, quickest).encode(), 0)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if status or (failed := os.pread(answer, 1000, 0)):
            print(f"{failed.decode() if not status else 'a test'} fails without any change", file=sys.stderr)
            os._exit(1)
        os.close(answer)

    def _say(self, number: int, noticed: str) -> None:
        print(json.dumps([number, noticed]), file=self.results)

    def _try(
        self,
        session: pytest.Session,
        change: Change,
        items: list[pytest.Item],
        functions: dict[str, list[FunctionType]],
        seconds: float,
    ) -> tuple[int, int]:
        """A process that tries a change, and where it says what noticed it."""
        # Plain numbers: a file object that is collected in the copy would be a warning, and fail a test.
        answer = os.memfd_create("answer")
        if pid := os.fork():
            return pid, answer
        alone(session)
        # Whatever goes round and round ends soon, also where the machine is busy.
        most = int(LOOP_SECONDS + LOOPS * seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))
        if change.path.endswith(".sql"):
            put_query(change)
        elif not change.inside or not put_function(change, functions):
            done = subprocess.run(
                [sys.executable, "-m", "tests.mutation.hunt"],
                input=json.dumps([change, [item.nodeid for item in items]]),
                text=True,
                cwd=ROOT,
                capture_output=True,
            )
            os.pwrite(answer, b"" if done.returncode == 0 else b"another process", 0)
            os._exit(0)
        failed = first_failure(session, items)
        os.pwrite(answer, failed.encode(), 0)
        os._exit(0)

    def _reap(self, running: dict[int, tuple[int, float, int]]) -> None:
        for pid, (number, limit, answer) in list(running.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended and time.monotonic() > limit:
                os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                noticed = "time"
            elif not ended:
                continue
            else:
                noticed = os.pread(answer, 1000, 0).decode() if status == 0 else "crash"
            os.close(answer)
            del running[pid]
            self._say(number, noticed)
            return
        time.sleep(0.005)

    def _known(self, session: pytest.Session) -> dict[str, Known]:
        path = KNOWN / f"{self._name}.json"
        found: dict[str, Known] = {}
        if self._again and path.exists():
            kept = json.loads(path.read_text())
            found = {name: Known(seconds, frozenset(reached)) for name, (seconds, reached) in kept.items()}
        files: dict[Path, list[pytest.Item]] = defaultdict(list)
        for item in session.items:
            if item.nodeid not in found:
                files[item.path].append(item)
        parts = [list(files.values())[number :: self._jobs] for number in range(self._jobs)]
        answers = [os.memfd_create("answer") for _ in parts]
        for part, answer in zip(parts, answers, strict=True):
            if os.fork() == 0:
                alone(session, limited=False)
                measured = [(item.nodeid, *measure(item)) for items in part for item in items]
                with os.fdopen(answer, "w", closefd=False) as file:
                    json.dump(measured, file)
                os._exit(0)
        for _ in parts:
            os.wait()
        broken = []
        for answer in answers:
            os.lseek(answer, 0, os.SEEK_SET)
            with os.fdopen(answer) as file:
                measured = json.load(file)
            for name, seconds, reached, passed in measured:
                if passed:
                    found[name] = Known(seconds, frozenset(reached))
                else:
                    broken.append(name)
        if broken:
            print(f"left out, since they fail without any change: {', '.join(broken)}", file=sys.stderr)
        session.items[:] = [item for item in session.items if item.nodeid in found]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({name: [one.seconds, sorted(one.reached)] for name, one in found.items()}))
        return found


def needs_server(item: pytest.Item, *, shared: bool) -> bool:
    """Whether a test needs what a copy of this process does not have."""
    if item.get_closest_marker("nightly") or item.get_closest_marker("network"):
        return True
    names = set(getattr(item, "fixturenames", ()))
    callspec = getattr(item, "callspec", None)
    values = {value for value in callspec.params.values() if isinstance(value, str)} if callspec else set()
    return bool(names & SERVERS or values & REAL or (names & SHARED and not shared))


def reaching(change: Change, known: dict[str, Known], items: dict[str, pytest.Item]) -> list[str]:
    """The tests that call what is changed, the quickest first, for as long as tests of one change may take."""
    places = who_runs(change.inside) if change.path.endswith(".sql") else {f"{change.path}:{change.inside}"}
    module = f"{change.path}:"

    def touches(one: Known) -> bool:
        if change.inside:
            return bool(places & one.reached)
        return any(name.startswith(module) for name in one.reached)

    by_time = sorted((name for name in items if name in known), key=lambda name: known[name].seconds)
    # A module without functions is everybody's.
    old = [name for name in by_time if touches(known[name])] or (by_time if not change.inside else [])
    chosen, seconds = [], 0.0
    for name in old:
        seconds += known[name].seconds
        if seconds > (TESTS_SECONDS_MAX if change.inside else CONSTANT_SECONDS_MAX):
            break
        chosen.append(name)
    return chosen


@cache
def who_runs(query: str) -> set[str]:
    """The functions that name a query."""
    found = set()
    for path in (SOURCE / "queue").glob("*.py"):
        text = path.read_text("utf-8")
        if f'"{query}"' in text:
            modules = [compile(text, str(path), "exec", dont_inherit=True)]
            found |= {place_of(code) for module in modules for code in naming(module, query)}
    return found


def naming(code: CodeType, text: str) -> Iterator[CodeType]:
    """The code inside of `code` with this constant."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if text in constant.co_consts:
                yield constant
            yield from naming(constant, text)


def live_functions() -> dict[str, list[FunctionType]]:
    """The functions of the program that are in memory, by module and name."""
    found: dict[str, list[FunctionType]] = defaultdict(list)
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename.startswith(str(SOURCE)):
            found[place_of(thing.__code__)].append(thing)
    return found


def module_of(path: str) -> str:
    """The name of a module."""
    return "skywrite." + path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def place_of(code: CodeType) -> str:
    """Module and outermost function."""
    return f"{code.co_filename.removeprefix(f'{SOURCE}/')}:{code.co_qualname.partition('.<locals>')[0]}"


def put_function(change: Change, functions: dict[str, list[FunctionType]]) -> bool:
    """Give the living functions their changed code; False where that cannot be done."""
    path, source = SOURCE / change.path, source_of(change.path)
    old, new = (
        list(codes(compile(text, str(path), "exec", dont_inherit=True), change.inside))
        for text in (source, change.applied(source))
    )
    pairs = [(one, other) for one, other in zip(old, new, strict=True) if one != other]
    done = 0
    for function in functions[f"{change.path}:{change.inside}"]:
        for one, other in pairs:
            if (
                function.__code__.co_firstlineno == one.co_firstlineno
                and "<locals>" not in function.__code__.co_qualname
            ):
                try:
                    function.__code__ = other
                except ValueError:
                    return False
                done += 1
    return done > 0


def codes(code: CodeType, name: str) -> Iterator[CodeType]:
    """All code of that name inside of `code`."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == name:
                yield constant
            elif name.startswith(f"{constant.co_qualname}."):
                yield from codes(constant, name)


def put_query(change: Change) -> None:
    """Change a named query."""
    from skywrite.queue import queries

    text = dict(queries._named(change.applied(source_of(change.path))))[change.inside]
    queries.load_queries("sqlite")[change.inside] = text  # type: ignore[index]  # a dict, though none may change it


def alone(session: pytest.Session, *, limited: bool = True) -> None:
    """Make this copy independent: its own group, folder, output and limits."""
    os.setsid()
    folder = Path(tempfile.mkdtemp(prefix="skywrite-mutant-", dir=FAST_FOLDER))
    factory = session.config._tmp_path_factory  # type: ignore[attr-defined]
    factory._basetemp = folder
    with open(os.devnull, "w") as silent:  # noqa: PTH123
        os.dup2(silent.fileno(), 1)
        os.dup2(silent.fileno(), 2)
    if limited:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    watch_over(os.getpid(), folder)


def watch_over(pid: int, folder: Path) -> None:
    """Remove a folder when a process has ended."""
    if os.fork() == 0:
        os.setsid()
        while True:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                shutil.rmtree(folder, ignore_errors=True)
                os._exit(0)
            time.sleep(0.2)


def first_failure(session: pytest.Session, items: Sequence[pytest.Item]) -> str:
    """Run tests until one fails; its name, or ""."""
    for place, item in enumerate(items):
        following = items[place + 1] if place + 1 < len(items) else None
        if not passes(item, following):
            return item.nodeid
    return ""


def passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    """Whether a test passes."""
    from _pytest.runner import runtestprotocol

    return all(report.passed or report.skipped for report in runtestprotocol(item, log=False, nextitem=following))


def measure(item: pytest.Item) -> tuple[float, list[str], bool]:
    """How long a test takes, what it calls, and whether it passes."""
    reached: set[CodeType] = set()

    def note(frame: FrameType, event: str, argument: object) -> None:
        reached.add(frame.f_code)

    def too_slow(*_: object) -> None:
        raise TimeoutError(f"{item.nodeid} takes more than {MEASURED_SECONDS_MAX} s")

    signal.signal(signal.SIGVTALRM, too_slow)
    signal.setitimer(signal.ITIMER_VIRTUAL, MEASURED_SECONDS_MAX)
    threading.settrace(note)
    sys.settrace(note)
    began = time.process_time()
    try:
        passed = passes(item, None)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        sys.settrace(None)
        threading.settrace(None)
    seconds = time.process_time() - began
    return seconds, sorted({place_of(code) for code in reached if code.co_filename.startswith(str(SOURCE))}), passed


class ChangedModule(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):  # type: ignore[misc]
    """Loads one module with its change."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._module = module_of(change.path)

    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != self._module:
            return None
        return importlib.util.spec_from_file_location(name, self.get_filename(name), loader=self)

    def get_filename(self, name: str) -> str:
        return str(SOURCE / self._change.path)

    def get_data(self, path: str) -> bytes:
        return self._change.applied(Path(path).read_text("utf-8")).encode()


class Chosen:
    """Runs only these tests, in this order."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        by_name = {item.nodeid: item for item in items}
        items[:] = [by_name[name] for name in self._names if name in by_name]


def in_another_process() -> None:
    """Run tests with a change that is made before anything is imported."""
    fields, names = json.loads(sys.stdin.read())
    change = Change(*fields)
    sys.meta_path.insert(0, ChangedModule(change))
    files = sorted({name.partition("::")[0] for name in names})
    # With its own assertions pytest would load the module itself, without the change.
    plain = ("-x", "-q", "-p", "no:cacheprovider", "--assert=plain")
    sys.exit(pytest.main([*plain, *files], plugins=[Chosen(names)]))


if __name__ == "__main__":
    in_another_process()
