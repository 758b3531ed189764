"""The queue: importing, claiming, size, memory, draining, idling, waking, lateness, many workers.

script/bench queue --parts import,claim --store sqlite --rows 100000; about ten minutes with everything, on two cores.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench import queue_run, queue_store
from bench.measure import machine, print_table
from bench.queue_data import Ground, tell
from bench.queue_store import Table

TITLES = {
    "import": "Import, without media",
    "claim": "Claiming and settling",
    "size": "Size of a row",
    "memory": "Memory",
    "drain": "Draining due posts to the reference PDS",
    "idle": "`skywrite run` with nothing to do",
    "wake": "Until a post that another process stored is claimed",
    "late": "From due to accepted by the reference PDS",
    "workers": "Workers on one PostgreSQL database",
}


def main(arguments: list[str]) -> None:
    chosen = _options(arguments)
    began = time.monotonic()
    failed = []
    print(f"On {machine()}. SQLite lies in {_file_system(chosen.folder)}; PostgreSQL and the PDS keep their data in")
    print("memory where they can, and PostgreSQL does not wait for its disk.")
    with ExitStack() as stack:
        ground = Ground(stack, chosen.rows, chosen.folder)
        for name, part in _parts(ground, chosen).items():
            if name not in chosen.parts:
                continue
            tell(f"part {name}")
            try:
                head, rows = part()
            except (Exception, SystemExit) as error:
                failed.append(name)
                traceback.print_exc()
                print(f"\n## {TITLES[name]}\n\nIt could not be measured: {error}")
                continue
            print(f"\n## {TITLES[name]}\n")
            print_table(head, rows)
            sys.stdout.flush()
    print(f"\n{(time.monotonic() - began) / 60:.0f} minutes; load {os.getloadavg()[0]:.1f} at the end.")
    sys.exit(1 if failed else 0)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench queue", description=__doc__)
    parser.add_argument("--parts", type=_names, default=list(TITLES), help=f"some of {','.join(TITLES)}")
    parser.add_argument("--store", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--rows", type=int, default=1_000_000, help="posts in the large database")
    parser.add_argument("--posts", type=int, default=500, help="posts of a round of draining")
    parser.add_argument("--rounds", type=int, default=4, help="rounds of draining")
    parser.add_argument("--connections", type=int, default=8, help="threads and connections of draining")
    parser.add_argument("--burst", type=int, default=1000, help="posts due in the same second")
    parser.add_argument("--folder", type=Path, help="where SQLite databases are made; the system's temporary folder")
    parser.add_argument("--quick", action="store_true", help="everything small, to see that it works")
    chosen = parser.parse_args(arguments)
    chosen.kinds = ["sqlite", "postgres"] if chosen.store == "both" else [chosen.store]
    chosen.claims, chosen.checked, chosen.idle_seconds, chosen.single, chosen.wakes = 900, 50_000, 20.0, 60, 30
    chosen.drained = 400
    if chosen.quick:
        chosen.rows, chosen.posts, chosen.rounds, chosen.burst = 20_000, 60, 2, 200
        chosen.claims, chosen.checked, chosen.idle_seconds, chosen.single, chosen.wakes = 100, 500, 5.0, 10, 8
        chosen.drained = 100
    return chosen


def _names(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in TITLES:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {','.join(TITLES)}")
    return names


def _parts(ground: Ground, chosen: argparse.Namespace) -> dict[str, Callable[[], Table]]:
    kinds = chosen.kinds
    threads = [4, chosen.connections * 2]
    return {
        "import": partial(queue_store.import_part, ground, kinds, chosen.checked),
        "claim": partial(queue_store.claim_part, ground, kinds, chosen.claims),
        "size": partial(queue_store.size_part, ground, kinds),
        "memory": partial(queue_store.memory_part, ground, kinds, chosen.claims),
        "drain": partial(queue_run.drain_part, ground, kinds, chosen.posts, chosen.connections, chosen.rounds),
        "idle": partial(queue_run.idle_part, ground, kinds, chosen.idle_seconds),
        "wake": partial(queue_run.wake_part, ground, kinds, chosen.wakes),
        "late": partial(queue_run.late_part, ground, kinds, chosen.single, chosen.burst, threads),
        "workers": partial(queue_run.workers_part, ground, chosen.drained, [(1, 4), (2, 4), (4, 4), (1, 16)]),
    }


def _file_system(folder: Path | None) -> str:
    """The kind of the file system that SQLite writes to, since its commits wait for it."""
    import tempfile

    place = str((folder or Path(tempfile.gettempdir())).resolve())
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    under = [(point, kind) for point, kind in mounts if place == point or place.startswith(point.rstrip("/") + "/")]
    return max(under, key=lambda mount: len(mount[0]))[1] if under else "an unknown file system"
