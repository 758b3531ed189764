"""The program `skywrite`, also as `python -m skywrite`: its process, which is ours alone, from its start to its end.

What does not live here: the command line (`cli.main`), which tests and completion also run in other processes.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import NoReturn

# Loading modules makes many objects and no garbage. By default, looking through them takes a twentieth of the time that
# a post takes; with this, a post is over first.
GARBAGE_OBJECTS = 40_000


def main() -> NoReturn:
    """Run the command line, and exit with its code."""
    gc.set_threshold(GARBAGE_OBJECTS)
    codes: list[int] = []
    # What is registered first is called last: everybody else has cleaned up by then.
    atexit.register(_end_at_once, codes)
    from skywrite.faces.cli.main import main as run

    try:
        run(sys.argv[1:])
    except SystemExit as ended:
        if isinstance(ended.code, int):
            codes.append(ended.code)
        raise


def _end_at_once(codes: list[int]) -> None:
    """End the process before Python takes every object apart, which takes as long as storing a post.

    Only if it ends in an orderly way, and all of its output has arrived.
    """
    if not codes:
        return
    try:
        for stream in (sys.stdout, sys.stderr):
            # A caller may have closed it.
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return
    os._exit(codes[0])


if __name__ == "__main__":
    main()
