"""Tries changes of the scripts of the page in a real browser, with the tests of `tests/pages`.

Stryker puts all changes into the scripts at once, each behind a switch, and says which of them a test comes by. A test
fails here after seconds, not minutes, so it is run again without the change: where it fails then, too, the change is
tried in a session of its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.mutation.areas import Area
from tests.mutation.changes import SOURCE, Change, source_of
from tests.mutation.inside import serve_inside
from tests.mutation.known import Known, load, passes, save
from tests.support.processes import ROOT

STATIC = "faces/server/static"
INSTRUMENT = Path(__file__).parent / "javascript" / "instrument.mjs"
PATIENCE_MS = 25_000
HANGING_SECONDS = 120
MEASURED_SECONDS_MAX = 240
TRIES = 2
OPTIONS = ("-q", "-p", "no:cacheprovider", "--timeout=0", "--assert=plain")
SCRIPT = """(() => {
  const seen = new Set();
  const found = {set(target, id, count) {
    target[id] = count;
    if (!seen.has(id)) { seen.add(id); globalThis.__reached?.(id); }
    return true;
  }};
  globalThis.__stryker__ = {activeMutant: %s, mutantCoverage: {static: %s, perTest: {}}};
})();"""


class Instrumented(NamedTuple):
    """The scripts with all changes in them, and the changes with the name that Stryker gives each."""

    texts: dict[str, bytes]
    ids: dict[Change, str]


@cache
def instrumented() -> Instrumented:
    """Ask Stryker."""
    node = subprocess.run([ROOT / "tests/pds/prepare", "mutation"], check=True, capture_output=True, text=True).stdout
    folder = SOURCE / STATIC
    names = ["app.js", *(f"js/{path.name}" for path in sorted((folder / "js").glob("*.js")))]
    answer = subprocess.run(
        [node.strip(), INSTRUMENT, folder, *names], check=True, capture_output=True, text=True, cwd=INSTRUMENT.parent
    )
    document = json.loads(answer.stdout)
    ids = {_change(one): one["id"] for one in document["changes"]}
    return Instrumented({name: text.encode() for name, text in document["texts"].items()}, ids)


def _change(one: dict[str, Any]) -> Change:
    path = f"{STATIC}/{one['fileName']}"
    # Lines and columns from 0; columns count UTF-16 code units, of which our scripts have one a character.
    starts = [0]
    for line in source_of(path).splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    start, end = (starts[one["location"][edge]["line"]] + one["location"][edge]["column"] for edge in ("start", "end"))
    return Change(path, one["location"]["start"]["line"] + 1, start, end, one["replacement"], "")


def script_changes(path: str) -> list[Change]:
    """All changes of a script."""
    return sorted((change for change in instrumented().ids if change.path == path), key=lambda one: one[2:5])


def noticed_in_browser(
    name: str, area: Area, changes: Sequence[Change], seconds: float, *, again: bool
) -> Iterator[tuple[Change, str]]:
    """Each change with the test that noticed it, or "time"; "" where nothing did."""
    waiting = dict(enumerate(changes))
    tries = dict.fromkeys(waiting, TRIES)
    known = load(name) if again else {}
    while waiting:
        read, write = os.pipe()
        if (pid := os.fork()) == 0:
            os.close(read)
            os.setsid()
            os._exit(_session(name, area, {**waiting}, known, seconds, write))
        os.close(write)
        with os.fdopen(read) as results:
            for line in results:
                number, noticed = json.loads(line)
                tries[number] -= 1
                if noticed is not None or not tries[number]:
                    yield waiting.pop(number), noticed or ""
        os.waitpid(pid, 0)
        _end_group(pid)
        known = load(name)
        if not known:
            sys.exit("the tests of the pages cannot be run: run them with pytest")


def _end_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _session(
    name: str, area: Area, waiting: dict[int, Change], known: dict[str, Known], seconds: float, results: int
) -> int:
    hunt = _Hunt(name, waiting, known, seconds)
    hunt.results = os.fdopen(results, "w", buffering=1)
    with open(os.devnull, "w") as silent:  # noqa: PTH123
        os.dup2(silent.fileno(), 1)
    return int(pytest.main([*OPTIONS, *area.tests], plugins=[hunt]))


class _Hunt:
    """The plug-in: gives each page the changed scripts, finds out what each test reaches, and tries each change."""

    def __init__(self, name: str, waiting: dict[int, Change], known: dict[str, Known], seconds: float) -> None:
        self.results: Any = None
        self._name, self._waiting, self._known, self._seconds = name, waiting, known, seconds
        self._active = "none"
        self._reached: set[str] | None = None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep what runs in a browser, on a server of this process."""
        from playwright.sync_api import expect

        from skywrite.faces.server.pages import static
        from tests.pages import conftest

        names = {"tab", "own_tab", "viewer_tab", "phone", "browser"}
        items[:] = [item for item in items if names & set(getattr(item, "fixturenames", ()))]
        items[:] = [item for item in items if not item.get_closest_marker("nightly")]
        serve_inside()
        content = static._content
        static._content = lambda name: instrumented().texts.get(name) or content(name)  # type: ignore[assignment]
        conftest.PATIENCE_MS = PATIENCE_MS
        expect.set_options(timeout=PATIENCE_MS)
        patient = conftest.make_patient

        def instrumenting(browser: Any) -> None:
            patient(browser)
            opened = browser.new_context
            browser.new_context = lambda **options: self._prepared(opened(**options))

        conftest.make_patient = instrumenting

    def _prepared(self, context: Any) -> Any:
        counters = "{}"
        if self._reached is not None:
            reached = self._reached
            context.expose_function("__reached", lambda number: reached.add(number))
            counters = "new Proxy({}, found)"
        context.add_init_script(SCRIPT % (json.dumps(self._active), counters))
        return context

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """The hunt; it ends early where a session has come to an end."""
        if session.testsfailed:
            raise session.Interrupted("the tests cannot be collected: run them with pytest")
        if not self._known:
            self._known = self._measured(session)
            save(self._name, self._known)
        items = {item.nodeid: item for item in session.items}
        for number, change in self._waiting.items():
            self._active = instrumented().ids[change]
            noticed = self._tried(items)
            print(json.dumps([number, noticed]), file=self.results)
            if noticed is None or noticed == "time":
                os._exit(1)
        return True

    def _measured(self, session: pytest.Session) -> dict[str, Known]:
        known = {}
        for item in list(session.items):
            self._reached, began = set(), time.monotonic()
            if self._passes(item, MEASURED_SECONDS_MAX):
                known[item.nodeid] = Known(time.monotonic() - began, frozenset(self._reached))
            else:
                print(f"left out, since it fails without any change: {item.nodeid}", file=sys.stderr)
        self._reached = None
        return known

    def _tried(self, items: dict[str, pytest.Item]) -> str | None:
        """What notices the active change; None where that cannot be said here."""
        active, left = self._active, self._seconds
        for name in sorted(self._known, key=lambda name: self._known[name].seconds):
            one = self._known[name]
            if active not in one.reached or one.seconds > left:
                continue
            left -= one.seconds
            if self._passes(items[name], HANGING_SECONDS) is False:
                self._active = "none"
                return name if self._passes(items[name], HANGING_SECONDS) else None
        return ""

    def _passes(self, item: pytest.Item, seconds: int) -> bool:
        """Whether a test passes; what runs without end fails, and ends the session."""

        def ended(*_: object) -> None:
            for number, change in self._waiting.items():
                if instrumented().ids[change] == self._active:
                    print(json.dumps([number, "time"]), file=self.results)
            os._exit(1)

        signal.signal(signal.SIGALRM, ended)
        signal.alarm(seconds)
        try:
            # Another file follows, so the browser and the server stay, and nothing else does.
            following = next(other for other in item.session.items if other.path != item.path)
            return passes(item, following)
        finally:
            signal.alarm(0)
