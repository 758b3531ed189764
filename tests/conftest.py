"""Fixtures and options that all tests share. Servers start on first use and end with the run.

If a server cannot be started, the tests that need it fail, with the reason: a green run means that everything ran.
"""

from __future__ import annotations

import logging
import os
import signal
from collections import defaultdict
from collections.abc import Generator, Iterator
from functools import partial
from itertools import chain
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from skywrite.core.clock import SYSTEM_CLOCK
from skywrite.queue import sqlite
from skywrite.queue.migrate import migrate
from tests.support.canaries import left_behind, secrets_in
from tests.support.costs import read_costs, write_costs
from tests.support.network import Network, running_network
from tests.support.pds import Pds, PdsAccount, running_pds
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.processes import FAST_FOLDER, ServerUnavailable, keep_folder
from tests.support.progress import RunningTests

# The time of an example depends on the computer, not on the promise. Without a database of earlier
# examples, a run depends on the code alone (`ci`) or on its seed alone (`nightly`).
SLOW_IS_FINE = [HealthCheck.too_slow]
settings.register_profile(
    "ci", max_examples=40, deadline=None, database=None, derandomize=True, suppress_health_check=SLOW_IS_FINE
)
settings.register_profile("nightly", settings.get_profile("ci"), max_examples=400, derandomize=False)
settings.load_profile("ci")
SEEDS = 2**32
LEFT_BEHIND = "left_behind"
# These share a browser, and a server that it looks at.
IN_ONE_PROCESS = ("tests/pages",)
FOUND_BY_WORKERS = pytest.StashKey[list[str]]()

# Wherever a file of tests is, it has the queue in a sandbox, both stores, a live server and a shell.
pytest_plugins = ("tests.support.world", "tests.support.stores", "tests.support.serving", "tests.support.shell")

OPTIONAL = {
    "network": "needs the whole reference network: script/test --network",
    "nightly": "a long proof: script/test --nightly",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    for name, reason in OPTIONAL.items():
        parser.addoption(f"--{name}", action="store_true", help=f"also run the tests marked {name} ({reason})")
    parser.addoption("--write-costs", action="store_true", help="write down how long the files take (tests/costs.tsv)")
    parser.addoption("--seed", type=int, help="repeat the nightly run that printed this number")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Leave nothing to chance or, at night, all of it to one number, before modules of tests are imported."""
    # A shell lets whatever it starts in the background ignore Ctrl-C, but some tests press it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Whoever ends a run in another way means the same: servers and folders go, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # The width of the terminal of whoever runs the tests is not that of a test.
    os.environ.pop("COLUMNS", None)
    # Thousands of databases are synchronised to the disk, which waits for nothing where there is only memory.
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(FAST_FOLDER)
    # Each request of a test's own client would leave a dozen lines that say nothing of the program.
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    if not is_worker(config):
        config.pluginmanager.register(RunningTests(partial(tell, config)), "running-tests")
    if not config.getoption("--nightly"):
        return
    if config.option.seed is None:
        config.option.seed = int(SYSTEM_CLOCK.random() * SEEDS)
    os.environ |= {"SKYWRITE_NIGHTLY": "1", "SKYWRITE_NIGHTLY_SEED": str(config.option.seed)}
    settings.load_profile("nightly")
    config.option.hypothesis_seed = config.option.seed


def tell(config: pytest.Config, line: str) -> None:
    """Print a line of its own."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.ensure_newline()
        reporter.write_line(line)


def pytest_report_header(config: pytest.Config) -> str:
    return repeating(config)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: pytest.ExitCode, config: pytest.Config
) -> None:
    if config.getoption("--write-costs"):
        write_costs(spent_by_file(terminalreporter))
    used = os.times()
    seconds = used.user + used.system + used.children_user + used.children_system
    terminalreporter.write_line(f"{seconds:.0f} s of processor time in all, that of ended child processes included")
    if exitstatus == pytest.ExitCode.TESTS_FAILED and keep_folder():
        terminalreporter.write_line(f"what the tests wrote is in {FAST_FOLDER} until the next run")
    if config.getoption("--nightly"):
        terminalreporter.write_line(repeating(config))


def spent_by_file(terminalreporter: pytest.TerminalReporter) -> dict[str, float]:
    """Seconds of tests and of what they need, by file."""
    spent: dict[str, float] = defaultdict(float)
    for report in chain(*terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            spent[report.nodeid.partition("::")[0]] += report.duration
    return spent


def repeating(config: pytest.Config) -> str:
    """How to repeat this run."""
    if config.getoption("--nightly"):
        return f"random, seed {config.option.seed}; the same again: script/test --nightly --seed {config.option.seed}"
    return "not random: each run tests the same; others at night: script/test --nightly"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # The longest first: side by side, a file that starts last is waited for.
    costs = read_costs()
    items.sort(key=lambda item: -costs.get(item.nodeid.partition("::")[0], 0.0))
    for name, reason in OPTIONAL.items():
        if config.getoption(f"--{name}"):
            continue
        for item in items:
            if item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that passes but has a secret in its output or log."""
    report = yield
    if report.passed:
        for title, text in report.sections:
            if secrets := secrets_in(text):
                report.outcome = "failed"
                report.sections = []
                report.longrepr = f"{item.nodeid} let a secret out ({title}): {', '.join(secrets)}"
                break
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if a test left a secret in a database, a log or a page."""
    config = session.config
    if config.getoption("numprocesses", None) and not is_worker(config):
        # Each process looked at what it left.
        end_with(session, {*config.stash.get(FOUND_BY_WORKERS, [])})
        return
    folders = config._tmp_path_factory  # type: ignore[attr-defined]  # the only way to it from a hook
    leaks = left_behind(folders._basetemp) if folders._basetemp else []
    if is_worker(config):
        # Only the process that ran a test knows its secrets, and only the first process decides how the run ends.
        config.workeroutput[LEFT_BEHIND] = leaks  # type: ignore[attr-defined]  # of pytest-xdist
        return
    end_with(session, {*leaks})


def end_with(session: pytest.Session, secrets: set[str]) -> None:
    """Fail the run if there are any."""
    if secrets:
        print(f"\nsecrets were left behind: {', '.join(sorted(secrets))}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file of tests goes to one process, and so does a folder whose files share what takes seconds to start."""
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    class LoadFolderOrFile(LoadFileScheduling):  # type: ignore[misc]  # of pytest-xdist, which has no types
        def _split_scope(self, nodeid: str) -> str:
            folder = nodeid.partition("::")[0].rpartition("/")[0]
            return folder if folder in IN_ONE_PROCESS else super()._split_scope(nodeid)

    return LoadFolderOrFile(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a process of pytest-xdist found when it ended."""
    leaks = getattr(node, "workeroutput", {}).get(LEFT_BEHIND, [])
    node.config.stash.setdefault(FOUND_BY_WORKERS, []).extend(leaks)


def is_worker(config: pytest.Config) -> bool:
    """Whether this is one of several processes that run the tests."""
    return hasattr(config, "workerinput")


@pytest.fixture(scope="session")
def with_tables(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An SQLite database with its tables and nothing in them."""
    path = tmp_path_factory.mktemp("tables") / "skywrite.db"
    database = sqlite.SqliteDatabase(str(path))
    migrate(database, SYSTEM_CLOCK)
    database.close()
    return path.read_bytes()


@pytest.fixture(autouse=True)
def tables_at_once(request: pytest.FixtureRequest, with_tables: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new SQLite database is a copy, which takes a tenth of the time, except where tests are about its tables."""
    if request.path.parent.name != "store":
        monkeypatch.setattr(sqlite, "put_header", lambda path: path.write_bytes(with_tables))


@pytest.fixture(scope="session")
def pds() -> Iterator[Pds]:
    """The reference PDS that all tests share: use your own `account`, and leave the server running."""
    try:
        with running_pds() as server:
            yield server
    except ServerUnavailable as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def account(pds: Pds) -> PdsAccount:
    """An account for this test only, on the shared PDS."""
    return pds.create_account()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The PostgreSQL server that all tests share; tests that stop or restart one start their own."""
    try:
        with postgres_server() as server:
            yield server
    except ServerUnavailable as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """The address of an empty database for this test only."""
    return postgres.create_database()


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """The whole reference network with the AppView; only for tests marked `network`."""
    try:
        with running_network() as server:
            yield server
    except ServerUnavailable as error:
        pytest.fail(str(error), pytrace=False)
