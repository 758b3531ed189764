"""Names of workers: who is gone, and who only looks like it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from skywrite.posting.publish import processes
from skywrite.posting.publish.processes import is_gone, worker_name

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say what tells such processes apart")


def ended_process() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        return process.pid


def test_this_process_is_not_gone() -> None:
    """A name is made once, and its process is known to run."""
    names = {worker_name() for _ in range(20)}
    assert (20, False) == (len(names), any(is_gone(name) for name in names))


def test_a_process_that_has_ended_is_gone() -> None:
    """Also where the system does not say when it started."""
    place, pid, nonce = worker_name().split("/")
    ended = ended_process()
    started = pid.partition(".")[2]
    assert (True, True) == (is_gone(f"{place}/{ended}.{started}/{nonce}"), is_gone(f"{place}/{ended}/{nonce}"))


@linux
def test_a_number_that_was_given_again_is_another_process() -> None:
    """The worker is gone, although a process with its number runs."""
    place, pid, nonce = worker_name().split("/")
    assert is_gone(f"{place}/{pid.partition('.')[0]}.1/{nonce}")


@pytest.mark.parametrize("other", ["elsewhere.00000000", "elsewhere", ""])
def test_workers_of_other_computers_are_never_said_to_be_gone(other: str) -> None:
    """Nobody can know that from here: their leases end by themselves."""
    assert not is_gone(f"{other}/{ended_process()}/abcdef")


@linux
def test_containers_that_share_a_host_name_are_different_places(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each counts its own processes: a worker there is not gone because we have no process with its number."""
    place, _, nonce = worker_name().split("/")
    monkeypatch.setattr(processes, "PROCESSES", tmp_path)
    assert place != worker_name().split("/")[0]
    assert not is_gone(f"{place}/{ended_process()}/{nonce}")
