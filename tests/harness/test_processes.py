"""The harness itself: children, and that nothing outlives a run that is killed."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import (
    FAST_FOLDER,
    FOLDER,
    LOW_PORT,
    PATIENCE_SECONDS,
    ROOT,
    SKYWRITE,
    Child,
    can_be_forked,
    free_port,
    python_child,
    skywrite,
)

ECHO = "import time, sys\nprint('up')\nwhile True:\n    time.sleep(0.02); print('tick')"
OWNER = """
import signal
from tests.support.pds import running_pds
from tests.support.postgres import postgres_server
from tests.support.processes import SKYWRITE, python_child
with running_pds(accounts=()) as pds, postgres_server() as postgres, python_child(*SKYWRITE, "sandbox") as sandbox:
    sandbox.wait_for_line("http")
    print("servers", pds.child.pid, postgres.child.pid, sandbox.pid)
    signal.pause()
"""

# A run of two processes in the middle of a test that has a child and a folder.
MIDDLE = f"""
import signal
from tests.support.processes import FAST_FOLDER, python_child

def test_it(tmp_path):
    with python_child("-c", {ECHO!r}) as child:
        child.wait_for_line("up")
        with open("TOLD", "w") as file:
            print(child.pid, FAST_FOLDER, file=file)
        signal.pause()
"""


def state(pid: int) -> str:
    """The letter of the process in /proc (T: stopped), or - when there is none any more (or only its remains)."""
    try:
        letter = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "-"
    return "-" if letter == "Z" else letter


def wait_until(reached: Callable[[], bool], timeout_seconds: float = PATIENCE_SECONDS) -> bool:
    """Ask again and again, because /proc tells nobody when it changes."""
    until = time.monotonic() + timeout_seconds
    while not reached() and time.monotonic() < until:
        time.sleep(0.02)
    return reached()


def test_freeze_resume_and_kill() -> None:
    """A frozen child stands still, goes on when resumed, and is gone when killed."""
    with python_child("-c", ECHO) as child:
        child.wait_for_line("up")
        child.freeze()
        assert wait_until(lambda: state(child.pid) == "T")
        child.resume()
        child.wait_for_line("tick", skip=len(child.lines))
        child.kill()
        assert -signal.SIGKILL == child.wait()
        assert not child.running


def test_a_line_that_never_comes_shows_what_came() -> None:
    """Waiting for a line of a child that ended fails with the child's output."""
    child = python_child("-c", "raise SystemExit('it is on fire')")
    with child, pytest.raises(AssertionError, match="on fire"):
        child.wait_for_line("ready")


def test_servers_die_with_the_run_that_started_them() -> None:
    """When a run is killed with SIGKILL, its servers end by themselves."""
    with tempfile.TemporaryDirectory(dir=FAST_FOLDER) as folder:
        Path(folder).chmod(0o755)
        with python_child("-c", OWNER, environ={"SKYWRITE_TEST_FOLDER": folder}) as owner:
            _, *pids = owner.wait_for_line("servers", timeout_seconds=240).split()
            owner.kill()
        assert wait_until(lambda: ["-", "-", "-"] == [state(int(pid)) for pid in pids])


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.nightly), signal.SIGTERM])
def test_nothing_is_left_of_a_run_that_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    """With Ctrl-C or SIGTERM to its first process alone, the others end, too, with all that they started and wrote."""
    told = tmp_path / "told"
    (tmp_path / "conftest.py").write_text("from tests.conftest import *  # noqa: F403\n")
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\nmarkers =\n  network: n\n  nightly: n\n")
    (tmp_path / "test_it.py").write_text(MIDDLE.replace("TOLD", str(told)))
    os.mkfifo(told)
    without = ["env", "-u", FOLDER, sys.executable, "-m", "pytest", "-n", "1", "-p", "no:cacheprovider"]
    with Child([*without, "--rootdir", tmp_path, tmp_path], folder=tmp_path) as run:
        pid, folder = told.read_text().split()
        run.send(number)
        run.wait()
    assert wait_until(lambda: (state(int(pid)), Path(folder).exists()) == ("-", False))


def test_what_is_forked_is_a_process_like_any_other(tmp_path: Path) -> None:
    """A forked `skywrite` has its own words, folder and environment, and ends with its own code."""
    environ = {"PATH": os.environ["PATH"], "SKYWRITE_HOME": "home"}
    done = skywrite("keys", "add", "--name", "mine", "--scope", "read", environ=environ, folder=tmp_path)
    assert (0, True) == (done.returncode, (tmp_path / "home" / "skywrite.db").exists())
    wrong = skywrite("nonsense", environ=environ, folder=tmp_path)
    assert (2, b"") == (wrong.returncode, wrong.stdout)
    assert "nonsense" in wrong.stderr.decode()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_is_forked_can_be_ended(number: signal.Signals) -> None:
    """A signal ends a forked `skywrite`, and its end is told as that of a child."""
    with python_child(*SKYWRITE, "sandbox") as child:
        child.wait_for_line("http")
        child.send(number)
        assert (-number, False) == (child.wait(), child.running)


def test_an_environment_that_python_reads_at_its_start_is_not_forked() -> None:
    """What only a new process would notice gets a new process."""
    assert not can_be_forked({"PYTHONIOENCODING": "latin-1"})
    assert not can_be_forked({"LC_ALL": "C"})
    assert can_be_forked({"SKYWRITE_HOME": "/nowhere"})


def test_a_free_port_stays_free() -> None:
    """It is none that the system gives to connections, so it is still free when its server is restarted."""
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    ports = [free_port() for _ in range(20)]
    assert (20, []) == (len(set(ports)), [port for port in ports if LOW_PORT <= first <= port <= last])


def test_output_is_read_while_nobody_asks() -> None:
    """A child that prints more than a pipe holds does not block."""
    with Child(["sh", "-c", "seq 200000; echo done"]) as child:
        assert 0 == child.wait()
        assert "done" == child.wait_for_line("done")
