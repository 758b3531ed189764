"""`python -m bench NAME ...`: run one measurement. `python -m bench --small`: each, with next to nothing to do.

What the small ones print means nothing; that they end well means that they still fit the program.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module

SMALL = {
    "post": "--rounds 1",
    "facets": "--rounds 5",
    "queue": "--quick --store sqlite --parts import,claim,size,memory",
    "feeds": "--feeds 10 --threads 2",
    "scale": "--accounts 20 --servers 4 --seconds 0.01 --store sqlite",
    "million": "--accounts 200 --seconds 1 --burst 20",
    "serve": "--requests 5",
    "answers": "--mentions 1 --accounts 20 --servers 2 --flood 20",
}
NAMES = tuple(SMALL)


def main(arguments: Sequence[str]) -> None:
    """Run one measurement, or a small one of each, in processes of their own."""
    if arguments[:1] == ["--small"]:
        sys.exit(f"these do not work: {' '.join(broken)}" if (broken := small(arguments[1:] or NAMES)) else 0)
    usage = f"usage: script/bench {' | '.join(NAMES)} [options]\n       script/bench --small [names]"
    if arguments[:1] == ["--help"]:
        print(usage)
        return
    if not arguments or arguments[0] not in NAMES:
        sys.exit(usage)
    import_module(f"bench.{arguments[0]}").main(list(arguments[1:]))


def small(names: Sequence[str]) -> list[str]:
    """Run small measurements; those that failed."""
    broken = []
    for number, name in enumerate(names, 1):
        words = [name, *SMALL[name].split()]
        print(f"{number} of {len(names)}: {' '.join(words)}", flush=True)
        if subprocess.run([sys.executable, "-m", "bench", *words], stdout=subprocess.DEVNULL, check=False).returncode:
            broken.append(name)
    return broken


if __name__ == "__main__":
    main(sys.argv[1:])
