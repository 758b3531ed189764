"""Whatever others write is read, or refused in a sentence: never an error that nobody expected, no hang, no bomb."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS
from tests.support.chance import SEED
from tests.support.processes import PATIENCE_SECONDS, ROOT

SHOWN_BYTES = 2_000
HANGS_SECONDS = 300


def fuzz(target: str, last: Path, *options: str) -> None:
    """Run a fuzzer in a process of its own; what it dies of is shown with the input that did it."""
    command = [sys.executable, "-m", "tests.fuzz.run", target, "--last", str(last), *options]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=HANGS_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.fail(f"{target} hangs on {last.read_bytes()[:SHOWN_BYTES]!r}")
    if done.returncode:
        pytest.fail(f"{target}: {last.read_bytes()[:SHOWN_BYTES]!r}\n{' '.join(command)}\n{done.stderr[-3_000:]}")


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_the_same_inputs_each_time(target: str, tmp_path: Path) -> None:
    """Some for each kind of input. The speed of the computer changes nothing: a red run is a defect."""
    fuzz(target, tmp_path / "last", "--seed", "1", "--inputs", str(TARGETS[target].inputs))


@pytest.mark.nightly
@pytest.mark.parametrize("target", sorted(TARGETS))
def test_a_minute(target: str, tmp_path: Path) -> None:
    """Other inputs each night; the seed that is shown repeats them. With atheris installed, coverage leads the way."""
    led = ("--atheris",) if find_spec("atheris") else ()
    fuzz(target, tmp_path / "last", "--seed", str(SEED), "--seconds", "60", *led)


def test_a_fuzzer_notices(tmp_path: Path) -> None:
    """An error that is not expected, an endless loop and too much memory each end a run with the input shown."""
    script = (
        "import sys; from tests.fuzz import run, targets; "
        "bad = {'error': lambda data: 1 // (len(data) % 7), 'loop': lambda data: [x for x in iter(int, 1)], "
        "'memory': lambda data: data[:0] + b'x' * (4 << 30)}[sys.argv.pop(1)]; "
        "run.INPUT_SECONDS_MAX = 0.2; "
        "run.one_input = lambda target, data, first=[0]: first.__setitem__(0, first[0] + 1) or "
        "(first[0] > 12 and bad(data)); "
        "run.main()"
    )
    for kind, word in (("error", "ZeroDivisionError"), ("loop", "TooLong"), ("memory", "MemoryError")):
        command = [sys.executable, "-c", script, kind, "feeds", "--inputs", "100", "--last", str(tmp_path / "last")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        assert (1, True) == (done.returncode, word in done.stderr), done.stderr
