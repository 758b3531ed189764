"""Whole processes measured in turn, so that a machine whose speed drifts treats all alike."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Figures:
    """Of one command: wall and processor seconds, and the most memory in MiB, run by run."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)


def machine() -> str:
    """What the figures come from."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return f"{os.cpu_count()} cores of {model}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"


def run_process(command: Sequence[str], environ: Mapping[str, str], into: Figures | None) -> None:
    """Run once; the figures come from the operating system's own account of the process."""
    began = time.perf_counter()
    # With compiled modules, as they are installed; the first runs, which are not counted, write them.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, env={**inherited, **environ}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    assert process.stderr is not None
    told = process.stderr.read().decode(errors="replace")
    process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[:3]} ended with {process.returncode}: {told[-400:]}")
    if into is not None:
        into.wall.append(wall)
        into.cpu.append(usage.ru_utime + usage.ru_stime)
        into.memory.append(usage.ru_maxrss / 1024)


def in_turn(
    commands: Mapping[str, Sequence[str]], environ: Mapping[str, str], rounds: int, warm_up: int = 2
) -> dict[str, Figures]:
    """A B C A B C ...: every command once a round."""
    figures = {name: Figures() for name in commands}
    for number in range(-warm_up, rounds):
        for name, command in commands.items():
            run_process(command, environ, figures[name] if number >= 0 else None)
    return figures


def ratio(of: Sequence[float], to: Sequence[float]) -> float:
    """The median of the ratios, pair by pair."""
    return statistics.median(first / second for first, second in zip(of, to, strict=True))


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """As Markdown, so that it can go into docs/performance.md."""
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
