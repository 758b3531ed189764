"""A long run says where it is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.mutation.copies import Task, outcomes
from tests.support.processes import ROOT
from tests.support.progress import EVERY_SECONDS, Progress, RunningTests


class Watch:
    """A stopwatch that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_run_tells_its_place_each_half_minute() -> None:
    """Not before half a minute is over, and then once: tests that ended and failed, and the one that runs longest."""
    watch, told = Watch(), list[str]()
    tests = RunningTests(told.append, watch)
    tests.pytest_xdist_node_collection_finished(["one", "two", "three"])
    tests.pytest_runtest_logstart("one")
    tests.pytest_runtest_logfinish("one")
    tests.pytest_runtest_logstart("two")
    watch.seconds = EVERY_SECONDS
    tests.look()
    tests.look()
    assert ["progress: 1 of 3 tests, 0 failed; two has run for 30 s"] == told


def test_copies_tell_their_place() -> None:
    """Mutants: how many were tried, and how many are being tried."""
    told = list[str]()
    watch = Watch()

    progress = Progress(told.append, lambda: watch.seconds)
    watch.seconds = EVERY_SECONDS
    assert [(7, "")] == [*outcomes([Task(7, None, lambda _: "")], jobs=1, progress=progress)]
    assert ["mutants: 0 tried, 1 being tried"] == told


def test_a_script_tells_what_it_does(tmp_path: Path) -> None:
    """A command that takes long is named while it runs, its exit code is the script's, and nothing stays behind."""
    common = (ROOT / "script" / "common.sh").read_text("utf-8").replace("-t 30", "-t 0.1")
    (tmp_path / "script").mkdir()
    (tmp_path / "script" / "common.sh").write_text(common)
    held, hold = os.pipe()
    script = tmp_path / "script" / "slow"
    # It ends when its first line was seen.
    script.write_text(
        '. "$(dirname "$0")/common.sh"\ntelling "counting" bash -c "read -r; exit 3"\necho "not reached"\n'
    )
    with (
        os.fdopen(hold, "w") as answer,
        subprocess.Popen(
            ["bash", script], stdin=held, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        os.close(held)
        assert process.stderr is not None
        line = process.stderr.readline()
        answer.write("seen\n")
        answer.flush()
        output, rest = process.communicate()
    assert ("slow: counting (0 s)\n", "", 3) == (line, output, process.returncode), rest
