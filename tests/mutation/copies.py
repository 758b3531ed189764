"""Copies of this process (forks), a few at a time, each with a folder of its own and with limits.

What counts is processor time: a busy machine makes nothing fail. Only what waits without end is stopped by the clock.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.processes import FAST_FOLDER
from tests.support.progress import Progress

MEMORY_BYTES = 6 << 30
LOOP_SECONDS = 5
LOOPS = 3
GRACE_SECONDS = 60.0
SLOW = 20.0
# A copy that takes longer probably waits for something: others may run meanwhile.
WAITS_AFTER_SECONDS = 10.0
WAITING_MAX = 6
ANSWER_MAX = 1 << 24
# Where pytest runs, what is written to the standard files is its own.
TERMINAL = os.dup(2)


class BrokenTool(Exception):
    """The tool itself failed in a copy; the message is the traceback there."""


class Task(NamedTuple):
    """What a copy does in its folder, as a text; and how many seconds that takes when all is well (None: any time)."""

    number: int
    seconds: float | None
    work: Callable[[Path], str]


class _Copy(NamedTuple):
    task: Task
    began: float
    answer: int
    folder: Path

    def is_late(self) -> bool:
        seconds = self.task.seconds
        return seconds is not None and time.monotonic() - self.began > GRACE_SECONDS + SLOW * seconds


def tell(line: str) -> None:
    """Print a line of progress."""
    os.write(TERMINAL, f"{line}\n".encode())


def outcomes(tasks: Iterable[Task], *, jobs: int, progress: Progress | None = None) -> Iterator[tuple[int, str]]:
    """The number of each task with what its copy said, or "time" or "crash"."""
    progress = progress or Progress(tell)
    tried = 0
    base = Path(tempfile.mkdtemp(prefix="skywrite-mutants-", dir=FAST_FOLDER))
    waiting = iter(tasks)
    running: dict[int, _Copy] = {}
    try:
        while True:
            while _has_room(running, jobs) and (task := next(waiting, None)) is not None:
                pid, copy = _start(task, base)
                running[pid] = copy
            if not running:
                return
            progress.look(lambda: f"mutants: {tried:,} tried, {len(running)} being tried")  # noqa: B023
            ended = [_outcome(pid, running.pop(pid), status) for pid, status in _ended(running)]
            tried += len(ended)
            yield from ended
            if not ended:
                time.sleep(0.003)
    finally:
        for pid in running:
            _end_group(pid)
        shutil.rmtree(base, ignore_errors=True)


def _has_room(running: dict[int, _Copy], jobs: int) -> bool:
    recent = time.monotonic() - WAITS_AFTER_SECONDS
    busy = sum(copy.began > recent or copy.task.seconds is None for copy in running.values())
    return busy < jobs and len(running) < jobs + WAITING_MAX


def _start(task: Task, base: Path) -> tuple[int, _Copy]:
    # Plain numbers: a file object that is collected in the copy would be a warning, and fail a test.
    answer = os.memfd_create("answer")
    folder = Path(tempfile.mkdtemp(dir=base))
    if pid := os.fork():
        return pid, _Copy(task, time.monotonic(), answer, folder)
    try:
        _limit(task.seconds)
        text, code = task.work(folder), 0
    except BaseException:
        text, code = traceback.format_exc(), 3
    os.pwrite(answer, text.encode(), 0)
    os._exit(code)


def _limit(seconds: float | None) -> None:
    os.setsid()
    with open(os.devnull, "w") as silent:  # noqa: PTH123
        os.dup2(silent.fileno(), 1)
        os.dup2(silent.fileno(), 2)
    if seconds is not None:
        most = int(LOOP_SECONDS + LOOPS * seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _ended(running: dict[int, _Copy]) -> Iterator[tuple[int, int | None]]:
    """The copies that have ended, each with its status; None for one that had to be stopped."""
    for pid, copy in list(running.items()):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            yield pid, status
        elif copy.is_late():
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            yield pid, None


def _outcome(pid: int, copy: _Copy, status: int | None) -> tuple[int, str]:
    _end_group(pid)
    text = os.pread(copy.answer, ANSWER_MAX, 0).decode()
    os.close(copy.answer)
    shutil.rmtree(copy.folder, ignore_errors=True)
    if status is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)):
        return copy.task.number, "time"
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 3:
        raise BrokenTool(text)
    return copy.task.number, text if status == 0 else "crash"


def _end_group(pid: int) -> None:
    """End what a copy left running."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
