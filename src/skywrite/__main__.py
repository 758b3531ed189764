"""The program `skywrite`, also as `python -m skywrite`: its process, which is ours alone.

What does not live here: the command line (`cli.main`), which tests and completion also run in other processes.
"""

from __future__ import annotations

import atexit
import gc
import sys
from typing import NoReturn

GARBAGE_OBJECTS = 40_000


def main() -> NoReturn:
    """Run the command line, and exit with its code."""
    _collect_garbage_less()
    from skywrite.cli.main import main as run

    run(sys.argv[1:])


def _collect_garbage_less() -> None:
    """Loading modules makes many objects and no garbage, and what is there at the end goes with the process.

    By default, looking through all of it takes a fifth of the time that a post takes; with this, a post is over first.
    """
    gc.set_threshold(GARBAGE_OBJECTS)
    atexit.register(gc.freeze)


if __name__ == "__main__":
    main()
